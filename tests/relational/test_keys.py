"""Whatever the shape of the keys: no orphan, no repeated key, and the real columns and dtypes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sound import orphans, twin_of

from synthohive_py import ForeignKey, GenerationError, Metadata, Synthesizer
from synthohive_py.relational.keys import KeyGenerator

# ---------------------------------------------------------------- single shapes


def users(rows: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({"id": np.arange(1, rows + 1), "age": rng.integers(20, 60, rows)})


def test_a_nullable_foreign_key_keeps_its_share_of_nulls() -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", pk="id", fk={"user_id": "users.id"})
    refers = pd.array([None if i % 4 == 0 else i % 30 + 1 for i in range(200)], dtype="Int64")
    data = {"users": users(), "orders": pd.DataFrame({"id": np.arange(200), "user_id": refers})}

    twin = twin_of(metadata, data)["orders"]

    assert twin["user_id"].isna().mean() == pytest.approx(0.25, abs=0.1)


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.uuid()])
def test_a_foreign_key_that_is_always_null_stays_so(kind: pa.DataType) -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", fk={"user_id": "users.id"})
    ids = {pa.int64(): range(1, 31), pa.string(): [f"u{number}" for number in range(30)]}
    known = (
        pa.array(ids[kind])
        if kind in ids
        else kind.wrap_array(pa.array([bytes16(n) for n in range(30)], pa.binary(16)))
    )
    orders = pa.table({"user_id": pa.nulls(400, kind), "total": np.arange(400) % 7})
    data = {"users": pa.table({"id": known, "age": np.arange(30)}), "orders": orders}
    synthesizer = Synthesizer(metadata, seed=1, model_options={"epochs": 2}, progress=False).fit(data)

    twin = synthesizer.sample(scale=3)["orders"]

    assert len(twin) == 1200
    assert twin["user_id"].isna().all()


def bytes16(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_composite_and_overlapping_keys_hold_together() -> None:
    """A line's (shop, order) and (shop, product) share the shop, and both must exist."""
    metadata = Metadata()
    metadata.add_table("orders", pk=["shop", "no"])
    metadata.add_table("products", pk=["shop", "code"])
    metadata.add_table(
        "lines",
        pk=["shop", "no", "line"],
        foreign_keys=[
            ForeignKey(columns=("shop", "no"), parent="orders", parent_columns=("shop", "no")),
            ForeignKey(columns=("shop", "code"), parent="products", parent_columns=("shop", "code")),
        ],
    )
    orders = pd.DataFrame({"shop": np.repeat([1, 2, 3], 20), "no": np.tile(np.arange(20), 3)})
    products = pd.DataFrame({"shop": [1] * 5 + [2] * 3 + [3] * 9, "code": [*"abcde", *"abc", *"abcdefghi"]})
    lines = orders.loc[np.repeat(orders.index, 3)].reset_index(drop=True)
    lines["line"] = np.tile([1, 2, 3], len(orders))
    lines["code"] = np.tile(["a", "b", "c"], len(orders))
    lines["units"] = np.arange(len(lines)) % 7

    twin = twin_of(metadata, {"orders": orders, "products": products, "lines": lines})

    assert len(twin["lines"]) == pytest.approx(len(lines), rel=0.5)
    assert set(twin["lines"]["line"]) <= {1, 2, 3}


def test_a_reference_table_is_copied_and_its_keys_are_used() -> None:
    metadata = Metadata()
    metadata.add_table("carriers", pk="code", mode="reference")
    metadata.add_table("flights", pk="id", fk={"carrier": "carriers.code"})
    carriers = pd.DataFrame({"code": ["AA", "BB", "CC"], "name": ["A Air", "B Air", "C Air"]})
    flights = pd.DataFrame({"id": np.arange(120), "carrier": ["AA", "AA", "BB", "AA"] * 30})

    twin = twin_of(metadata, {"carriers": carriers, "flights": flights})

    pd.testing.assert_frame_equal(twin["carriers"], carriers)
    assert set(twin["flights"]["carrier"]) == {"AA", "BB"}


