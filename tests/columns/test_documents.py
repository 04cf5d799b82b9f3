"""JSON, structs and lists: what comes back is valid, has the keys and values of real ones, and is none."""

from __future__ import annotations

import json
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthohive_py.columns import TableCodec
from synthohive_py.rng import Part, Seed
from synthohive_py.states import dump_state, load_state

RNG = np.random.default_rng(0)
SIZE = 2000


def orders() -> list[dict[str, object]]:
    return [
        {
            "id": f"ord-{i:05d}",
            "status": ["new", "paid", "sent"][i % 3],
            "total": round(float(RNG.lognormal(3, 1)), 2),
            "items": int(RNG.integers(1, 9)),
            "gift": bool(i % 7 == 0),
            "ship": {"city": ["Ulm", "Köln", "Bonn"][i % 3], "zip": f"{RNG.integers(10000, 99999)}"},
            "tags": sorted({["a", "b", "c", "d"][k] for k in RNG.integers(0, 4, int(RNG.integers(0, 4)))}),
            "coupon": None if i % 2 else f"C{i % 5}",
            "at": f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}",
            **({"note": f"free text {i} here"} if i % 4 == 0 else {}),
        }
        for i in range(SIZE)
    ]


def twin_of(column: pa.Array, *, threshold: int = 5) -> pa.Array:
    """What comes back after a way through an artefact."""
    table = pa.table({"x": column})
    codec = TableCodec.fit(table, name="t", threshold=threshold)
    codec = TableCodec.from_state(load_state(dump_state(codec.state())))
    codes = codec.encode(table)
    assert codes.shape == (len(column), len(codec.cardinalities))
    assert (codes >= 0).all()
    assert (codes < np.array(codec.cardinalities)).all()
    part = codec.decode(codes, seed=Seed(1), part=Part(0, len(column), len(column))).column("x")
    assert part.type == column.type
    decoded = codec.decode(codes, seed=Seed(0)).column("x").combine_chunks()
    assert decoded.type == column.type
    decoded.validate(full=True)
    return decoded


@pytest.mark.parametrize("separators", [(", ", ": "), (",", ":")], ids=["spaced", "tight"])
def test_json_is_learned_by_its_keys(separators: tuple[str, str]) -> None:
    real = [json.dumps(order, separators=separators, ensure_ascii=False) for order in orders()]
    column = pa.array([None if i % 10 == 9 else text for i, text in enumerate(real)])

    twin = twin_of(column)

    assert twin.is_null().to_pylist() == column.is_null().to_pylist()
    texts = [text for text in twin.to_pylist() if text is not None]
    made = [json.loads(text) for text in texts]
    assert [json.dumps(d, separators=separators, ensure_ascii=False) for d in made] == texts
    assert not set(texts) & set(real)
    assert {tuple(d) for d in made} <= {tuple(json.loads(text)) for text in real}  # keys and their order
    assert Counter(d["status"] for d in made) == Counter(
        json.loads(text)["status"] for text in column.drop_null().to_pylist()
    )
    assert not {d["id"] for d in made} - {f"ord-{i:05d}" for i in range(100_000)}
    assert {type(d["total"]) for d in made} == {float}
    assert {type(d["items"]) for d in made} == {int}
    assert {type(d["gift"]) for d in made} == {bool}
    # Codes are learned together: a real order's city goes with its status.
    cities = {"new": "Ulm", "paid": "Köln", "sent": "Bonn"}
    assert all(d["ship"]["city"] == cities[d["status"]] for d in made)
    assert all(d["tags"] == sorted(set(d["tags"])) for d in made)
    assert {d["coupon"] for d in made} <= {None, *(f"C{i}" for i in range(5))}
    assert all(d["at"][4] == "-" and 1 <= int(d["at"][5:7]) <= 12 for d in made)
    assert sum("note" in d for d in made) == sum('"note"' in text for text in column.drop_null().to_pylist())


