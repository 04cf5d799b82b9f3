"""Old twins in PostgreSQL with triggers, keys, partitions and heirs: no row of another table is lost."""

from __future__ import annotations

import pyarrow as pa
import pytest
from postgres_server import PASSWORD
from postgres_tables import leftovers, shop, twin

from synthohive_py.connectors import Place, Relation
from synthohive_py.connectors.postgres import PostgresConnector
from synthohive_py.errors import ConnectorError

OLD = pa.table({"a": [1, 2, 3], "j": ["{}"] * 3})
NEW = pa.table({"a": [4, 5, 6, 7], "j": ["[]"] * 4})


@pytest.fixture
def old(postgres: PostgresConnector, sql) -> PostgresConnector:
    """The database, with a table `shop.t` and its twin."""
    sql("create table shop.t (a integer, j jsonb)")
    postgres.write_twins([twin(postgres, OLD)])
    return postgres


NO_ROW = "create function twins.no() returns trigger language plpgsql as 'begin return null; end'"


@pytest.mark.parametrize(
    ("tied", "found"),
    [
        ("create trigger x before delete on twins.t for each row execute function twins.no()", "7 rows"),
        ("create trigger x before insert on twins.t for each row execute function twins.no()", "0 rows"),
        ("create rule x as on insert to twins.t where new.a > 4 do instead nothing", "1 rows"),
    ],
)
def test_a_twin_that_keeps_or_loses_rows_is_refused(old, sql, tied: str, found: str) -> None:
    sql(NO_ROW)
    sql(tied)

    with pytest.raises(
        ConnectorError, match=rf"twins.*t.*no twin was changed.*4 rows.*{found}.*drop the tri"
    ):
        old.write_twins([twin(old, NEW)])

    assert old.read(old.relation("twins", "t")) == OLD.set_column(0, "a", OLD["a"].cast(pa.int32()))
    assert leftovers(sql) == []


def test_a_table_that_inherits_from_a_twin_keeps_its_rows(old, sql) -> None:
    sql("create table twins.archive () inherits (twins.t)")
    sql("insert into twins.archive select * from twins.t")

    old.write_twins([twin(old, NEW)])

    assert sql("select a from only twins.t order by a") == [(4,), (5,), (6,), (7,)]
    assert sql("select a from twins.archive order by a") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("column", ["a integer, j json", "a bigint, j json"])
def test_a_part_of_a_real_table_is_no_place_for_a_twin(postgres, sql, column: str) -> None:
    sql("create schema twins")
    sql("create table shop.t (a integer, j jsonb) partition by range (a)")
    sql("create table twins.t partition of shop.t for values from (0) to (9)")
    sql("insert into shop.t values (1, '{}'), (2, '{}')")
    sql(f"create table shop.other ({column})")
    place = Place(shop(postgres, "other"), postgres.relation("twins", "t"))

    with (
        pytest.raises(ConnectorError, match=r"twins.*t.*is part of another table.*no twin.*shop.*t.*detach"),
        postgres.writing({"t": place}) as add,
    ):
        add("t", NEW)

    assert sql("select count(*)::int from shop.t") == [(2,)]


def test_a_twin_that_a_real_table_is_part_of_is_no_place_for_a_twin(postgres, sql) -> None:
    sql("create schema twins")
    sql("create table shop.t (a integer, j jsonb)")
    sql("insert into shop.t values (1, '{}'), (2, '{}')")
    sql("create table twins.t (a integer, j jsonb) partition by range (a)")
    sql("alter table twins.t attach partition shop.t for values from (0) to (9)")

    with pytest.raises(ConnectorError, match=r"twins.*t.*a real table is part.*no twin.*shop.*t.*detach"):
        postgres.write_twins([twin(postgres, NEW)])

    assert sql("select count(*)::int from shop.t") == [(2,)]


def test_a_twin_in_partitions_gets_new_rows(postgres, sql) -> None:
    sql("create schema twins")
    sql("create table shop.t (a integer, j jsonb)")
    sql("create table twins.t (a integer, j jsonb) partition by range (a)")
    sql("create table twins.low partition of twins.t for values from (0) to (5)")
    sql("create table twins.high partition of twins.t for values from (5) to (9)")

    for rows in (OLD, NEW):
        postgres.write_twins([twin(postgres, rows)])

    assert sql("select a from twins.low") == [(4,)]
    assert sql("select a from twins.high order by a") == [(5,), (6,), (7,)]


@pytest.mark.parametrize("rule", ["cascade", "set null"])
def test_a_key_that_would_delete_rows_of_others_is_refused(old, sql, rule: str) -> None:
    sql("create table shop.u (a integer)")
    old.write_twins([twin(old, pa.table({"a": [1, 2]}), "u")])
    sql("alter table twins.t add primary key (a)")
    sql(f"alter table twins.u add constraint up foreign key (a) references twins.t on delete {rule}")

    with pytest.raises(ConnectorError, match=r"twins.*t.*key would delete.*no twin.*u.*drop that key"):
        old.write_twins([twin(old, NEW)])

    assert sql("select a from twins.u order by a") == [(1,), (2,)]
    sql("alter table shop.t add primary key (a)")
    old.write_twins([twin(old, NEW), twin(old, pa.table({"a": [4]}), "u")])
    assert sql("select a from twins.u") == [(4,)]


@pytest.mark.usefixtures("old")
def test_rows_that_this_user_does_not_see_are_not_left_among_new_ones(postgres_uri, sql) -> None:
    if not sql("select 1 from pg_roles where rolname = 'seer'"):
        sql("create role seer login password 'seer-pw'")
    sql("grant usage on schema shop, twins to seer")
    sql("grant create on schema twins to seer")
    sql("grant select on shop.t to seer")
    sql("grant all on twins.t to seer")
    sql("alter table twins.t enable row level security")
    sql("create policy seen on twins.t to seer using (a > 1)")
    sql("create policy any_new on twins.t for insert to seer with check (true)")
    seer = PostgresConnector(postgres_uri.replace(f"postgres:{PASSWORD}", "seer:seer-pw"))

    with pytest.raises(ConnectorError, match=r"twins.*t.*no twin was changed.*row-level security"):
        seer.write_twins([twin(seer, NEW)])

    assert sql("select a from twins.t order by a") == [(1,), (2,), (3,)]


@pytest.mark.parametrize("schema", ["information_schema", "pg_catalog", "pg_twins"])
def test_the_schemas_of_the_server_are_no_place_for_twins(postgres, sql, schema: str) -> None:
    sql("create table shop.t (a integer)")

    with (
        pytest.raises(ConnectorError, match=rf"'{schema}' is the server's own; no twin was changed.*another"),
        postgres.writing({"t": Place(shop(postgres), Relation("postgres", schema, "t"))}),
    ):
        pass
