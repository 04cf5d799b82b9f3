"""A project with all kinds of nodes, built on the real data and on the twins, and the two runs compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from shop import ROOT, SOURCES, DuckDB, Project

from synthohive_py import DataError, Metadata, SchemaError, SettingError, Synthesizer, compare_runs

FILES = {
    "packages.yml": f"packages: [{{local: {ROOT}}}, {{local: regions}}]",
    "regions/dbt_project.yml": "{name: regions, version: 1.0.0, profile: shop}",
    "regions/models/sources.yml": "sources: [{name: warehouse, schema: shop, tables: [{name: customers}]}]",
    "regions/models/at_home.sql": (
        "select customer_id, country, credit from {{ source('warehouse', 'customers') }} where country = 'AT'"
    ),
    "seeds/statuses.csv": "status,is_final\nnew,false\npaid,true\nlost,true\n",
    "snapshots/customers.yml": """
snapshots:
  - name: customers_then
    relation: source('shop', 'customers')
    config: {strategy: check, unique_key: customer_id, check_cols: [country, credit]}
""",
    "models/orders_so_far.sql": """
{{ config(materialized='incremental', unique_key='order_id') }}
select shop_no * 100000 + order_no as order_id, customer_id, status, ordered_at
from {{ source('shop', 'orders') }}
{% if is_incremental() %}
where ordered_at >= (select max(ordered_at) from {{ this }})
{% endif %}
""",
    "models/final_orders.sql": """
{{ config(materialized='ephemeral') }}
select orders.* from {{ ref('orders_so_far') }} as orders
inner join {{ ref('statuses') }} as statuses on orders.status = statuses.status and statuses.is_final
""",
    "models/spenders.sql": """
{{ config(materialized='table') }}
select
    customers.customer_id, customers.vip, customers.credit, count(orders.order_id) as orders,
    max(ordered_at) as last
from {{ source('shop', 'customers') }} as customers
left join {{ ref('final_orders') }} as orders on customers.customer_id = orders.customer_id
group by all
""",
    "models/models.yml": """
models:
  - name: spenders
    columns:
      - name: customer_id
        data_tests: [unique, not_null]
      - name: orders
        data_tests: [synthohive.ks_complement]
  - name: orders_so_far
    columns:
      - name: status
        data_tests: [{accepted_values: {arguments: {values: [new, paid, lost]}}}]
unit_tests:
  - name: orders_are_counted
    model: spenders
    given:
      - input: source('shop', 'customers')
        rows: [{customer_id: 1}, {customer_id: 2}]
      - input: ref('final_orders')
        format: sql
        rows: select 1 as order_id, 1 as customer_id, timestamp '2024-01-01' as ordered_at
    expect:
      rows: [{customer_id: 1, orders: 1}, {customer_id: 2, orders: 0}]
