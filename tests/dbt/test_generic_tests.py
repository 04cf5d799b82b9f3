"""Generic tests that compare a source or a model with its twin: their numbers, and what dbt makes of them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from of_copies import add_tests_of_copies
from sail_server import sail_server, sail_session
from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
from sdmetrics.multi_table import CardinalityShapeSimilarity
from sdmetrics.single_column import KSComplement, MissingValueSimilarity, TVComplement
from shop import BOTH, SOURCES, Database, DuckDB, Project

TABLES = ("countries", "customers", "orders", "order_lines")
ALWAYS = 1.01  # no score reaches it, so every score is kept as a failure
RULE = "ordered_at >= parent.joined"
CUSTOMER = {"to": "source('shop', 'customers')", "field": "customer_id"}
ORDER = {
    "to": "source('shop', 'orders')",
    "columns": ["shop_no", "order_no"],
    "to_columns": ["shop_no", "order_no"],
}
# Twins that differ in ways that are known. Both databases take this.
TWINS = """
update shop.order_lines set price = 'NaN' where line = 3;
create schema shop_synthetic;
create table shop_synthetic.countries as select * from shop.countries;
create table shop_synthetic.customers as
select
    customer_id,
    case when customer_id % 5 = 0 then null when customer_id % 7 = 0 then 'AT' else country end as country,
    referred_by,
    joined + cast(customer_id % 50 as integer) as joined,
    case when customer_id % 4 = 0 then true else vip end as vip,
    cast(credit * 1.1 as decimal(9, 2)) as credit
from shop.customers
where customer_id % 9 <> 0;
create table shop_synthetic.orders as
select
    shop_no,
    order_no,
    case when order_no % 6 = 0 then customer_id - 1 else customer_id end as customer_id,
    case when order_no % 3 = 0 then 'lost' else status end as status,
    ordered_at + interval '2' day as ordered_at
from shop.orders
where order_no % 8 <> 0;
create table shop_synthetic.order_lines as
select
    shop_no,
    order_no,
    line,
    case when line = 1 then 9 else quantity end as quantity,
    case when line = 2 and order_no % 2 = 0 then price + 5 when line = 4 then null else price end as price,
    note
from shop.order_lines;
create table shop.odd as
select
    i as one,
    case when i = 7 then cast('Infinity' as double precision) else i end as infinite,
    case when i < 0 then i end as nothing,
    5 as constant,
    'parent.one' as note
