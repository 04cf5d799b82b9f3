"""Folders as databases: tables in, twins out, in each format."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from synthohive_py import ConnectorError, Metadata, Synthesizer
from synthohive_py.connectors import Place, Relation, open_url
from synthohive_py.connectors import csvfiles as csvfiles_module
from synthohive_py.frames import to_arrow

KINDS = ["parquet", "csv", "delta"]
CUSTOMERS = pa.table(
    {
        "customer_id": range(300),
        "city": ["Graz", "Linz", "Wien"] * 100,
        "since": [dt.date(2020, 1, 1 + i % 28) for i in range(300)],
    }
)
ORDERS = pa.table(
    {
        "order_id": range(900),
        "customer_id": [i * i % 300 for i in range(900)],
        "amount": [5 + 1.5 * (i % 37) for i in range(900)],
        "note": [("", None, "NA", 'a "b",\nc')[i % 4] for i in range(900)],
    }
)


def write(folder: Path, kind: str, name: str, rows: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "delta":
        deltalake.write_deltalake(str(folder / name), rows)
    elif kind == "csv":
        pc.write_csv(rows, folder / f"{name}.csv")
    else:
        pq.write_table(rows, folder / f"{name}.parquet")


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a folder with two tables."""
    for name, rows in (("customers", CUSTOMERS), ("orders", ORDERS)):
        write(tmp_path / "shop", request.param, name, rows)
    return f"{request.param}:///{tmp_path}/shop"


def rows_of(url: str, name: str, columns: list[str] | None = None) -> pa.Table:
    connector, schema = open_url(url)
    return connector.read(connector.relation(schema, name), columns)


def test_rows_come_back_as_they_are(shop: str) -> None:
    assert to_arrow(rows_of(shop, "orders"), "orders").equals(to_arrow(ORDERS, "orders"))
    assert rows_of(shop, "orders", ["amount", "order_id"]).column_names == ["amount", "order_id"]
    connector, _ = open_url(shop)
    assert connector.count(connector.relation("", "orders")) == 900


def test_a_twin_of_a_folder_is_the_twin_of_its_rows(shop: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(shop)
    places = synthesizer.sample(output_path=f"{shop}?schema=twins")

    assert "foreign key (customer_id) -> customers(customer_id) (guessed)" in caplog.text
    twin = synthesizer.sample()
    for name, place in places.items():
        written = to_arrow(rows_of(f"{shop}?schema=twins", name), name)
        assert written.equals(to_arrow(twin[name], name).cast(written.schema))
        assert Path(place).exists()
    assert sorted(path.name for path in Path(places["orders"]).parent.iterdir()) == sorted(
        Path(place).name for place in places.values()
    )


def test_the_guess_from_key_columns_is_the_guess_from_all_rows(shop: str) -> None:
    assert Metadata.from_database(shop) == Metadata.from_dataframes(
        {"customers": CUSTOMERS, "orders": ORDERS}
    )


def test_large_tables_are_read_in_families(shop: str) -> None:
    synthesizer = Synthesizer(model="gaussian_copula", progress=False, max_training_rows=200).fit(shop)

    twin = synthesizer.sample()

    assert len(twin["orders"]) == 900
    assert twin["orders"]["customer_id"].isin(twin["customers"]["customer_id"]).all()


def test_twins_never_replace_the_real_tables(shop: str) -> None:
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(shop)

    with pytest.raises(ConnectorError, match="would replace the real table"):
        synthesizer.sample(output_path=shop)

    assert to_arrow(rows_of(shop, "customers"), "customers").equals(to_arrow(CUSTOMERS, "customers"))


@pytest.mark.parametrize(
    "other", ["/shop", "/?schema=shop", "/shop?schema=.", "/?schema=twins/../shop", "/link", "/link/"]
)
def test_real_tables_are_known_under_every_name_of_their_folder(
    shop: str, tmp_path: Path, other: str
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    (tmp_path / "twins").mkdir()
    kind = shop.partition(":")[0]
    by_url = Synthesizer(model="gaussian_copula", progress=False).fit(shop)
    by_path = Synthesizer(model="gaussian_copula", progress=False)
    ending = "" if kind == "delta" else f".{kind}"
    by_path.fit({name: tmp_path / "shop" / f"{name}{ending}" for name in ("customers", "orders")})

    for synthesizer in (by_url, by_path):
        with pytest.raises(ConnectorError, match="would replace the real table"):
            synthesizer.sample(output_path=f"{kind}:///{tmp_path}{other}")
        if "?" not in other:
            with pytest.raises(ConnectorError, match=r"would replace the real table.*another folder"):
                synthesizer.sample(output_path=f"{tmp_path}{other}", output_format=kind)

    assert to_arrow(rows_of(shop, "customers"), "customers").equals(to_arrow(CUSTOMERS, "customers"))
    by_path.sample(output_path=tmp_path / "twins", output_format=kind)  # another folder is free


def writing(url: str, names: list[str]) -> Callable[[], None]:
    connector, _ = open_url(url)
    places = {
        name: Place(None, connector.relation("twins", name), pa.schema([("a", pa.int64())])) for name in names
    }

    def run() -> None:
        with connector.writing(places) as add:
            add(names[0], pa.table({"a": [1, 2]}))
            raise ZeroDivisionError

    return run


def test_a_failure_leaves_nothing(shop: str) -> None:
    with pytest.raises(ZeroDivisionError):
        writing(shop, ["t", "u"])()

    folder = Path(shop.split("///")[1]) / "twins"
    assert list(folder.iterdir()) == []


def test_a_file_in_the_way_of_a_delta_table_leaves_all_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, "delta", "t", pa.table({"a": [7]}))
    connector, _ = open_url(f"delta:///{tmp_path}")
    schema = pa.schema([("a", pa.int64())])
    places = {name: Place(None, connector.relation("", name), schema) for name in ("new", "t", "bad")}

    def run() -> None:
        with connector.writing(places) as add:
            add("t", pa.table({"a": [1, 2]}))
            (tmp_path / "bad").write_text("in the way")

    with pytest.raises(ConnectorError, match="bad"):
        run()

    assert rows_of(f"delta:///{tmp_path}", "t").to_pydict() == {"a": [7]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "t"]


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_real_table_is_known_behind_a_link_of_its_own(tmp_path: Path, kind: str) -> None:
    ending = "" if kind == "delta" else f".{kind}"
    write(tmp_path / "real", kind, "orders", ORDERS)
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / f"orders{ending}").symlink_to(tmp_path / "real" / f"orders{ending}")
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(f"{kind}:///{tmp_path}/real")

    for place in (f"{kind}:///{tmp_path}/twin", tmp_path / "twin"):
        options = {} if isinstance(place, str) else {"output_format": kind}
        with pytest.raises(ConnectorError, match="would replace the real table"):
            synthesizer.sample(output_path=place, **options)

    assert rows_of(f"{kind}:///{tmp_path}/real", "orders").num_rows == 900


