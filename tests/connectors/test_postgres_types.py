"""Every type of PostgreSQL comes as Arrow's, and goes back without loss, on a real server."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from postgres_tables import columns_of, shop, twin

from synthohive_py import Synthesizer
from synthohive_py.errors import ConnectorError

UTC = dt.timezone.utc
ID = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
D = Decimal

# The type, values as SQL has them, the type in Arrow, the values there.
EXACT = [
    ("smallint", ["-32768", "32767"], pa.int16(), [-32768, 32767]),
    ("integer", ["-2147483648"], pa.int32(), [-(2**31)]),
    ("bigint", ["9223372036854775807", "9007199254740993"], pa.int64(), [2**63 - 1, 2**53 + 1]),
    ("real", ["1.1", "'NaN'"], pa.float32(), None),
    ("double precision", ["0.1", "'-Infinity'", "1e-300"], pa.float64(), [0.1, float("-inf"), 1e-300]),
    ("boolean", ["true", "false"], pa.bool_(), [True, False]),
    ("numeric(10, 2)", ["-12345678.90", "0.05"], pa.decimal128(10, 2), [D("-12345678.90"), D("0.05")]),
    ("numeric(60, 5)", ["1" * 55 + ".00001"], pa.decimal256(60, 5), [D("1" * 55 + ".00001")]),
    ("numeric(3, 5)", ["0.00123"], pa.decimal128(5, 5), [D("0.00123")]),
    ("numeric(3, -2)", ["12300"], pa.decimal128(5, 0), [D(12300)]),
    (
        "numeric",
        ["1.5", "123456789012345678.25"],
        pa.decimal128(38, 2),
        [D("1.5"), D("123456789012345678.25")],
    ),
    ("numeric", ["1" * 40 + ".5"], pa.decimal256(76, 1), [D("1" * 40 + ".5")]),
    ("numeric", ["1" * 90], pa.string(), ["1" * 90]),
    ("numeric(90, 1)", ["1.5"], pa.decimal128(38, 1), [D("1.5")]),
    ("text", ["''", "'a;b\"c\\d\n\tü😀'"], pa.string(), ["", 'a;b"c\\d\n\tü😀']),
    ("varchar(5)", ["'Grüße'"], pa.string(), ["Grüße"]),
    ("char(5)", ["'ab'"], pa.string(), ["ab"]),
    ("char(5)[]", ["'{ab,null}'"], pa.list_(pa.string()), [["ab", None]]),
    ("name", ["'public'"], pa.string(), ["public"]),
    ('"char"', ["'x'"], pa.string(), ["x"]),
    ("bytea", [r"'\x00ff'", "''"], pa.binary(), [b"\x00\xff", b""]),
    ("date", ["'0001-01-01'", "'9999-12-31'"], pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("time", ["'23:59:59.999999'"], pa.time64("us"), [dt.time(23, 59, 59, 999999)]),
    ("time(0)", ["'10:30'"], pa.time64("us"), [dt.time(10, 30)]),
    (
        "timestamp",
        ["'2024-02-29 10:00:00.123456'"],
        pa.timestamp("us"),
        [dt.datetime(2024, 2, 29, 10, 0, 0, 123456)],
    ),
    ("timestamp(3)", ["'0001-01-01 00:00:00'"], pa.timestamp("us"), [dt.datetime(1, 1, 1)]),
    (
        "timestamptz",
        ["'2024-01-01 10:00:00+02'"],
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 1, 1, 8, tzinfo=UTC)],
    ),
    ("uuid", [f"'{ID}'"], pa.uuid(), [ID]),
    ("integer[]", ["'{1,null,3}'", "'{}'"], pa.list_(pa.int32()), [[1, None, 3], []]),
    ("text[]", ["""'{a,"b,c",null}'"""], pa.list_(pa.string()), [["a", "b,c", None]]),
    ("numeric(6, 2)[]", ["'{1.50,null}'"], pa.list_(pa.decimal128(6, 2)), [[D("1.50"), None]]),
    ("date[]", ["'{2024-02-29}'"], pa.list_(pa.date32()), [[dt.date(2024, 2, 29)]]),
    ("uuid[]", [f"'{{{ID}}}'"], pa.string(), [f"{{{ID}}}"]),
    ("boolean[]", ["'{t,f}'"], pa.list_(pa.bool_()), [[True, False]]),
    ("double precision[]", ["'{0.1}'"], pa.list_(pa.float64()), [[0.1]]),
    (
        "timestamptz[]",
        ["'{2024-01-01 00:00:00+00}'"],
        pa.list_(pa.timestamp("us", "UTC")),
        [[dt.datetime(2024, 1, 1, tzinfo=UTC)]],
    ),
    ("bytea[]", [r"array['\x00'::bytea]"], pa.list_(pa.binary()), [[b"\x00"]]),
    ("integer[][]", ["'{{1,2},{3,4}}'"], pa.string(), ["{{1,2},{3,4}}"]),
    ("numeric[]", ["'{1.5}'"], pa.string(), ["{1.5}"]),
    ("shop.mood[]", ["'{sad}'"], pa.string(), ["{sad}"]),
    ("shop.mood", ["'sad'", "'h\"ap py'"], pa.string(), ["sad", 'h"ap py']),
    ("shop.email", ["'a@b.c'"], pa.string(), ["a@b.c"]),
    ("shop.money2", ["1.25"], pa.decimal128(12, 2), [D("1.25")]),
    ("shop.money3", ["1.25"], pa.decimal128(12, 2), [D("1.25")]),
    ("shop.pair", ["row(1, 'a,b')"], pa.string(), ['(1,"a,b")']),
    ("json", ["""'{"b": 1,  "a": [null]}'"""], pa.string(), ['{"b": 1,  "a": [null]}']),
    ("jsonb", ["""'{"b":1,"a":[null]}'"""], pa.string(), ['{"a": [null], "b": 1}']),
    ("inet", ["'192.168.0.1/24'"], pa.string(), ["192.168.0.1/24"]),
    ("cidr", ["'10.0.0.0/8'"], pa.string(), ["10.0.0.0/8"]),
    ("macaddr", ["'08:00:2b:01:02:03'"], pa.string(), ["08:00:2b:01:02:03"]),
    (
        "interval",
        ["'1 year 2 mons -3 days 04:05:06.789'"],
        pa.string(),
        ["1 year 2 mons -3 days +04:05:06.789"],
    ),
    ("money", ["'1234.5'"], pa.string(), ["$1,234.50"]),
    ("bit(3)", ["'101'"], pa.string(), ["101"]),
    ("bit varying", ["'10101'"], pa.string(), ["10101"]),
    ("tsvector", ["'a:1 b:2'"], pa.string(), ["'a':1 'b':2"]),
    ("tsquery", ["'a & b'"], pa.string(), ["'a' & 'b'"]),
    ("int4range", ["'[1,5)'"], pa.string(), ["[1,5)"]),
    (
        "tstzrange",
        ["'[2024-01-01 00:00+02,)'"],
        pa.string(),
        ['["2023-12-31 22:00:00+00",)'],
    ),
    ("nummultirange", ["'{[1.5,2)}'"], pa.string(), ["{[1.5,2)}"]),
    ("point", ["'(0.1,2)'"], pa.string(), ["(0.1,2)"]),
    ("polygon", ["'((0,0),(1,0),(1,1))'"], pa.string(), ["((0,0),(1,0),(1,1))"]),
    ("timetz", ["'10:00:00+02'"], pa.string(), ["10:00:00+02"]),
    ("oid", ["4294967295"], pa.string(), ["4294967295"]),
    ("int2vector", ["'1 2'"], pa.string(), ["1 2"]),
    ("pg_lsn", ["'16/B374D848'"], pa.string(), ["16/B374D848"]),
]
USER_TYPES = """
create type shop.mood as enum ('sad', 'h"ap py');
create type shop.pair as (a integer, b text);
create domain shop.email as text check (value like '%@%');
create domain shop.money2 as numeric(12, 2) not null;
create domain shop.money3 as shop.money2"""


@pytest.mark.parametrize(
    ("kind", "values", "came"),
    [(kind, values, came) for kind, values, *came in EXACT],
    ids=[f"{place}-{kind}" for place, (kind, *_) in enumerate(EXACT)],
)
def test_every_type_comes_exactly_and_goes_back_the_same(postgres, sql, kind, values, came) -> None:
    arrow, expected = came
    sql(USER_TYPES)
    sql(f"create table shop.t (id integer, v {kind})")
    is_required = kind.startswith("shop.money")
    for place, value in enumerate(values if is_required else [*values, "null"]):
        sql(f"insert into shop.t values ({place}, {value})")

    rows = postgres.read(shop(postgres))
    postgres.write_twins([twin(postgres, rows)])

    assert rows.schema == pa.schema({"id": pa.int32(), "v": arrow})
    if expected is not None:
        assert rows.column("v").to_pylist() == (expected if is_required else [*expected, None])
    assert columns_of(sql, "twins") == columns_of(sql, "shop")
    texts = [sql(f"select id, v::text from {schema}.t order by id") for schema in ("shop", "twins")]
    assert texts[0] == texts[1]
    assert postgres.count(postgres.relation("twins", "t")) == rows.num_rows


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("date", "'infinity'", "infinite date"),
        ("date", "'-infinity'", "infinite date"),
        ("timestamp", "'infinity'", "infinite time"),
        ("timestamptz", "'-infinity'", "infinite time"),
        ("timestamp[]", "'{infinity}'", "infinite time"),
        ("numeric", "'NaN'", "NaN"),
        ("numeric", "'Infinity'", "NaN or infinite"),
        ("numeric(5, 2)", "'NaN'", "NaN"),
        ("numeric(5, 2)[]", "'{NaN}'", "NaN"),
        ("time", "'24:00'", "24:00"),
    ],
)
def test_values_that_arrow_cannot_hold_are_refused_with_their_column(
    postgres, sql, kind, value, says
) -> None:
    sql(f'create table shop.t (id integer, "The Value" {kind}); '.rstrip("; "))
    sql(f"insert into shop.t values (1, {value})")

    with pytest.raises(ConnectorError, match=says) as caught:
        postgres.read(shop(postgres))

    assert (caught.value.column, "shop" in caught.value.table) == ("The Value", True)
    assert postgres.read(shop(postgres), ["id"]).to_pydict() == {"id": [1]}


UNIQUE = {
    "doc": ("jsonb", "jsonb_build_object('id', g, 'name', 'n' || g)"),
    "paper": ("json not null", "json_build_object('id', g, 'tags', array[g, g * 2])"),
    "either": ("jsonb", "case when g % 3 > 0 then to_jsonb('x' || g) else jsonb_build_object('g', g) end"),
    "other": (
        "json not null",
        "case when g % 3 > 0 then to_json('x' || g) else json_build_object('g', g) end",
    ),
    "days": ("daterange", "daterange('2020-01-01'::date + g, '2020-01-01'::date + g + g % 9)"),
    "span": ("int4range not null", "int4range(g, g + g % 7)"),
    "mac": ("macaddr", "('08:00:2b:01:02:' || lpad(to_hex(g), 2, '0'))::macaddr"),
    "bits": ("bit varying(9)", "g::bit(9)::bit varying"),
    "ids": ("uuid[]", "array[md5(g::text)::uuid]"),
    "names": ("text[] not null", "array['a' || g]"),
    "note": ("varchar(30)", "left(repeat(chr(97 + g % 20) || 'lorem ipsum dolor ', 3), 12 + g % 19)"),
    "kind": ("shop.mood not null", "case when g < 4 then 'sad' else 'h\"ap py' end::shop.mood"),
    "mail": ("shop.address", "'user' || g || '@b.org'"),
    "at": ("timetz", "'10:00+02'::timetz + make_interval(mins => g)"),
}


def test_made_up_values_that_are_none_of_their_type_are_replaced(
    postgres, postgres_uri, sql, caplog: pytest.LogCaptureFixture
) -> None:
    sql(USER_TYPES)
    sql("create domain shop.address as text check (value ~ '^[a-z]+[0-9]+@[a-z.]+$')")
    sql(f"create table shop.t ({', '.join(f'{name} {kind}' for name, (kind, _) in UNIQUE.items())})")
    sql(
        f"insert into shop.t select {', '.join(v for _, v in UNIQUE.values())} from generate_series(1, 150) g"
    )
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(f"{postgres_uri}?schema=shop")

    synthesizer.sample(output_path=f"{postgres_uri}?schema=twins")

    assert columns_of(sql, "twins") == columns_of(sql, "shop")
    assert postgres.count(postgres.relation("twins", "t")) == 150
    assert sql("select max(length(note)) <= 30, count(note)::int from twins.t") == [(True, 150)]
    assert sql("select count(*)::int from twins.t where doc->>'name' ~ '^n[0-9]+$'") == [(150,)]
    assert sql("select count(*)::int from twins.t where json_array_length(paper->'tags') = 2") == [(150,)]
    assert sql("select count(*)::int from twins.t where cardinality(ids) = 1 and ids[1] is not null") == [
        (150,)
    ]
    assert re.search(
        r"either: \d+ made-up values are none of the type jsonb; null stands in their place", caplog.text
    )
    assert re.search(
        r"other: \d+ made-up values are none of the type json; an empty value stands", caplog.text
    )
    # What is no twin is written as it is, or refused.
    with pytest.raises(ConnectorError, match="no twin was changed"):
        postgres.write_twins([twin(postgres, pa.table({"paper": ["no json"]}))])


def test_labels_that_no_enum_has_are_replaced(postgres_uri, sql) -> None:
    sql(USER_TYPES)
    sql("create table shop.t (a shop.mood not null, b shop.mood)")
    sql("insert into shop.t values ('sad', 'sad'), ('h\"ap py', null)")  # too few rows to learn a label

    Synthesizer(model="gaussian_copula", progress=False).fit(f"{postgres_uri}?schema=shop").sample(
        output_path=f"{postgres_uri}?schema=twins"
    )

    assert sql("select distinct a::text, b::text from twins.t") == [("sad", None)]


# ---------------------------------------------------------------- lists of several dimensions


@pytest.mark.parametrize("declared", ["integer[][] not null", "integer[]"])
def test_a_twin_with_lists_of_several_dimensions_is_appended_to_and_learned(
    postgres_uri, sql, declared: str
) -> None:
    sql(f"create table shop.t (id integer primary key, m {declared}, v text[])")
    sql(
        "insert into shop.t select g, array[[g % 3, 2], [3, g % 5]], array['a'] "
        "from generate_series(1, 200) as g"
    )
    source, target = f"{postgres_uri}?schema=shop", f"{postgres_uri}?schema=twins"
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(source)
    synthesizer.sample(output_path=target)

    synthesizer.sample(append_to=target, output_path=target, scale=0.5)

    assert columns_of(sql, "twins") == columns_of(sql, "shop")
    assert sql("select count(*)::int, count(distinct array_dims(m))::int from twins.t") == [(300, 1)]
    again = Synthesizer(model="gaussian_copula", progress=False).fit(target).sample()
    assert again["t"]["m"].str.match(r"\{\{\d,2\},\{3,\d\}\}").all()


def test_lists_are_text_where_some_have_several_dimensions_or_start_elsewhere(postgres, sql) -> None:
    sql("create table shop.t (a integer[], b char(3)[], c integer[])")
    sql("insert into shop.t values ('{{1,2},{3,4}}', '{ab}', '{1}'), ('{5}', '[2:3]={a,b}', null)")

    rows = postgres.read(shop(postgres))
    postgres.write_twins([twin(postgres, rows)])

    assert rows.to_pydict() == {
        "a": ["{{1,2},{3,4}}", "{5}"],
        "b": ["{ab}", "[2:3]={a,b}"],
        "c": [[1], None],
    }
    assert postgres.read(postgres.relation("twins", "t")) == rows
    assert columns_of(sql, "twins") == columns_of(sql, "shop")


def test_a_list_that_changes_while_it_is_read_is_refused(postgres, sql) -> None:
    sql("create sequence shop.asked")
    sql(
        "create view shop.v as select case when nextval('shop.asked') = 1 then '{1}' else '{{1,2}}' end"
        "::integer[] as a"
    )

    with pytest.raises(ConnectorError, match=r"shop.*v.*several dimensions") as caught:
        postgres.read(shop(postgres, "v"))

    assert caught.value.column == "a"
