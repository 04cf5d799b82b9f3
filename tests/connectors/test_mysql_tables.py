"""MariaDB's tables with a history, tables that others hold, and tables that may be left behind."""

from __future__ import annotations

import socket

import pyarrow as pa
import pymysql
import pytest
from mariadb_server import PASSWORD
from sockets import sockets_to

from synthohive_py import Synthesizer
from synthohive_py.connectors import Place, Relation, Twin, mysql_door, open_url
from synthohive_py.connectors import mysql as module
from synthohive_py.errors import ConnectorError


def shop(connector: module.MySQLConnector, table: str = "t") -> Relation:
    return connector.relation("shop", table)


def twin(connector: module.MySQLConnector, rows: pa.Table, table: str = "t") -> Twin:
    return Twin(shop(connector, table), connector.relation("twins", table), rows)


def leftovers(sql) -> list[str]:
    found = sql("select table_name from information_schema.tables where table_name like 'synthohive%'")
    return [name for (name,) in found]


# ---------------------------------------------------------------- a history


@pytest.mark.parametrize("zone", ["+02:00", "-05:00", "SYSTEM"])
def test_views_on_tables_with_a_history_have_their_current_rows(mysql, mysql_sql, zone: str) -> None:
    mysql_sql("create table shop.t (a int primary key, at timestamp null, d double) with system versioning")
    mysql_sql("create table shop.u (a int)")
    mysql_sql("insert into shop.t select seq, '2024-01-01 12:00:00', seq / 3e0 from shop.seq_1_to_5")
    mysql_sql("insert into shop.u select seq from shop.seq_1_to_5")
    mysql_sql("delete from shop.t where a = 5")
    mysql_sql("create view shop.v as select * from shop.t")
    mysql_sql("create view shop.w as select * from shop.v where a > 0")
    mysql_sql("create view shop.x as select u.a, w.d, w.at from shop.u left join shop.w on u.a = w.a")
    mysql_sql(f"set global time_zone = '{zone}'")
    try:
        rows = {name: mysql.read(shop(mysql, name)).sort_by("a") for name in "tvwx"}
    finally:
        mysql_sql("set global time_zone = '+02:00'")

    assert rows["t"]["d"].to_pylist() == [1 / 3, 2 / 3, 1.0, 4 / 3]
    assert rows["v"] == rows["t"]
    assert rows["w"] == rows["t"]
    assert rows["x"]["d"].to_pylist() == [1 / 3, 2 / 3, 1.0, 4 / 3, None]
    assert rows["x"]["at"].null_count == 1