from generate_series(1, 90) as numbers (i);
create table shop_synthetic.odd as
select one, infinite, constant as nothing, constant, note from shop.odd;
create table shop.mails as select one, 'mail' || one || '@real' as mail from shop.odd;
create table shop_synthetic.mails as select one, 'mail' || one || '@made' as mail from shop.odd;
create schema analytics;
create schema analytics_synthetic;
create table analytics.spent as select customer_id, count(*) as orders from shop.orders group by customer_id;
create table analytics_synthetic.spent as
select customer_id, count(*) as orders from shop_synthetic.orders group by customer_id;
"""

# Per test its table, its column if it is on one, its kind, arguments and config, and the status that is due.
Spec = tuple[str, str | None, str, dict[str, Any], dict[str, Any], str]
SCORES: dict[str, Spec] = {
    "ks_date": ("customers", "joined", "ks_complement", {}, {}, "fail"),
    "ks_decimal": ("customers", "credit", "ks_complement", {}, {}, "fail"),
    "ks_time": ("orders", "ordered_at", "ks_complement", {}, {}, "fail"),
    "ks_nan": ("order_lines", "price", "ks_complement", {}, {}, "fail"),
    "tv_text": ("orders", "status", "tv_complement", {}, {}, "fail"),
    "tv_nulls": ("customers", "country", "tv_complement", {}, {}, "fail"),
    "tv_boolean": ("customers", "vip", "tv_complement", {}, {}, "fail"),
    "nulls": ("customers", "country", "null_rate_similarity", {}, {}, "fail"),
    "nulls_nan": ("order_lines", "price", "null_rate_similarity", {}, {}, "fail"),
    "correlation": (
        "order_lines",
        None,
        "correlation_similarity",
        {"columns": ["line", "price"]},
        {},
        "fail",
    ),
    "correlation_date": (
        *("customers", None, "correlation_similarity", {"columns": ["joined", "credit"]}, {}, "fail"),
    ),
    "contingency": ("customers", None, "contingency_similarity", {"columns": ["country", "vip"]}, {}, "fail"),
    "cardinality": ("orders", "customer_id", "cardinality_similarity", CUSTOMER, {}, "fail"),
    "cardinality_composite": ("order_lines", None, "cardinality_similarity", ORDER, {}, "fail"),
}
VERDICTS: dict[str, Spec] = {
    "ks_enough": ("customers", "joined", "ks_complement", {"min_score": 0.5}, {}, "pass"),
    "ks_same": ("countries", "code", "tv_complement", {"min_score": 1}, {}, "pass"),
    "ks_warns": ("order_lines", "quantity", "ks_complement", {}, {"severity": "warn"}, "warn"),
    # Of the first lines the twin has other quantities, of the others the same.
    "where_same": (
        *("order_lines", "quantity", "ks_complement", {"min_score": 1}, {"where": "line > 1"}, "pass"),
    ),
    "where_other": ("order_lines", "quantity", "ks_complement", {}, {"where": "line = 1"}, "fail"),
    "where_none": (
        "order_lines",
        "quantity",
        "ks_complement",
        {"min_score": 1},
        {"where": "line > 99"},
        "pass",
    ),
    "case": ("order_lines", None, "contingency_similarity", {"columns": ["LINE", "Note"]}, {}, "pass"),
    "orphans": ("orders", "customer_id", "no_orphans", CUSTOMER, {}, "fail"),
    "orphans_some": ("orders", "customer_id", "no_orphans", {**CUSTOMER, "max_share": 0.9}, {}, "pass"),
    "orphans_where": (*("order_lines", None, "no_orphans", ORDER, {"where": "order_no % 8 <> 0"}, "pass"),),
    "orphans_composite": ("order_lines", None, "no_orphans", ORDER, {}, "fail"),
    "copies": ("customers", None, "no_copied_rows", {"columns": ["credit", "joined"]}, {}, "fail"),
    "copies_some": (
        *(
            "customers",
            None,
            "no_copied_rows",
            {"columns": ["credit", "joined"], "max_share": 0.5},
            {},
            "pass",
        ),
    ),
    "copies_shared": ("orders", None, "no_copied_rows", {"columns": ["shop_no", "status"]}, {}, "pass"),
    "copies_by_default": ("order_lines", None, "no_copied_rows", {}, {}, "fail"),
    "rules_declared": ("customers", None, "rules_hold", {}, {}, "pass"),
    "rules_sql": (
        "orders",
        None,
        "rules_hold",
        {
            "rules": [
                "order_no >= shop_no",
                "status <> 'lost'",
                "order_no decides customer_id",
            ]
        },
        {},
        "fail",
    ),
    "rules_nulls": (
        "order_lines",
        None,
        "rules_hold",
        {"rules": ["line decides whether price is null", "quantity decides whether price is null"]},
        {},
        "fail",
    ),
    "rules_parent": (
        "orders",
        None,
        "rules_hold",
        {
            "rules": [RULE, "customer_id = parent.customer_id", "parent.credit < order_no"],
            "to": "source('shop', 'customers')",
            "columns": ["customer_id"],
            "to_columns": ["customer_id"],
        },
        {},
        "fail",
    ),
    "rules_along_keys": (
        "customers",
        None,
        "rules_hold",
        {"rules": ["parent(country).name <> 'Nowhere'", 'parent( "referred_by" ).joined < joined']},
        {},
        "fail",
    ),
    "rules_of_dates": (
        "customers",
        None,
        "rules_hold",
        {
            "rules": [
                "joined = cast(joined as date)",
                "extract(year from joined) = extract(month from joined)",
            ]
        },
        {},
        "fail",
    ),
    "rules_along_no_key": (
        *("customers", None, "rules_hold", {"rules": ["parent(vip).name = country"]}, {}, "error"),
    ),
    "rules_siblings": (
        "order_lines",
        None,
        "rules_hold",
        {
            "rules": [
                "line never falls along line within a parent",
                "quantity never falls along line within a parent",
                "(line, line) do not overlap within a parent",
                "(line, quantity) do not overlap within a parent",
            ]
        },
        {},
        "fail",
    ),
    # A correlation with an infinity is no number, and no number is less than min_score.
    "no_number": (*("odd", None, "correlation_similarity", {"columns": ["one", "infinite"]}, {}, "fail"),),
    "no_values": (*("odd", None, "correlation_similarity", {"columns": ["one", "nothing"]}, {}, "fail"),),
    "constant": (*("odd", None, "correlation_similarity", {"columns": ["one", "constant"]}, {}, "pass"),),
    "rules_quoted": (*("odd", None, "rules_hold", {"rules": ["note = 'parent.one'"]}, {}, "pass"),),
    "rules_quoted_with_parent": (
        "orders",
        None,
        "rules_hold",
        {
            "rules": ["status <> 'parent.colour' or parent.\"credit\" >= 0"],
            "to": "source('shop', 'customers')",
            "columns": ["customer_id"],
            "to_columns": ["customer_id"],
        },
        {},
        "pass",
    ),
    # All e-mails are made up anew, and all else is copied.
    "copies_with_mail": ("mails", None, "no_copied_rows", {}, {}, "fail"),
    "ks_text": ("odd", "note", "ks_complement", {}, {}, "error"),
    "correlation_text": (
        *("odd", None, "correlation_similarity", {"columns": ["one", "note"]}, {}, "error"),
    ),
    "no_column": ("orders", None, "contingency_similarity", {"columns": ["shop_no", "colour"]}, {}, "error"),
    "no_twin": ("returns", None, "no_copied_rows", {"columns": ["order_no"]}, {}, "error"),
}
ON_MODEL = {
    "mart_by_default": {"ks_complement": {"name": "mart_by_default", "arguments": {"min_score": 1}}},
    "mart_named": {
        "ks_complement": {"name": "mart_named", "arguments": {"min_score": 1, "twin": "analytics.spent"}}
    },
    "mart_of_no_table": {
        "ks_complement": {"name": "mart_of_no_table", "arguments": {"twin": "ref('passing')"}}
    },
}

OF_MARTS = {"mart_by_default": "fail", "mart_named": "pass", "mart_of_no_table": "error"}


def add_tests(project: Project) -> None:
    """Put the tests into the YAML of the sources and of the one model."""
    project.sources["tables"] += [{"name": "returns"}, {"name": "odd"}, {"name": "mails"}]
    project.table("customers")["config"] = {"meta": {"synthohive": {"rules": ["credit >= 0"]}}}
    for name, (table, column, kind, arguments, config, _) in {**SCORES, **VERDICTS}.items():
        test = {
            "name": name,
            "arguments": {**arguments, "min_score": ALWAYS} if name in SCORES else arguments,
            "config": {"tags": ["compared"], **config},
        }
        place = project.table(table)
        if column is not None:
            columns = place.setdefault("columns", [])
            if column not in [entry["name"] for entry in columns]:
                columns.append({"name": column})
            place = next(entry for entry in columns if entry["name"] == column)
        place["data_tests"] = [*place.get("data_tests", []), {f"synthohive.{kind}": test}]
    tests = [
        {f"synthohive.{kind}": {**test, "config": {"tags": ["compared"]}}}
        for spec in ON_MODEL.values()
        for kind, test in spec.items()
    ]
    model = {"name": "spent", "columns": [{"name": "orders", "data_tests": tests}]}
    project.write()
    project._yaml("models/spent.yml", {"models": [model]})
    passing = "{{ config(materialized='ephemeral') }} select 1 as orders"
    (project.folder / "models" / "passing.sql").write_text(passing)


def frames(database: Path, schema: str) -> dict[str, pd.DataFrame]:
    with duckdb.connect(str(database), read_only=True) as connection:
        read = {name: connection.execute(f"select * from {schema}.{name}").df() for name in TABLES}
    read["customers"]["credit"] = read["customers"]["credit"].astype(float)
    for table in ("orders", "order_lines"):
        read[table]["key"] = read[table]["shop_no"].astype(int) * 100_000 + read[table]["order_no"]
    return read


def cardinality(
    real: dict[str, pd.DataFrame], twin: dict[str, pd.DataFrame], child: str, parent: str, key: str
) -> float:
    metadata = {
        "tables": {
            parent: {"primary_key": key, "columns": {key: {"sdtype": "id"}}},
            child: {"columns": {key: {"sdtype": "id"}}},
        },
        "relationships": [
            {
                "parent_table_name": parent,
                "child_table_name": child,
                "parent_primary_key": key,
                "child_foreign_key": key,
            }
        ],
    }
    sides = [{name: side[name] for name in (child, parent)} for side in (real, twin)]
    return float(CardinalityShapeSimilarity.compute(*sides, metadata))


def scores_of_sdmetrics(database: Path) -> dict[str, float]:
    real, twin = frames(database, "shop"), frames(database, "shop_synthetic")
    single = {
        "ks_complement": KSComplement,
        "tv_complement": TVComplement,
        "null_rate_similarity": MissingValueSimilarity,
        "correlation_similarity": CorrelationSimilarity,
        "contingency_similarity": ContingencySimilarity,
    }
    scores = {}
    for name, (table, column, kind, arguments, *_) in SCORES.items():
        if kind in single:
            columns: Any = column or arguments["columns"]
            scores[name] = float(single[kind].compute(real[table][columns], twin[table][columns]))
    scores["cardinality"] = cardinality(real, twin, "orders", "customers", "customer_id")
    scores["cardinality_composite"] = cardinality(real, twin, "order_lines", "orders", "key")
    return scores


@BOTH
def test_scores_are_those_of_sdmetrics_and_verdicts_those_that_are_due(project: Project, duckdb_shop) -> None:
    add_tests(project)
    reference = duckdb_shop.copied(project.folder / "reference")
    for database in (project.database, reference):
        database.query(TWINS)

    done = project.dbt("test", "--select", "tag:compared", "--store-failures")

    due = {name: spec[-1] for name, spec in {**SCORES, **VERDICTS}.items()}
    assert project.statuses() == {**due, **OF_MARTS}, done.stdout
    stored = {
        name: project.query(f"select score from analytics_dbt_test__audit.{name}")[0][0] for name in SCORES
    }
    expected = scores_of_sdmetrics(reference.path)
    assert {name: float(score) for name, score in stored.items()} == pytest.approx(expected, abs=1e-6)
    assert all(0.1 < score < 0.999 for score in expected.values()), expected

    orphans = (
        "select count(*) from shop_synthetic.orders as o where not exists "
        "(select 1 from shop_synthetic.customers as c where c.customer_id = o.customer_id)"
    )
    failures = failures_of(project)
    assert failures["orphans"] == project.query(orphans)[0][0] > 0
    assert failures["rules_sql"] == failures["rules_siblings"] == 2
    judged = "select rule from analytics_dbt_test__audit.rules_nulls"
    assert project.query(judged) == [("quantity decides whether price is null",)]
    dear = (
        "select count(*) from shop_synthetic.orders as o inner join shop_synthetic.customers as c "
        "on o.customer_id = c.customer_id where c.credit >= o.order_no"
    )
    judged = "select rule, broken_rows from analytics_dbt_test__audit.rules_parent"
    assert project.query(judged) == [("parent.credit < order_no", project.query(dear)[0][0])]
    late = (
        "select count(*) from shop_synthetic.customers as c inner join shop_synthetic.customers as r "
        "on c.referred_by = r.customer_id where r.joined >= c.joined"
    )
    judged = "select rule, broken_rows from analytics_dbt_test__audit.rules_along_keys"
    rule = 'parent( "referred_by" ).joined < joined'
    assert project.query(judged) == [(rule, project.query(late)[0][0])]
    judged = "select rule, broken_rows from analytics_dbt_test__audit.rules_sql order by rule"
    lost = project.query("select count(*) from shop_synthetic.orders where status = 'lost'")[0][0]
    [(decides, broken), (not_lost, of_lost)] = project.query(judged)
    assert (decides, not_lost, of_lost) == ("order_no decides customer_id", "status <> 'lost'", lost)
    assert broken > 0

    messages = failures_of(project, "message")
    assert "has no column colour; it has shop_no, order_no" in messages["no_column"]
    assert "declares 0 foreign keys of vip" in messages["rules_along_no_key"]
    for test in ("ks_text", "correlation_text"):
        assert f"{test} compares numbers, dates and times" in messages[test]
        assert "use tv_complement, or contingency_similarity" in messages[test]
    assert "is no table. What to do: name a table as `twin: schema.table`" in messages["mart_of_no_table"]
    assert failures["copies_with_mail"] == 90
    assert "source shop.returns has no twin" in messages["no_twin"] or "no table" in messages["no_twin"]
    assert "`dbt build --select package:synthohive`" in messages["no_twin"]


def failures_of(project: Project, what: str = "failures") -> dict[str, Any]:
    results = json.loads((project.folder / "target" / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2]: result[what] for result in results}


def test_they_wait_for_the_twins_and_are_left_out_where_these_are_the_sources(project: Project) -> None:
    add_tests(project)
    listed = {}
    for target, more in (("synthetic", ()), ("dev", ("--exclude", "package:synthohive"))):
        done = project.dbt("ls", "--resource-type", "test", "--output", "name", "--target", target, *more)
        assert done.returncode == 0, done.stdout
        listed[target] = {line.strip() for line in done.stdout.splitlines()}
    manifest = json.loads((project.folder / "target" / "manifest.json").read_text())

    ours = {*SCORES, *VERDICTS, *ON_MODEL}
    assert listed["dev"]
    assert listed["synthetic"]
    assert not ours & (listed["dev"] | listed["synthetic"])
    nodes = [node for node in manifest["nodes"].values() if node["name"] in ours]
    assert len(nodes) == len(ours)
    assert all("model.synthohive.synthohive_tables" in node["depends_on"]["nodes"] for node in nodes)


class Spark(Database):
    """The profile of a session."""

    def output(self) -> dict[str, Any]:
        return {"type": "spark", "method": "session", "host": "none", "threads": 1}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        raise AssertionError(sql)

    def copied(self, folder: Path) -> Database:
        raise AssertionError(folder)


def test_on_spark_all_run_and_find_a_copy_alike(tmp_path: Path, duckdb_shop: DuckDB) -> None:
    pytest.importorskip("pysail")
    project = Project(tmp_path / "project", deepcopy(SOURCES), {}, Spark()).write()
    tests = add_tests_of_copies(project)
    with sail_server() as server, sail_session(server, tmp_path / "warehouse") as (url, session):
        with duckdb.connect(str(duckdb_shop.path), read_only=True) as connection:
            rows = {name: connection.sql(f"from shop.{name}").to_arrow_table() for name in TABLES}
        for schema in ("shop", "shop_synthetic", "analytics"):
            session.sql(f"create database {schema}")
        for name, table in rows.items():
            for schema in ("shop", "shop_synthetic"):
                session.createDataFrame(table).write.saveAsTable(f"{schema}.{name}", format="parquet")

        done = project.dbt("test", "--select", "tag:compared", SPARK_REMOTE=url)

    assert list(project.statuses().values()) == ["pass"] * tests, done.stdout
