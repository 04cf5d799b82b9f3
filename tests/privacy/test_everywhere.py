"""What leads to a person by itself is in no twin, wherever it stands; what only looks so is learned."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from synthohive_py import Metadata, Synthesizer
from synthohive_py.frames import to_arrow
from synthohive_py.privacy import PrivacyConfig
from synthohive_py.privacy.detect import find_personal_columns
from synthohive_py.privacy.kinds import is_card, is_iban, luhn_digit
from synthohive_py.privacy.nested import with_texts

ROWS = 320
EACH = 8  # rows that share a value, so that it would be learned


def card(i: int) -> int:
    start = 411111111111000 + i
    return int(f"{start}{luhn_digit(str(start))}")


def mail(i: int) -> str:
    return f"real.person{i}@firma-graz.at"


def ssn(i: int) -> str:
    return f"123-45-{6000 + i}"


def phone(i: int) -> str:
    return f"+43 664 {7654000 + i}"


def ip(i: int) -> str:
    return f"84.112.{i}.17"


IBANS = [
    *("GB82WEST12345698765432", "DE89370400440532013000", "AT611904300234573201"),
    *("FR1420041010050500013M02606", "NO9386011117947"),
]
SECRETS = {
    *(str(value) for make in (card, mail, ssn, phone, ip) for value in map(make, range(ROWS))),
    *(phone(i).replace(" ", "") for i in range(ROWS)),
    *IBANS,
    *(text.lower() for text in IBANS),
}
Column = Callable[[int], object]

DOCUMENTS: dict[str, Column] = {
    "two_in_a_text": lambda i: json.dumps({"note": f"contacts: {mail(i)}, {mail(i + 1)}", "n": i % 7}),
    "in_brackets": lambda i: json.dumps({"note": f"[{mail(i)}]"}),
    "list": lambda i: json.dumps([f"[{mail(i)}]", card(i)]),
    "colon": lambda i: json.dumps({"t": f"Von: {mail(i)}, An: {mail(i + 1)}"}),
    "number_and_text": lambda i: json.dumps({"card": card(i), "t": f"pay: {card(i)}, ok"}),
    "quoted": lambda i: json.dumps({"say": f'"{card(i)}", {card(i)}, "{mail(i)}"'}),
    "backslash": lambda i: json.dumps({"p": "C:\\u00fcber", "m": mail(i), "n": i % 5}),
    "line_break": lambda i: json.dumps({"t": f"Grüße\n{mail(i)}\n{mail(i + 1)}", "n": i % 5}),
    "slash": lambda i: json.dumps({"t": f"{mail(i)}/x", "n": i % 5}).replace("/", "\\/"),
    "fraction": lambda i: f'{{"m": "{mail(i)}", "x": {card(i % 3)}.5, "y": -{card(i % 3)}}}',
    "one_pair": lambda i: json.dumps({"mail": mail(i)}),
    "scalar": lambda i: json.dumps(f"a\n{mail(i)}"),
    "phone": lambda i: json.dumps({"tel": phone(i), "n": i % 4}),
    "escaped_plus": lambda i: json.dumps({"tel": phone(i)}).replace("+", "\\u002b"),
}
CELLS: dict[str, Column] = {
    "semicolon": lambda i: f"{mail(i)};{mail(i + 1)}",
    "mailto": lambda i: f"mailto:{mail(i)}",
    "angle": lambda i: f"<{mail(i)}>",
    "apostrophes": lambda i: f"'{mail(i)}'",
    "two_words": lambda i: f"cc {mail(i)}",
    "link": lambda i: f"https://x.test/u/?a={mail(i)}&b=1",
    "escaped_link": lambda i: f"?u={mail(i)}".replace("@", "%40"),
    "few_comments": lambda i: f"please write to {mail(i)} soon" if i % 5 == 0 else "",
    "seventy_percent": lambda i: mail(i) if i % 10 < 7 else f"none{i}",
    "ten_percent": lambda i: mail(i) if i % 10 == 0 else f"user-{i % 9}",
    "port": lambda i: f"{ip(i)}:443",
    "block": lambda i: f"{ip(i)}/32",
    "padded": lambda i: ip(i).ljust(30),
    "version_6": lambda i: f"from 2a02:8388:{i:x}::1: error",
    "visa": lambda i: f"VISA {card(i)}",
    "some_visa": lambda i: str(card(i)) if i % 10 < 6 else "cash",
    "account": lambda i: f"IBAN {IBANS[i % 5]}",
    "small_account": lambda i: f"iban {IBANS[i % 5].lower()}",
    "social": lambda i: f"SSN {ssn(i)}",
    "tel": lambda i: f"tel:{phone(i).replace(' ', '')}",
    "tel_word": lambda i: f"Tel. {phone(i)}",
    "tel_national": lambda i: f"Tel.: 0664 {7654000 + i}",
    "two_phones": lambda i: f"{phone(i)} / {phone(i + 1)}",
    "bracket_phone": lambda i: f"x ({phone(i).replace(' ', ') ', 1)}",
}
SECRETS |= {f"0664 {7654000 + i}" for i in range(ROWS)} | {f"2a02:8388:{i:x}::1" for i in range(ROWS)}
SECRETS |= {mail(i).replace("@", "%40") for i in range(ROWS)}
SECRETS |= {f"664 {7654000 + i}" for i in range(ROWS)}


def twin_of(frame: pd.DataFrame | pa.Table, *, public: tuple[str, ...] = ()) -> pd.DataFrame:
    metadata = Metadata()
    metadata.add_table("t", pk="id", public_cols=list(public))
    return Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"t": frame}).sample()["t"]


def frame_of(columns: dict[str, Column]) -> pd.DataFrame:
    values = {name: [make(i // EACH) for i in range(ROWS)] for name, make in columns.items()}
    return pd.DataFrame({"id": range(ROWS), **values})


@pytest.fixture(scope="module")
def documents() -> pd.DataFrame:
    return twin_of(frame_of(DOCUMENTS))


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return twin_of(frame_of(CELLS))


@pytest.mark.parametrize("column", DOCUMENTS)
def test_documents_stay_json_and_hold_nobody(documents: pd.DataFrame, column: str) -> None:
    made = [json.loads(text) for text in documents[column]]

    real = json.loads(str(DOCUMENTS[column](0)))
    assert {type(document) for document in made} == {type(real)}
    if isinstance(real, dict):
        assert {tuple(document) for document in made} == {tuple(real)}
    written = "\n".join(documents[column]).replace("\\u002b", "+").replace("\\/", "/")
    # As the fraction of a number, a card is none.
    assert [s for s in SECRETS if s in written and not (column == "fraction" and s.isdigit())] == []


@pytest.mark.parametrize("column", CELLS)
def test_no_cell_holds_a_real_person(cells: pd.DataFrame, column: str) -> None:
    written = "\n".join(cells[column])
    real = [str(CELLS[column](i // EACH)) for i in range(ROWS)]

    assert [secret for secret in SECRETS if secret in written] == []
    # What it was found by is no accident: the real column is full of it.
    assert [secret for secret in SECRETS if secret in "\n".join(real)]


def test_what_stands_around_is_kept(cells: pd.DataFrame) -> None:
    assert cells["link"].str.fullmatch(r"https://x\.test/u/\?a=[\w.-]+@example\.(com|org|net)&b=1").all()
    assert cells["port"].str.fullmatch(r"10\.\d+\.\d+\.\d+:443").all()
    assert cells["apostrophes"].str.fullmatch(r"'[\w.-]+@example\.(com|org|net)'").all()
    assert cells["bracket_phone"].str.fullmatch(r"x \+\d+|x \(\+\d+\)?").all()
    assert all(is_card(text.removeprefix("VISA ")) for text in cells["visa"])
    assert all(is_iban(text.removeprefix("IBAN ")) for text in cells["account"])
    assert set(cells["ten_percent"]) >= {f"user-{k}" for k in range(9)}


def test_short_cells_get_short_addresses() -> None:
    frame = pd.DataFrame({"id": range(ROWS), "cc": [f"cc ab{i % 9}@xy.at" for i in range(ROWS)]})

    made = twin_of(frame)["cc"]

    assert made.str.fullmatch(r"cc [\w.-]+@example\.(com|org|net)").all()
    assert made.str.len().max() <= len("cc abc.zz@example.com")


def test_names_in_documents_stay_as_many_texts() -> None:
    names = [json.dumps(["Anna", "Berger", "is here"]), json.dumps({"Anna": "Berger", "n": 1})]
    frame = pd.DataFrame({"id": range(ROWS), "a": [names[0]] * ROWS, "b": [names[1]] * ROWS})
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    people = pd.DataFrame({"id": range(40), "first_name": ["Anna"] * 40, "last_name": ["Berger"] * 40})
    metadata.add_table("people", pk="id")
    synthesizer = Synthesizer(
        metadata, model="gaussian_copula", privacy_config=PrivacyConfig(), progress=False
    )
    twin = synthesizer.fit({"t": frame, "people": people}).sample()["t"]

    assert {len(json.loads(text)) for text in twin["a"]} == {3}
    assert {len(json.loads(text)) for text in twin["b"]} == {2}
    assert not [text for text in [*twin["a"], *twin["b"]] if '"Anna"' in text or '"Berger"' in text]


def test_public_columns_are_not_looked_at_as_texts_either() -> None:
    values = {"note": "write to help@acme.at about item {}", "to": "cc help{}@acme.at"}
    frame = pd.DataFrame(
        {"id": range(ROWS), **{name: [v.format(i % 3) for i in range(ROWS)] for name, v in values.items()}}
    )

    made = twin_of(frame, public=("note", "to"))

    assert {name: set(made[name]) for name in values} == {name: set(frame[name]) for name in values}


def test_cards_are_found_in_decimals() -> None:
    cards = [Decimal(card(i)) for i in range(ROWS)]
    table = pa.table(
        {
            "id": range(ROWS),
            "card_number": pa.array([cards[i // EACH] for i in range(ROWS)], pa.decimal128(18, 0)),
            "paid_with": pa.array(cards, pa.decimal128(22, 2)),
            "amount": pa.array([Decimal(i % 9) for i in range(ROWS)], pa.decimal128(18, 0)),
        }
    )

    made = to_arrow(twin_of(table), "t")

    for name in ("card_number", "paid_with"):
        values = made.column(name).to_pylist()
        assert not set(values) & set(cards)
        assert all(is_card(str(int(value))) for value in values)
    assert set(made.column("amount").to_pylist()) <= {Decimal(i) for i in range(9)}


def test_declared_decimals_keep_within_their_digits() -> None:
    table = pa.table(
        {"id": range(ROWS), "no": pa.array([Decimal(10**8 + i) for i in range(ROWS)], pa.decimal128(9, 0))}
    )
    metadata = Metadata()
    metadata.add_table("t", pk="id", pii_cols=["no"])

    twin = Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"t": table}).sample()["t"]

    made = to_arrow(twin, "t").column("no").to_pylist()
    assert not set(made) & set(table.column("no").to_pylist())
    assert max(made) < 10**9


SEVERAL = 40  # values of a column of codes, each shared by enough rows
CODES: dict[str, Callable[[np.random.Generator], str]] = {
    "ean": lambda r: str(r.integers(4 * 10**12, 5 * 10**12)),
    "session": lambda r: f"{r.integers(2**32):08x}-4111-4111-8111-{r.integers(4 * 10**11, 5 * 10**11)}",
    "share": lambda r: f"0.{r.integers(4 * 10**15, 5 * 10**15)}",
    "release": lambda r: f"v1.2.{r.integers(255)}.{r.integers(255)}",
    "object_id": lambda r: f"1.2.84.{r.integers(255)}.{r.integers(255)}",
    "key": lambda r: f"a{r.integers(99)}::b{r.integers(99)}",
    "after": lambda r: f"::{r.integers(99)}",
    "change": lambda r: f"+{r.integers(10**5, 10**7)}",
    "place": lambda r: f"+{r.uniform(40, 50):.4f} +{r.uniform(10, 20):.4f}",
    "clone": lambda r: f"git@github.com:org/repo{r.integers(999)}.git",
    "moment": lambda r: f"2024-01-01T10:{r.integers(10, 59)}:00.{r.integers(999)}+01:00",
    "hardware": lambda r: ":".join(f"{x:02x}" for x in r.integers(0, 256, 6)),
    "book": lambda r: f"978-3-12-{r.integers(10**5, 10**6)}-{r.integers(9)}",
    "batch": lambda r: f"DE{r.integers(10, 99)}{r.integers(10**15, 10**16)}",
}


@pytest.mark.parametrize("config", [None, PrivacyConfig()], ids=["identifying", "all"])
def test_codes_are_learned_as_they_are(config: PrivacyConfig | None) -> None:
    rng = np.random.default_rng(3)
    several = {name: [make(rng) for _ in range(SEVERAL)] for name, make in CODES.items()}
    columns = {name: [values[i % SEVERAL] for i in range(800)] for name, values in several.items()}
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)

    twin = synthesizer.fit({"t": pd.DataFrame({"id": range(800), **columns})}).sample()["t"]

    assert [name for name in CODES if set(twin[name]) - set(several[name])] == []


@pytest.mark.parametrize("column", ["nie", "tax_id", "sin", "cell", "phone_calls", "mobile_minutes"])
def test_numbers_need_a_name_that_says_it_clearly(column: str) -> None:
    frame = pd.DataFrame({column: range(100_000, 100_100)})
    metadata = Metadata()
    metadata.add_table("t")

    assert find_personal_columns(metadata, {"t": to_arrow(frame, "t")}) == []


@pytest.mark.parametrize(
    ("column", "kind"), [("ssn", "ssn"), ("cell_no", "phone"), ("phone_home", "phone"), ("tel2", "phone")]
)
def test_numbers_with_such_a_name_are_found(column: str, kind: str) -> None:
    frame = pd.DataFrame({column: range(123_456_789, 123_456_889)})
    metadata = Metadata()
    metadata.add_table("t")

    assert [c.kind for c in find_personal_columns(metadata, {"t": to_arrow(frame, "t")})] == [kind]


@pytest.mark.parametrize(
    "form",
    [
        *(
            "+43 664 7654{}",
            "+436647654{}",
            "0043 664 7654{}",
            "(0316) 7654{}",
            "(212) 555-7{}",
            "(212)555-7{}",
        ),
        *("212-555-7{}", "+1 (212) 555-7{} x12", "001-212-555-7{}", "(+43) 664 7654{}"),
    ],
)
def test_telephone_numbers_are_found_by_their_form(form: str) -> None:
    frame = pd.DataFrame({"x": [form.format(i) for i in range(100, 200)]})
    metadata = Metadata()
    metadata.add_table("t")

    assert [c.kind for c in find_personal_columns(metadata, {"t": to_arrow(frame, "t")})] == ["phone"]


def test_structs_lists_and_maps_hold_nobody() -> None:
    people = [mail(i // EACH) for i in range(ROWS)]
    pairs = pa.map_(pa.string(), pa.string())
    table = pa.table(
        {
            "id": pa.array(range(ROWS)),
            "struct": pa.array([None if i % 9 == 8 else {"to": m, "n": i % 4} for i, m in enumerate(people)]),
            "list": pa.array([[f"<{m}>", None, "hello"] for m in people], pa.large_list(pa.string())),
            "deep": pa.array([[{"cc": [m]}] if i % 7 else None for i, m in enumerate(people)]),
            "map": pa.array([[("to", m)] if i % 5 else None for i, m in enumerate(people)], pairs),
        }
    )
    metadata = Metadata()
    metadata.add_table("t", pk="id")

    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"t": table})
    twin = synthesizer.sample()["t"]

    written = twin.to_csv()
    assert not [person for person in people if person in written]
    assert written.count("@example.") > 3 * ROWS
    assert set(synthesizer.privacy_report().texts) == {"t.struct", "t.list", "t.deep", "t.map"}
    for name in ("struct", "deep", "map"):
        assert twin[name].isna().mean() == pytest.approx(table.column(name).null_count / ROWS, abs=0.06)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.large_list(pa.list_(pa.large_string())),
        pa.struct([("a", pa.string()), ("b", pa.list_(pa.struct([("c", pa.string()), ("d", pa.int8())])))]),
        pa.map_(pa.string(), pa.list_(pa.string())),
    ],
    ids=str,
)
def test_texts_of_any_nested_column_change_and_nothing_else_does(kind: pa.DataType) -> None:
    rng = np.random.default_rng(0)

    def value(kind: pa.DataType, depth: int = 0) -> object:
        if depth and not pa.types.is_map(kind) and rng.random() < 0.2:
            return None
        if pa.types.is_struct(kind):
            return {field.name: value(field.type, depth + 1) for field in kind}
        if pa.types.is_map(kind):
            return [(f"k{i}", value(kind.item_type, depth + 1)) for i in range(rng.integers(3))]
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return [value(kind.value_type, depth + 1) for _ in range(rng.integers(4))]
        return int(rng.integers(9)) if pa.types.is_integer(kind) else f"t{rng.integers(99)}"

    whole = pa.array([None if rng.random() < 0.2 else value(kind) for _ in range(200)], kind)
    for column in (whole, whole.slice(37, 90), whole.slice(5, 0)):
        assert with_texts(column, lambda texts: texts) == column
        shouted = with_texts(column, pc.utf8_upper)
        assert repr(shouted.to_pylist()).lower() == repr(column.to_pylist()).lower()
        assert shouted.type == kind
    assert "'T" in repr(with_texts(whole, pc.utf8_upper).to_pylist())