def test_keys_that_few_documents_have_are_values() -> None:
    baskets = [
        json.dumps({f"SKU-{RNG.integers(10**6)}": i % 5 + 1 for _ in range(1 + i % 3)}) for i in range(500)
    ]

    made = [json.loads(text) for text in twin_of(pa.array(baskets)).to_pylist()]

    keys = {key for basket in made for key in basket}
    assert all(re.fullmatch(r"[A-Z]{3}-\d+", key) for key in keys)
    assert len(keys & {key for text in baskets for key in json.loads(text)}) < len(keys) / 10
    assert {value for basket in made for value in basket.values()} <= set(range(1, 6))


@pytest.mark.parametrize(
    "texts",
    [
        [f'{{"a": {i}, "b": NaN}}' for i in range(50)],
        [str(i * 7.5) for i in range(50)],
        ["[" * 3000 + f"{i}" + "]" * 3000 for i in range(20)],
    ],
    ids=["no JSON", "numbers", "too deep"],
)
def test_what_is_no_document_is_learned_as_text(texts: list[str]) -> None:
    table = pa.table({"x": pa.array(texts)})

    assert TableCodec.fit(table, name="t", threshold=5).codec("x").kind != "json"


def test_cells_of_several_kinds_stay_what_they_are() -> None:
    texts = [
        *[json.dumps({"no": i, "state": ["new", "paid"][i % 2]}) for i in range(300)],
        *[json.dumps([i, i + 1]) for i in range(100)],
        *[json.dumps(i * 7) for i in range(50)],
        *["null"] * 20,
        *["n/a"] * 10,
        *[""] * 10,
        "{ cut off",
        "9" * 400,
    ]

    twin = twin_of(pa.array([*texts, None, None])).to_pylist()

    def kinds(column: list[str | None]) -> Counter[str]:
        return Counter(
            repr(text) if text in (None, "", "n/a") else type(json.loads(text)).__name__ for text in column
        )

    # The two that are no JSON, and shared with no other row, become what most are.
    assert kinds(twin) == kinds([*texts[:-2], None, None]) + Counter({"dict": 2})


def test_what_a_row_says_again_and_again_is_still_its_own() -> None:
    secrets = [f"{RNG.integers(10**11, 10**12)}" for _ in range(400)]
    columns = {
        "list": pa.array([[secret] * 7 for secret in secrets]),
        "structs": pa.array([[{"a": secret, "b": i % 3}] * 7 for i, secret in enumerate(secrets)]),
        "json": pa.array([json.dumps({"it": [secret] * 7, "k": i}) for i, secret in enumerate(secrets)]),
        "keys": pa.array([json.dumps([{secret: 1}] * 7 + [{"k": i}]) for i, secret in enumerate(secrets)]),
    }
    for column in columns.values():
        codec = TableCodec.fit(pa.table({"x": column}), name="t", threshold=5)
        twin = codec.decode(codec.encode(pa.table({"x": column})), seed=Seed(0)).column("x")

        held = repr(twin.to_pylist()).encode() + dump_state(codec.state())
        assert not [secret for secret in secrets if secret.encode() in held]


def test_large_integers_stay_integers() -> None:
    texts = [json.dumps({"id": 10**18 + 1237 * i, "low": -(2**63) + i}) for i in range(100)]

    made = [json.loads(text) for text in twin_of(pa.array(texts)).to_pylist()]

    assert {type(value) for d in made for value in d.values()} == {int}


def test_odd_documents_become_json() -> None:
    texts = [
        json.dumps(
            {
                "big": 10**25 + i,
                "mixed": i if i % 3 else "x",
                "": i,
                'quo"te': "\n\t\\",
                "deep": [[[i, {"k": [i]}]]],
                "none": None,
                "empty": {},
                "list": [],
            }
        )
        for i in range(60)
    ]

    made = [json.loads(text) for text in twin_of(pa.array(texts)).to_pylist()]

    assert all({"big", "mixed", "", 'quo"te', "deep", "none", "list"} >= set(d) for d in made)
    assert all(d["none"] is None and d['quo"te'] == "\n\t\\" and d["list"] == [] for d in made)
    assert {type(d.get("mixed")) for d in made} == {int, type(None)}  # what most documents have
    assert all(isinstance(number, int | None) for d in made for number in d["deep"][0][0])