def test_keys_of_reference_tables_may_overlap() -> None:
    metadata = Metadata()
    metadata.add_table("countries", pk="code", mode="reference")
    metadata.add_table("regions", pk=["country", "region"], mode="reference")
    metadata.add_table("towns", pk=["country", "town"], mode="reference")
    keys = [
        ForeignKey(columns=("country",), parent="countries", parent_columns=("code",)),
        ForeignKey(columns=("country", "region"), parent="regions", parent_columns=("country", "region")),
        ForeignKey(columns=("country", "town"), parent="towns", parent_columns=("country", "town")),
    ]
    metadata.add_table("shops", pk="id", foreign_keys=keys)
    pairs = {"country": ["a", "a", "b", "c"], "region": [1, 2, 1, 1], "town": [7, 8, 7, 7]}
    places = pd.DataFrame(pairs)
    shops = places.loc[[0, 1, 2] * 20].reset_index(drop=True).assign(id=np.arange(60))
    countries = pd.DataFrame({"code": ["a", "b", "c"]})
    data = {"countries": countries, "regions": places.drop(columns="town")}

    twin = twin_of(metadata, {**data, "towns": places.drop(columns="region"), "shops": shops})

    assert len(twin["shops"]) == 60


@pytest.mark.parametrize("orphaned", ["keep", "drop"])
def test_orphans_are_kept_or_dropped(orphaned: str) -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    key = ForeignKey(columns="user_id", parent="users", parent_columns="id", orphans=orphaned)
    metadata.add_table("orders", pk="id", foreign_keys=[key])
    refers = [i % 30 + (1 if i % 5 else 1001) for i in range(200)]
    data = {"users": users(), "orders": pd.DataFrame({"id": np.arange(200), "user_id": refers})}

    twin = twin_of(metadata, data)

    share = orphans(twin["orders"], key, twin) / len(twin["orders"])
    assert share == (pytest.approx(0.2, abs=0.1) if orphaned == "keep" else 0)


def test_orphans_of_every_key_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    driver = ForeignKey(columns="user_id", parent="users", parent_columns="id", driver=True)
    other = ForeignKey(columns="seller_id", parent="users", parent_columns="id")
    metadata.add_table("orders", pk="id", foreign_keys=[driver, other])
    refers = np.arange(200) % 30 + 1
    orders = pd.DataFrame({"id": np.arange(200), "user_id": refers, "seller_id": refers + 1000})
    orders.loc[:9, "user_id"] = 5000

    twin_of(metadata, {"users": users(), "orders": orders})

    end = "are not learned (orphans='drop')"
    told = [r.getMessage() for r in caplog.records if r.name.startswith("synthohive_py")]  # dbt says it again
    assert [message for message in told if "orphans" in message] == [
        f"orders: 10 of 200 rows have no parent along {driver}; they {end}",
        f"orders: 200 of 200 rows have no parent along {other}; these references {end}",
    ]