""",
    "tests/only_real.sql": "select 1 as one where '{{ target.name }}' = 'synthetic'",
}
SCHEMAS = ("analytics", "analytics_synthetic")
Runs = tuple[Project, Path, Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, duckdb_shop: DuckDB) -> Runs:
    """The project, and the target folders of its two runs."""
    folder = tmp_path_factory.mktemp("compared") / "project"
    variables = {"synthohive_synthetic_targets": ["synthetic"]}
    project = Project(folder, deepcopy(SOURCES), variables, duckdb_shop.copied(folder)).write()
    for name, text in FILES.items():
        project.text(name, text)
    (folder / "dbt_packages" / "regions").symlink_to(folder / "regions", target_is_directory=True)

    assert build(project, "dev", "real") == []
    metadata = Metadata.from_dbt(folder / "runs" / "real")
    twins = Synthesizer(metadata, model="gaussian_copula", progress=False).fit(url_of(project))
    twins.sample(output_path=f"{url_of(project)}?schema=shop_synthetic")
    assert build(project, "synthetic", "twin") == ["test.shop.only_real"]
    return project, folder / "runs" / "real", folder / "runs" / "twin"


def build(project: Project, target: str, run: str) -> list[str]:
    """Build the project; the nodes that went wrong."""
    path = f"runs/{run}"
    done = project.dbt(
        *("build", "--target", target, "--target-path", path, "--exclude", "package:synthohive")
    )
    assert (project.folder / path / "run_results.json").is_file(), done.stdout
    results = json.loads((project.folder / path / "run_results.json").read_text())["results"]
    return [r["unique_id"] for r in results if r["status"] in {"error", "fail", "skipped"}]


@pytest.fixture
def changed(runs: Runs, tmp_path: Path) -> Callable[[str, Callable[[Any], None]], Path]:
    """A copy of the run on the twins, of which one file is changed."""

    def change(name: str, edit: Callable[[Any], None]) -> Path:
        copy = tmp_path / "twin"
        copy.mkdir()
        for file in ("manifest.json", "run_results.json"):
            content = json.loads((runs[2] / file).read_text())
            if file == name:
                edit(content)
            (copy / file).write_text(json.dumps(content))
        return copy

    return change


def url_of(project: Project) -> str:
    return f"duckdb:///{project.folder / 'warehouse.duckdb'}"


def test_tests_and_marts_of_every_kind_are_compared(runs: Runs, tmp_path: Path) -> None:
    project, real, twin = runs

    compared = compare_runs(real, twin, real_tables=url_of(project))

    tests = {verdict.test for verdict in compared.verdicts}
    assert {"orders_are_counted", "unique_spenders_customer_id", "only_real"} <= tests
    assert not any("ks_complement" in test or test == "synthohive_quality_is_enough" for test in tests)
    [verdict] = compared.changed
    assert (verdict.test, verdict.real, verdict.twin) == ("only_real", "pass", "fail")
    assert (verdict.real_failures, verdict.twin_failures) == (0, 1)
    assert compared.kept == pytest.approx(1 - 1 / len(tests))

    marts = {mart.name: mart for mart in compared.marts}
    assert list(marts) == ["at_home", "customers_then", "spenders", "spent"]
    assert [mart.problem for mart in compared.marts] == [None] * 4
    spenders = marts["spenders"]
    counts = [project.query(f"select count(*) from {schema}.spenders") for schema in SCHEMAS]
    assert counts == [[(spenders.real_rows,)], [(spenders.twin_rows,)]]
    judged = {finding.column for finding in spenders.findings if finding.metric == "KSComplement"}
    assert judged == {"credit", "orders", "last"}
    assert not any((finding.column or "").startswith("dbt_") for finding in marts["customers_then"].findings)
    assert 0 < spenders.quality <= spenders.baseline <= 1
    credit = next(mean for mean in spenders.means if mean.column == "credit")
    [(ours, theirs, spread, ratio)] = project.query(
        "select avg(r.credit), (select avg(credit) from analytics_synthetic.spenders), stddev_pop(r.credit), "
        "(select sum(credit) from analytics_synthetic.spenders) / sum(r.credit) from analytics.spenders as r"
    )
    assert credit.gap == pytest.approx((theirs - ours) / spread)
    assert credit.total_ratio == pytest.approx(ratio)
    assert 0 <= credit.baseline < 0.3

    text = str(compared)
    assert f"{len(tests) - 1} of {len(tests)} tests keep their verdict" in text
    assert "only_real: pass on the real data, fail on the twins" in text
    assert "spenders  " in text
    file = tmp_path / "compared.json"
    assert compared.to_json(file) + "\n" == file.read_text()
    assert json.loads(file.read_text()) == json.loads(json.dumps(compared.to_dict()))
    assert json.loads(file.read_text())["marts"][2]["real_rows"] == spenders.real_rows

    frames = {"t": pd.DataFrame({"id": range(60), "a": [i % 7 for i in range(60)]})}
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(frames)
    report = synthesizer.generate_validation_report(None, synthesizer.sample(), compared=compared)
    assert f"{len(tests) - 1} of {len(tests)} tests keep their verdict" in report.to_html()
    with pytest.raises(SettingError, match="compared is no comparison"):
        synthesizer.generate_validation_report(None, frames, compared=text)


def test_frames_and_samples_can_be_compared_too(runs: Runs) -> None:
    project, real, twin = runs
    with duckdb.connect(str(project.folder / "warehouse.duckdb"), read_only=True) as connection:
        ours, theirs = (connection.table(f"{schema}.spenders").df() for schema in SCHEMAS)
    frames = {"real_tables": {"spenders": ours}, "twin_tables": {"spenders": theirs}}

    [mart] = compare_runs(real, twin, models=["spenders"], **frames).marts
    [again] = compare_runs(real, twin, models=["spenders"], **frames).marts
    [sample] = compare_runs(real, twin, models=["spenders"], max_rows=50, **frames).marts
    [itself] = compare_runs(
        real, twin, models=["spenders"], **{**frames, "twin_tables": {"spenders": ours}}
    ).marts

    assert mart == again
    assert (sample.real_rows, sample.twin_rows) == (len(ours), len(theirs))
    assert sample.quality != mart.quality
    assert itself.quality == 1
    assert itself.widest.gap == 0
    assert itself.failures == 0
    few = ours.head(3)
    off = few.assign(orders=few["orders"] + 1000 * few["orders"].max())
    [three] = compare_runs(
        real, twin, models=["spenders"], real_tables={"spenders": few}, twin_tables={"spenders": off}
    ).marts
    assert three.failures == 1  # so few rows may be distributed anyhow, but not around another mean
    assert [mean.column for mean in three.means if not mean.passed] == ["orders"]
    assert compare_runs(real, twin).marts == ()
    with pytest.raises(DataError, match="no tables by name"):
        compare_runs(real, twin, models=["spenders"], real_tables=[ours], twin_tables=[theirs])
    with pytest.raises(SettingError, match="twin_tables lack a model"):
        compare_runs(real, twin, models=["spenders"], real_tables={"spenders": ours}, twin_tables={})
    with pytest.raises(SettingError, match="twin_tables are missing"):
        compare_runs(real, twin, real_tables={"spenders": ours})


def test_an_incremental_model_goes_on_with_the_twins(runs: Runs) -> None:
    project, *_ = runs
    before = project.query("select count(*) from analytics.orders_so_far")
    project.query("delete from analytics_synthetic.orders_so_far where order_id % 2 = 0")

    done = project.dbt("run", "--select", "orders_so_far", "--target", "synthetic")

    assert done.returncode == 0, done.stdout
    assert project.query("select count(*) from analytics.orders_so_far") == before
    newest = "select count(*) from {} where ordered_at = (select max(ordered_at) from shop_synthetic.orders)"
    [merged, source] = [
        project.query(newest.format(table))
        for table in ("analytics_synthetic.orders_so_far", "shop_synthetic.orders")
    ]
    assert merged == source


def test_what_was_not_built_on_the_twins_is_no_success(runs: Runs, changed) -> None:
    """A missing twin ends a model with an error; its tests are skipped then."""

    def fail(results: Any) -> None:
        for result in results["results"]:
            if result["unique_id"] == "model.shop.spenders":
                result["status"] = "error"
            if "spenders" in result["unique_id"] and result["unique_id"].startswith("test."):
                result["status"], result["failures"] = "skipped", None
        results["results"] = [r for r in results["results"] if r["unique_id"] != "model.shop.spent"]

    project, real, _ = runs
    compared = compare_runs(real, changed("run_results.json", fail), real_tables=url_of(project))

    problems = {mart.name: mart.problem for mart in compared.marts}
    assert problems["spenders"] == "error on the twins"
    assert problems["spent"] == "not run on the twins"
    assert [v.twin for v in compared.changed if "spenders" in v.test] == ["skipped", "skipped"]
    assert "not compared: error on the twins" in str(compared)


def test_runs_that_can_not_be_compared_are_refused(runs: Runs, changed, tmp_path: Path) -> None:
    project, real, twin = runs

    with pytest.raises(SettingError, match="both runs write to the same table"):
        compare_runs(real, real, real_tables=url_of(project))
    other = changed("manifest.json", lambda manifest: manifest["metadata"].update(project_name="bakery"))
    with pytest.raises(SettingError, match="not of one project"):
        compare_runs(real, other)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SchemaError, match=r"there is no .*manifest.json.*dbt build --target"):
        compare_runs(real, tmp_path / "empty")
    (other / "run_results.json").write_text("{")
    with pytest.raises(SchemaError, match="can't be read"):
        compare_runs(real, other)
    for odd in ("[]", '{"results": null}', '{"results": [1]}'):
        (other / "run_results.json").write_text(odd)
        with pytest.raises(SchemaError, match="is none of dbt's"):
            compare_runs(real, other)
    with pytest.raises(
        SettingError, match=r"no such model; expected a list of some of at_home, .*; received sales"
    ):
        compare_runs(real, twin, real_tables=url_of(project), models=["spent", "sales"])
    with pytest.raises(SettingError, match="max_rows is out of range"):
        compare_runs(real, twin, max_rows=0)
