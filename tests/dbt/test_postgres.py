"""What is Postgres's own: transactions, credentials, and a plugin that dbt needs not to have."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from urllib.parse import quote

import pytest
from postgres_server import PASSWORD
from shop import Postgres, Project

pytestmark = pytest.mark.parametrize("loaded", ["postgres"], indirect=True, scope="session")

MODEL = """\
import datetime
from decimal import Decimal

import pandas as pd


def model(dbt, session):
    orders = dbt.ref("spent").df()
    {body}
    return pd.DataFrame(
        {{
            "whole": [1, 2],
            "maybe": pd.array([None, 7], dtype="Int64"),
            "share": [0.5, None],
            "yes": [True, False],
            "exact": [Decimal("1.25"), None],
            "day": [datetime.date(2024, 2, 29), None],
            "at": pd.to_datetime(["2024-01-01 10:00:00.123456", None]),
            "zoned": pd.to_datetime(["2024-01-01 10:00:00+02:00", None]),
            "said": ['a "b", c\\n\\\\N', None],
            "Empty Text": ["", str(len(orders))],
            "kind": pd.Categorical(["x", None]),
            "nothing": [None, None],
        }}
    )
"""
YAML = """
models:
  - name: typed
    description: What a result can hold.
    columns:
      - name: whole
        description: A number.
    config:
      materialized: synthohive_local
      persist_docs: {relation: true, columns: true}
      grants: {select: [pg_monitor]}
      indexes: [{columns: [whole], unique: true}]
      pre_hook: ["create table if not exists analytics.hooked (at text)"]
      post_hook:
        - "insert into analytics.hooked select count(*)::text from {{ this }}"
        - {sql: "vacuum analytics.hooked", transaction: false}