def test_rows_that_refer_to_their_own_table_form_no_loop() -> None:
    metadata = Metadata()
    metadata.add_table("staff", pk="id", fk={"boss": "staff.id"})
    boss = pd.array([None, *((i - 1) // 3 for i in range(1, 60))], dtype="Int64")
    staff = pd.DataFrame({"id": np.arange(60), "boss": boss, "level": np.arange(60) % 4})

    twin = twin_of(metadata, {"staff": staff})["staff"]

    assert_no_loops(twin, "id", "boss")


def assert_no_loops(frame: pd.DataFrame, key: str, refers: str) -> None:
    above = dict(zip(frame[key], frame[refers], strict=True))
    for start in frame[key]:
        row, steps = start, 0
        while pd.notna(row):
            row, steps = above[row], steps + 1
            assert steps <= len(frame)


def test_two_tables_may_refer_to_each_other() -> None:
    metadata = Metadata()
    metadata.add_table("teams", pk="id", fk={"lead": "people.id"})
    metadata.add_table("people", pk="id", fk={"team": "teams.id"})
    teams = pd.DataFrame({"id": np.arange(12), "lead": pd.array([*range(10), None, None], dtype="Int64")})
    people = pd.DataFrame({"id": np.arange(60), "team": np.arange(60) % 12})

    twin = twin_of(metadata, {"teams": teams, "people": people})

    assert twin["teams"]["lead"].notna().any()


def test_further_unique_combinations_stay_unique() -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("seats", pk="id", fk={"user_id": "users.id"}, unique=[["row", "seat"], ["badge"]])
    seats = pd.DataFrame(
        {
            "id": np.arange(60),
            "user_id": np.arange(60) % 30 + 1,
            "row": np.repeat(np.arange(10), 6),
            "seat": np.tile([*"abcdef"], 10),
            "badge": [f"B-{i:05d}" for i in range(60)],
        }
    )

    twin = twin_of(metadata, {"users": users(), "seats": seats})["seats"]

    assert len(twin) > 30
    assert twin["badge"].str.fullmatch(r"B-\d{5}").all()


def test_a_key_that_is_also_the_primary_key_is_one_to_one() -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("profiles", pk="user_id", fk={"user_id": "users.id"})
    data = {
        "users": users(),
        "profiles": pd.DataFrame({"user_id": np.arange(1, 16), "score": np.arange(15.0)}),
    }

    twin = twin_of(metadata, data)

    assert 0 < len(twin["profiles"]) <= len(twin["users"])


def test_a_unique_reference_to_the_own_table_orphans_no_children() -> None:
    """Each row has one successor at most; rows that could not get one of their own stay without."""
    metadata = Metadata()
    metadata.add_table("steps", pk="id", fk={"next": "steps.id"}, unique=[["next"]])
    metadata.add_table("notes", pk="id", fk={"step": "steps.id"})
    following = pd.array([i + 1 if i % 5 else None for i in range(39)] + [None], dtype="Int64")
    steps = pd.DataFrame({"id": np.arange(40), "next": following})
    notes = pd.DataFrame({"id": np.arange(80), "step": np.arange(80) % 40})

    twin = twin_of(metadata, {"steps": steps, "notes": notes})

    assert_no_loops(twin["steps"], "id", "next")
    assert len(twin["steps"]) == 40
    assert twin["steps"]["next"].notna().mean() > 0.4


def test_a_cycle_with_unique_ends_orphans_no_rows() -> None:
    metadata = Metadata()
    metadata.add_table("rooms", pk="id", fk={"key_holder": "guests.id"}, unique=[["key_holder"]])
    metadata.add_table("guests", pk="id", fk={"room": "rooms.id"})
    holders = pd.array([*range(6), *[None] * 4], dtype="Int64")
    rooms = pd.DataFrame({"id": np.arange(10), "key_holder": holders})
    guests = pd.DataFrame({"id": np.arange(6), "room": np.arange(6)})

    twins = [twin_of(metadata, {"rooms": rooms, "guests": guests}, seed=seed) for seed in range(8)]

    assert {len(twin["rooms"]) for twin in twins} == {10}  # a room without a holder of its own has none


# ---------------------------------------------------------------- computed keys


@pytest.mark.parametrize(
    "column",
    [
        pa.array([-(2**63), 5, 2**63 - 1], pa.int64()),
        pa.array([0, 2**64 - 1], pa.uint64()),
        pa.array([1, 100, 127], pa.int8()),
        pa.array([0, 43_200, 86_399], pa.int32()).cast(pa.time32("s")),
        pa.array([0, 2_932_896], pa.int32()).cast(pa.date32()),
        pa.array([1.0, 2.0, 3.0], pa.float32()),
        pa.array(["A1", "B2"]),
    ],
    ids=lambda column: str(column.type),
)
def test_more_keys_than_the_real_ones_fit_the_type(column: pa.Array) -> None:
    made = KeyGenerator.fit(column, threshold=5).make(100, np.random.default_rng(0))

    assert made.type == column.type
    assert len(made.unique()) == 100


def test_keys_beyond_the_type_are_refused() -> None:
    keys = KeyGenerator.fit(pa.array([1, 2, 3], pa.int8()), threshold=5)

    with pytest.raises(GenerationError, match="do not fit the type int8"):
        keys.make(200, np.random.default_rng(0))
    with pytest.raises(GenerationError, match="do not fit the type int8"):
        keys.make_others(200, pa.array([1], pa.int8()), np.random.default_rng(0))


def test_other_keys_are_not_among_the_taken_ones() -> None:
    for column in (pa.array([3, 6, 9]), pa.array(["a1", "a2", "b7"])):
        others = KeyGenerator.fit(column, threshold=5).make_others(50, column, np.random.default_rng(0))

        assert len(set(others.to_pylist()) - set(column.to_pylist())) == 50


@pytest.mark.parametrize(("first", "step"), [(1, 1), (73_412, 1), (4375, 10), (-7, 3)])
def test_numeric_keys_begin_about_where_the_real_ones_do(first: int, step: int) -> None:
    """The first key itself would tell one real row; the grid and the leading digit are enough."""
    real = pd.DataFrame({"id": first + step * np.arange(40), "v": [0, 1] * 20})
    metadata = Metadata()
    metadata.add_table("t", pk="id")

    ids = twin_of(metadata, {"t": real})["t"]["id"]

    assert ids.is_unique
    assert ids.dtype == real["id"].dtype
    assert ((ids - first) % step == 0).all()
    assert len(str(ids.min())) == len(str(first))
    assert ids.min() <= first
    assert (ids.min() == first) == (first < 10)


@pytest.mark.parametrize("keys", [{"pk": "user_id"}, {"unique": [["user_id"]]}, {"pk": ["user_id", "line"]}])
def test_kept_orphans_repeat_no_unique_value(keys: dict[str, object]) -> None:
    """Among eighty rows, sixty users exist; each of the others is nobody's."""
    kept = ForeignKey(columns="user_id", parent="users", parent_columns="id", orphans="keep")
    lines = 1 if "line" not in str(keys) else 3
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("profiles", foreign_keys=[kept], **keys)
    profiles = pd.DataFrame(
        {"user_id": np.repeat(np.arange(1, 81), lines), "line": np.arange(80 * lines) % lines}
    )

    twin = twin_of(metadata, {"users": users(60), "profiles": profiles})["profiles"]

    assert len(twin) == len(profiles)
    assert not twin.duplicated(["user_id", *(["line"] if lines > 1 else [])]).any()
    assert (twin["user_id"] > 60).any()


def test_orphans_of_an_empty_table_are_kept() -> None:
    kept = ForeignKey(columns="user_id", parent="users", parent_columns="id", orphans="keep")
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", foreign_keys=[kept])
    orders = pd.DataFrame({"user_id": np.arange(100) % 9})

    twin = twin_of(metadata, {"users": users(0), "orders": orders})

    assert (len(twin["users"]), len(twin["orders"])) == (0, 100)
    assert twin["orders"]["user_id"].notna().all()


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.5, 2])
def test_one_parent_with_all_children_gets_its_share_of_them(scale: float) -> None:
    metadata = Metadata()
    metadata.add_table("languages", pk="id")
    metadata.add_table("films", pk="id", fk={"language": "languages.id"})
    films = pd.DataFrame({"id": range(1000), "language": 0})
    languages = pd.DataFrame({"id": range(6)})

    twin = twin_of(metadata, {"languages": languages, "films": films}, scale=scale)

    assert len(twin["films"]) == pytest.approx(1000 / 6 * len(twin["languages"]), abs=1)


def test_the_widest_numbers_are_compared_with_signed_ones_of_the_parent() -> None:
    parent = pa.table({"id": pa.array(range(50)), "code": pa.array([i % 7 for i in range(50)])})
    large = pa.array([2**63 + i % 9 for i in range(200)], pa.uint64())
    child = pa.table({"parent_id": pa.array([i % 50 for i in range(200)]), "code": large})
    metadata = Metadata()
    metadata.add_table("parent", pk="id")
    metadata.add_table("child", fk={"parent_id": "parent.id"})
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False)

    twin = synthesizer.fit({"parent": parent, "child": child}).sample()["child"]

    assert set(twin["code"].to_list()) <= set(large.to_pylist())