def test_an_old_twin_with_a_history_is_refused_as_that(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t (a int)")
    mysql_sql("create database twins")
    mysql_sql("create table twins.t (a int) with system versioning")
    mysql_sql("insert into twins.t values (1)")

    with pytest.raises(ConnectorError, match=r"twins.*t.*has a history.*no twin was changed.*versioning"):
        mysql.write_twins([twin(mysql, pa.table({"a": [2]}))])

    assert mysql_sql("select a from twins.t") == [(1,)]


# ---------------------------------------------------------------- names and places


def test_names_with_line_breaks_are_taken_literally(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.`t\n) x` (`a\nb` int, `c` json comment 'x\n, `y` int', d int default 3)")
    mysql_sql("alter table shop.`t\n) x` partition by hash (d) partitions 2")
    source, target = (mysql.relation(schema, "t\n) x") for schema in ("shop", "twins"))
    rows = pa.table({"a\nb": pa.array([7], pa.int32()), "c": ["{}"], "d": pa.array([4], pa.int32())})

    mysql.write_twins([Twin(source, target, rows)])

    assert mysql.read(target) == rows
    [(_, shown)] = mysql_sql("show create table twins.`t\n) x`")
    assert "json_valid" in shown
    assert "utf8mb4" in shown


def test_the_names_that_are_given_back_are_those_of_mysql(mysql_url, mysql_sql) -> None:
    mysql_sql("create table shop.`a``b` (id int primary key)")
    mysql_sql("insert into shop.`a``b` select seq from shop.seq_1_to_20")

    names = (
        Synthesizer(model="gaussian_copula", progress=False)
        .fit(f"{mysql_url}/shop")
        .sample(output_path=f"{mysql_url}/shop?schema=twins")
    )

    assert mysql_sql(f"select count(*) from {names['a`b']}") == [(20,)]


@pytest.mark.parametrize("schema", ["mysql", "sys", "SYS", "information_schema", "performance_schema"])
def test_the_databases_of_the_server_are_no_place_for_twins(mysql, mysql_sql, schema: str) -> None:
    mysql_sql("create table shop.t (a int)")

    with (
        pytest.raises(ConnectorError, match=rf"'{schema}' is the server's own; no twin was changed.*another"),
        mysql.writing({"t": Place(shop(mysql), mysql.relation(schema, "t"))}),
    ):
        pass


@pytest.mark.parametrize(
    ("option", "named"),
    [("socket=/s3cret", "socket"), ("ssl_mode=s3cret", "ssl_mode"), ("pasword=s3cret", "pasword")],
)
def test_an_option_is_named_and_its_value_is_not_shown(mysql_url, option: str, named: str) -> None:
    with pytest.raises(ConnectorError, match=named) as caught:
        open_url(f"{mysql_url}/shop?{option}")

    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}".replace(PASSWORD, "")


def test_a_password_that_ends_the_url_too_early_is_not_shown(mysql_url) -> None:
    with pytest.raises(ConnectorError, match=r"options.*%3F") as caught:
        open_url(mysql_url.replace(PASSWORD, "12?s3cret=x"))

    assert "s3cret" not in str(caught.value)


def test_a_missing_database_is_said_to_be_made_by_the_option(mysql_url) -> None:
    with pytest.raises(ConnectorError, match=r"Unknown database.*made for a twin.*\?schema="):
        open_url(f"{mysql_url}/missing")


def test_what_a_function_of_the_database_raises_is_not_shown(mysql, mysql_sql) -> None:
    mysql_sql(
        "create function shop.judged(x text) returns text deterministic begin if x = 'Alice' then "
        "signal sqlstate '45000' set message_text = 'Alice is broke'; end if; return x; end"
    )
    mysql_sql("create table shop.b as select if(seq = 70000, 'Alice', seq) as x from shop.seq_1_to_80000")
    mysql_sql("create view shop.v as select shop.judged(x) as y from shop.b")

    with pytest.raises(ConnectorError, match=r"shop.*v.*can't be read.*raised") as caught:
        mysql.read(shop(mysql, "v"))

    assert "Alice" not in str(caught.value)


# ---------------------------------------------------------------- locks, and lines that are dead


def test_a_table_that_another_holds_is_not_waited_for_for_ever(
    mysql, mysql_url, mysql_sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 1)
    mysql_sql("create table shop.t (a int)")
    mysql_sql("create table shop.u (a int)")
    held = r"shop.*u.*can't be read.*timeout.*other program that holds the table"
    port = int(mysql_url.rpartition(":")[2])
    with pymysql.connect(host="127.0.0.1", port=port, user="root", password=PASSWORD) as other:
        other.cursor().execute("lock tables shop.u write")

        for read in (mysql.read, mysql.count):
            with pytest.raises(ConnectorError, match=held):
                read(shop(mysql, "u"))
        with pytest.raises(ConnectorError, match=held) as caught:
            mysql.write_twins([twin(mysql, pa.table({"a": [1]}), name) for name in ("t", "u")])

    assert "twins" not in caught.value.table
    assert leftovers(mysql_sql) == []


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such option")
def test_both_drivers_give_up_a_server_that_has_vanished(
    mysql, mysql_url, mysql_sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On one machine the quick driver prefers a socket that is a file.
    monkeypatch.setattr(mysql_door, "ASKING", f"{mysql_door.ASKING}&prefer_socket=false")
    mysql_sql(
        "create view shop.v as select seq as a, if(seq = 70000, sleep(1), 0) as b from shop.seq_1_to_80000"
    )
    port = int(mysql_url.rpartition(":")[2])

    def settings() -> set[tuple[int, ...]]:
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        return {tuple(it.getsockopt(socket.IPPROTO_TCP, n) for n in names) for it in sockets_to(port)}

    with mysql._session():
        assert (60, 10, 6, 120_000) in settings()
    pieces = mysql.batches(shop(mysql, "v"))
    assert [next(pieces).num_rows for _ in range(2)] == [0, 65_536]
    assert (60, 10, 6, 0) in settings()
    pieces.close()


# ---------------------------------------------------------------- what may be left


def test_ctrl_c_after_the_renames_leaves_the_new_twins_and_nothing_else(
    mysql, mysql_sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    mysql_sql("create table shop.t (a int)")
    mysql.write_twins([twin(mysql, pa.table({"a": [1]}))])
    ask, ended = mysql_door.Session.ask, []

    def asked(self: mysql_door.Session, statement: str, *values: object) -> list:
        if statement.startswith("drop table") and not ended:
            ended.append(statement)
            self.connection._force_close()  # as the driver does, whatever ends its waiting
            raise KeyboardInterrupt
        return ask(self, statement, *values)

    monkeypatch.setattr(mysql_door.Session, "ask", asked)

    with pytest.raises(KeyboardInterrupt):
        mysql.write_twins([twin(mysql, pa.table({"a": [2]}))])

    assert ended
    assert mysql_sql("select a from twins.t") == [(2,)]
    assert leftovers(mysql_sql) == []


def test_a_connection_that_is_lost_leaves_no_tables_and_those_of_others_stay(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t (a int)")
    mysql_sql("create database twins")
    theirs = "synthohive_tmp_0123456789abcdef"

    def lose() -> None:
        with mysql.writing({"t": Place(shop(mysql), mysql.relation("twins", "t"))}) as add:
            add("t", pa.table({"a": [1]}))
            mysql_sql(f"create table twins.{theirs} (a int)")  # of a writer that came in between
            sleeping = (
                "select id from information_schema.processlist "
                "where id <> connection_id() and user = 'root' and command = 'Sleep'"
            )
            for (number,) in mysql_sql(sleeping):
                mysql_sql(f"kill {number}")
            add("t", pa.table({"a": [2]}))

    with pytest.raises(ConnectorError, match="no twin was changed"):
        lose()

    assert leftovers(mysql_sql) == [theirs]


def test_tables_that_this_user_may_not_drop_are_named(mysql, mysql_url, mysql_sql, caplog) -> None:
    who = "dropless@'127.0.0.1'"
    mysql_sql("create table shop.t (a int)")
    mysql.write_twins([twin(mysql, pa.table({"a": [1]}))])
    mysql_sql(f"create or replace user {who} identified by 'pw'")
    mysql_sql(f"grant select on shop.* to {who}")
    mysql_sql(f"grant select, insert, create, alter on twins.* to {who}")
    connector, _ = open_url(f"{mysql_url.replace(f'root:{PASSWORD}', 'dropless:pw')}/shop")

    with pytest.raises(ConnectorError, match=r"twins.*t.*no twin was changed.*DROP command denied.*grant"):
        connector.write_twins([twin(mysql, pa.table({"a": [2]}))])

    [left] = leftovers(mysql_sql)
    assert f"are left; drop them, or let the next run do it: `twins`.`{left}`" in caplog.text
    mysql.write_twins([twin(mysql, pa.table({"a": [3]}))])
    assert leftovers(mysql_sql) == []