"""
TYPES = """
select a.attname, format_type(a.atttypid, a.atttypmod)
from pg_attribute as a
where a.attrelid = 'analytics.typed'::regclass and a.attnum > 0
order by a.attnum
"""
OPEN = "select query from pg_stat_activity where datname = current_database() and state like 'idle in%'"
# A failed command's connections last as long as its process, so dbt runs in this one, and is then asked.
LEFT_OPEN = """
import sys
from dbt.cli.main import dbtRunner
result = dbtRunner().invoke(sys.argv[2:])
import psycopg2
connection = psycopg2.connect(sys.argv[1])
cursor = connection.cursor()
cursor.execute("select count(*) from pg_stat_activity where state like 'idle in%'")
print("success", result.success, "open", cursor.fetchone()[0])
"""


def with_model(project: Project, body: str = "", config: str = YAML) -> Project:
    project.write()
    project.text("models/typed.py", MODEL.format(body=body))
    project.text("models/typed.yml", config)
    return project


def run_in_process(project: Project, *arguments: str) -> str:
    database = project.database
    assert isinstance(database, Postgres)
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, f"{database.server}/{database.name}", *arguments],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_what_a_model_returns_is_there_with_its_types_and_all_that_a_table_has(project: Project) -> None:
    done = with_model(project).dbt("run", "--select", "spent", "typed")
    assert done.returncode == 0, done.stdout
    assert project.dbt("run", "--select", "typed").returncode == 0  # in the place of the first

    assert project.query(TYPES) == [
        ("whole", "bigint"),
        ("maybe", "bigint"),
        ("share", "double precision"),
        ("yes", "boolean"),
        ("exact", "numeric(3,2)"),
        ("day", "date"),
        ("at", "timestamp without time zone"),
        ("zoned", "timestamp with time zone"),
        ("said", "text"),
        ("Empty Text", "text"),
        ("kind", "text"),
        ("nothing", "text"),
    ]
    [first, second] = project.query(
        "select maybe, share, yes, exact::text, day::text, at::text, extract(epoch from zoned)::int, said, "
        '"Empty Text", kind, nothing from analytics.typed order by whole'
    )
    assert first == (
        *(None, 0.5, True, "1.25", "2024-02-29", "2024-01-01 10:00:00.123456", 1704096000),
        *('a "b", c\n\\N', "", "x", None),
    )
    assert second == (7, None, False, None, None, None, None, None, "150", None, None)
    assert project.query("select at from analytics.hooked") == [("2",), ("2",)]
    described = (
        "select obj_description(t), col_description(t, 1), has_table_privilege('pg_monitor', t, 'select'), "
        "(select indisunique from pg_index where indrelid = t) from cast('analytics.typed' as regclass) as t"
    )
    assert project.query(described) == [("What a result can hold.", "A number.", True, True)]
    left = "select tablename from pg_tables where schemaname = 'analytics' and tablename like 'typed%'"
    assert project.query(left) == [("typed",)]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('on purpose')", ["ValueError: on purpose", "models/typed.py", "line 9"]),
        ("return pd.DataFrame({'a': [1, 'x']})", ["DataError: a: holds values of several types"]),
        ("return pd.DataFrame({'a': ['x\\0y']})", ["Database Error in model typed"]),
    ],
)
def test_a_failed_model_leaves_the_old_table_and_no_transaction(
    project: Project, body: str, words: list[str]
) -> None:
    config = "models: [{name: typed, config: {materialized: synthohive_local}}]"
    project.query("create schema analytics; create table analytics.typed as select 1 as old")

    with_model(project, body, config)
    told = run_in_process(project, "run", "--select", "spent", "typed")

    assert [word for word in words if word not in told] == [], told
    assert "success False open 0" in told
    assert project.query("select * from analytics.typed") == [(1,)]


@pytest.mark.parametrize("more", [{}, {"role": "learner"}, {"autocommit": True}], ids=str)
def test_no_transaction_is_open_while_a_model_works(project: Project, more: dict[str, Any]) -> None:
    project.query("do $$ begin create role learner superuser; exception when others then null; end $$")
    body = (
        f"import psycopg2; c = psycopg2.connect(session.uri).cursor(); c.execute({OPEN!r}); "
        "assert c.fetchall() == [], 'idle'; "
        "c.execute('select current_user'); print('as', c.fetchone()[0])"
    )
    with_model(project, body, "models: [{name: typed, config: {materialized: synthohive_local}}]")
    project.write_profile(**more)

    told = run_in_process(project, "run", "--select", "spent", "typed")

    assert "success True open 0" in told, told
    assert f"as {more.get('role', 'postgres')}" in told


def test_a_profile_reaches_the_session_in_full(project: Project) -> None:
    user, password, database = "o'dd @user", "p@ss/w:rd %20+&", project.database.name  # type: ignore[attr-defined]
    project.query(f"""create role "{user}" superuser login password '{password}'""")
    body = (
        "import psycopg2; c = psycopg2.connect(session.uri).cursor(); "
        "c.execute(\"select current_user, current_database(), current_setting('search_path'), "
        "current_setting('application_name')\"); assert repr(c.fetchone()) == "
        f"{str((user, database, 'shop, public', 'dbt'))!r}; "
        f"assert {quote(password, safe='')!r} in session.uri; print('seen', session)"
    )
    with_model(project, body, "models: [{name: typed, config: {materialized: synthohive_local}}]")
    project.write_profile(user=user, password=password, search_path="shop, public", sslmode="prefer")

    done = project.dbt("run", "--select", "spent", "typed")
    project.query(f'drop role "{user}"') if done.returncode else None

    assert done.returncode == 0, done.stdout
    assert "seen PostgresSession()" in done.stdout
    logged = "".join(path.read_text() for path in (project.folder / "logs").iterdir())
    assert password not in done.stdout + logged
    assert quote(password, safe="") not in done.stdout + logged
    assert PASSWORD not in done.stdout + logged


def test_a_second_build_replaces_the_twins_and_a_failing_one_leaves_them(built: Project) -> None:
    before = built.query("select * from shop_synthetic.orders")

    told = run_in_process(
        *(built, "build", "--show-all-deprecations", "--select", "package:synthohive"),
        *("--vars", "{synthohive_seed: 4}"),
    )
    assert "success True open 0" in told, told
    assert "deprecat" not in told.lower()
    second = built.query("select * from shop_synthetic.orders")
    assert second != before

    built.query("update shop.orders set order_no = 10 where order_no = 12")
    told = run_in_process(built, "build", "--select", "package:synthohive")
    assert "success False open 0" in told
    assert "SchemaValidationError" in told
    assert built.query("select * from shop_synthetic.orders") == second


def test_types_that_information_schema_does_not_name_are_kept_and_compared(project: Project) -> None:
    project.query(
        "create type shop.mood as enum ('good', 'bad');"
        "alter table shop.orders add mood shop.mood default 'good', add tags varchar(20)[], add code char(3),"
        "add price numeric(9, 2) default 1.50, add placed timestamptz(3)"
    )
    project.query("update shop.orders set tags = array['a'], code = 'abc', placed = ordered_at")
    done = project.write().build()
    assert done.returncode == 0, done.stdout

    project.query("alter table shop_synthetic.orders alter code type char(4)")
    done = project.dbt("test", "--select", "synthohive_columns_are_the_same")

    assert done.returncode == 1
    assert "Got 1 result" in done.stdout


def test_without_the_plugin_the_way_to_it_is_told(project: Project) -> None:
    done = project.write().dbt("build", "--select", "package:synthohive", SYNTHOHIVE_DBT_PLUGIN="off")

    assert done.returncode == 1
    assert "pip install 'synthohive-py[dbt-postgres]'" in done.stdout
    assert "SYNTHOHIVE_DBT_PLUGIN=off" in done.stdout
    assert project.statuses()["synthohive_models"] == "error"


def test_dbt_parses_the_package_for_postgres_without_warnings(project: Project) -> None:
    done = project.write().dbt("parse", "--show-all-deprecations", "--warn-error")

    assert done.returncode == 0, done.stdout


def test_a_user_with_few_rights_is_enough(project: Project) -> None:
    """The rights that dbt_synthohive/README.md lists."""
    database = project.database.name  # type: ignore[attr-defined]
    project.query(
        f"create role few_{database} login password 'few';"
        f"grant create on database {database} to few_{database};"
        f"grant usage on schema shop to few_{database};"
        f"grant select on all tables in schema shop to few_{database}"
    )
    project.write()
    project.write_profile(user=f"few_{database}", password="few")  # noqa: S106

    done = project.build()

    assert done.returncode == 0, done.stdout
    assert project.twins() == ["countries", "customers", "order_lines", "orders"]


def test_the_engine_is_not_loaded_before_a_model_needs_it(project: Project) -> None:
    code = (
        "import sys; from dbt.cli.main import dbtRunner; assert dbtRunner().invoke(['parse']).success; "
        "print(sorted({'synthohive_py', 'torch', 'pandas'} & set(sys.modules)), "
        "'dbt_synthohive.plugin' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.write().folder,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip().endswith("[] True"), done.stdout + done.stderr