@pytest.mark.parametrize("schema", ["../x", "a/../../x", "/{tmp_path}/x"])
def test_a_schema_is_within_the_folder(tmp_path: Path, schema: str) -> None:
    with pytest.raises(ConnectorError, match="the schema is no folder in the folder"):
        open_url(f"parquet:///{tmp_path}/lake?schema={schema.format(tmp_path=tmp_path)}")

    assert open_url(f"parquet:///{tmp_path}/lake?schema=a/../b..c")[1] == "a/../b..c"


def test_every_place_is_replaced_also_without_rows(shop: str) -> None:
    connector, _ = open_url(shop)
    place = Place(connector.relation("", "customers"), connector.relation("twins", "customers"))

    with connector.writing({"customers": place}):
        pass

    twin = rows_of(f"{shop}?schema=twins", "customers")
    assert twin.num_rows == 0
    assert twin.column_names == CUSTOMERS.column_names


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    ds.write_dataset(
        ORDERS, tmp_path / "orders", format="parquet", partitioning=["customer_id"], max_partitions=400,
        partitioning_flavor="hive",
    )  # fmt: skip
    (tmp_path / "orders" / "_SUCCESS").touch()

    rows = rows_of(f"parquet:///{tmp_path}", "orders", ["order_id", "customer_id"])

    assert rows.sort_by("order_id").to_pydict() == ORDERS.select(["order_id", "customer_id"]).to_pydict()
    assert Metadata.from_database(f"parquet:///{tmp_path}").tables["orders"].pk == ("order_id",)


def test_files_of_one_table_may_differ_in_columns_not_in_types(tmp_path: Path) -> None:
    for number, rows in enumerate([{"a": [1]}, {"a": [2], "b": ["x"]}]):
        write(tmp_path / "t", "parquet", str(number), pa.table(rows))
    assert rows_of(f"parquet:///{tmp_path}", "t").to_pydict() == {"a": [1, 2], "b": [None, "x"]}

    write(tmp_path / "t", "parquet", "2", pa.table({"a": ["text"]}))
    with pytest.raises(ConnectorError, match=r"t: can't be read; .*a"):
        rows_of(f"parquet:///{tmp_path}", "t")


@pytest.mark.parametrize("group", [1 << 28, 64])
def test_a_late_value_of_a_csv_file_decides_its_type(
    tmp_path: Path, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvfiles_module, "GROUP_BYTES", group)
    lines = [f"{i},{i},\n" for i in range(200_000)]
    (tmp_path / "t.csv").write_text("a,b,c\n" + "".join(lines) + "200000,1.5,x\n")

    rows = rows_of(f"csv:///{tmp_path}", "t")

    assert [str(kind) for kind in rows.schema.types] == ["int64", "double", "string"]
    assert rows.slice(200_000).to_pydict() == {"a": [200_000], "b": [1.5], "c": ["x"]}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("parquet:///missing", "there is no folder .*missing"),
        ("csv://host/folder", "this is no folder.*csv:///relative/path"),
        ("delta:///", "this is no folder"),
        ("delta:///{empty}", "no table in"),
    ],
)
def test_what_is_no_folder_of_tables_is_refused(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match=words):
        Metadata.from_database(url.format(empty=tmp_path))


def test_files_that_are_broken_or_twice_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not PAR1")
    connector, _ = open_url(f"parquet:///{tmp_path}")
    with pytest.raises(ConnectorError, match="t: can't be read"):
        connector.count(Relation(str(tmp_path), "", "t"))

    write(tmp_path / "u", "parquet", "part", CUSTOMERS)
    write(tmp_path, "parquet", "u", CUSTOMERS)
    with pytest.raises(ConnectorError, match="u: is there twice"):
        connector.count(Relation(str(tmp_path), "", "u"))
    with pytest.raises(ConnectorError, match="u: there is no such table"):
        open_url(f"delta:///{tmp_path}")[0].count(Relation(str(tmp_path), "", "u"))


def test_a_twin_does_not_land_beside_a_folder_of_its_name(tmp_path: Path) -> None:
    write(tmp_path / "t", "parquet", "part", CUSTOMERS)

    for kind in ("parquet", "delta"):
        connector, _ = open_url(f"{kind}:///{tmp_path}")
        places = {"t": Place(None, connector.relation("", "t"), CUSTOMERS.schema)}
        with (
            pytest.raises(ConnectorError, match="no twin that was written before"),
            connector.writing(places),
        ):
            pass

    assert [path.name for path in tmp_path.iterdir()] == ["t"]