def test_unique_structs_and_lists_are_learned_by_their_parts() -> None:
    values = [
        None
        if i % 8 == 7
        else {
            "no": i,
            "who": {"age": int(RNG.integers(18, 90)), "city": "Ulm" if i % 2 else "Bonn"},
            "scores": [float(x) for x in RNG.random(int(RNG.integers(0, 5)))],
        }
        for i in range(800)
    ]
    kind = pa.struct(
        [
            pa.field("no", pa.int32(), nullable=False),
            pa.field("who", pa.struct([("age", pa.int8()), ("city", pa.string())])),
            pa.field("scores", pa.large_list(pa.float32())),
        ]
    )
    column = pa.array(values, kind)

    twin = twin_of(column)

    assert twin.is_null().to_pylist() == column.is_null().to_pylist()
    who = pc.struct_field(twin, ["who", "city"])
    assert Counter(who.to_pylist()) == Counter(pc.struct_field(column, ["who", "city"]).to_pylist())
    lengths = [pc.mean(pc.list_value_length(pc.struct_field(c, "scores"))).as_py() for c in (twin, column)]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.1)
    real, made = ({str(v) for v in c.to_pylist() if v and v["scores"]} for c in (column, twin))
    assert not real & made


def test_unique_maps_are_learned_by_their_pairs() -> None:
    values = [
        None if i % 5 == 4 else [(f"k{j}", float(RNG.random())) for j in range(int(RNG.integers(1, 4)))]
        for i in range(400)
    ]
    column = pa.array(values, pa.map_(pa.string(), pa.float64()))

    twin = twin_of(column)

    assert twin.is_null().to_pylist() == column.is_null().to_pylist()
    made = [pair for pairs in twin.to_pylist() if pairs for pair in pairs]
    assert {key for key, _ in made} == {"k0", "k1", "k2"}
    assert not {value for _, value in made} & {value for pairs in values if pairs for _, value in pairs}
    assert all(len(dict(pairs)) == len(pairs) for pairs in twin.to_pylist() if pairs)


NESTED = {
    pa.list_(pa.int64()): st.lists(st.none() | st.integers(0, 20), max_size=4),
    pa.list_(pa.list_(pa.string())): st.lists(st.none() | st.lists(st.text(max_size=3)), max_size=3),
    pa.list_(pa.null()): st.lists(st.none(), max_size=2),
    pa.list_(pa.float32(), 3): st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3),
    pa.large_list(pa.date32()): st.lists(st.dates(), max_size=3),
    pa.struct([("a", pa.bool_()), ("b", pa.list_(pa.binary()))]): st.fixed_dictionaries(
        {"a": st.none() | st.booleans(), "b": st.none() | st.lists(st.binary(max_size=3), max_size=3)}
    ),
    pa.struct([]): st.just({}),
    pa.map_(pa.string(), pa.int64()): st.dictionaries(st.text(max_size=2), st.integers(0, 9)).map(
        lambda d: list(d.items())
    ),
    pa.list_(pa.struct([("x", pa.decimal128(5, 1))])): st.lists(
        st.fixed_dictionaries({"x": st.none() | st.decimals(0, 99, places=1)}), max_size=3
    ),
}


@pytest.mark.parametrize("kind", list(NESTED), ids=str)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nested_columns_of_any_type_keep_type_and_nulls(kind: pa.DataType, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | NESTED[kind], max_size=40))
    column = pa.array(values, kind)

    twin = twin_of(column, threshold=2)

    whole = is_whole(column)
    assert len(twin) == len(column)
    if not whole:
        assert twin.is_null().to_pylist() == column.is_null().to_pylist()


def is_whole(column: pa.Array) -> bool:
    return TableCodec.fit(pa.table({"x": column}), name="t", threshold=2).codec("x").kind == "nested"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents=st.lists(st.none() | JSON, min_size=1, max_size=40))
def test_texts_of_json_give_texts_of_json(documents: list[object]) -> None:
    column = pa.array([None if d is None else json.dumps({"d": d}) for d in documents], pa.string())

    twin = twin_of(column, threshold=2)

    if TableCodec.fit(pa.table({"x": column}), name="t", threshold=2).codec("x").kind == "json":
        assert twin.is_null().to_pylist() == column.is_null().to_pylist()
        for text in twin.drop_null().to_pylist():
            json.loads(text)
