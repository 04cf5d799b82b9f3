"""What stands in a twin for personal data.

While a twin is learned and made, each real value of a personal column is a number that says nothing of it;
equal values have equal numbers, in all tables. So keys, foreign keys, repetitions and frequencies are learned
as ever. At the end each number of the twin becomes an invented value. It is a function of the number, and of
the first row where the number occurs: its country, and for an e-mail its name. Tables after that one look it
up, so that it is the same everywhere. Different numbers have different e-mails, cards, accounts and the like.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from synthohive_py.privacy.freetext import kind_of_mark
from synthohive_py.privacy.inventing import Inventor, Person
from synthohive_py.privacy.kinds import Kind
from synthohive_py.privacy.locales import locale_of
from synthohive_py.privacy.nested import with_texts
from synthohive_py.privacy.pools import Pool
from synthohive_py.privacy.shapes import Shapes
from synthohive_py.rng import Seed

__all__ = ["Disguise", "HiddenColumn", "HiddenTable", "as_numbers", "number_of"]

# Names first: what is made of them comes later.
ORDER: tuple[Kind, ...] = (
    *(
        "first_name",
        "last_name",
        "name",
        "username",
        "email",
        "address",
        "phone",
        "card",
        "iban",
        "ssn",
        "ip",
    ),
    "other",
)
PEOPLE: tuple[Kind, Kind, Kind] = ("first_name", "last_name", "name")
NAMES = frozenset({"first_name", "last_name", "name", "address"})  # what differs from country to country
MOST_NUMBERS = 10**12  # more than there are numbers for the values of a fit
LONGEST = 64  # characters of what is invented for a mark
SHORT = 26  # characters of an e-mail, below which few numbers are taken, as they are written in it
FEW = 36**2
FEW_STRANGE = 0.05  # share of whole names that may be other than the names of their row
MARKED = 10**9  # numbers of what is invented for marks in texts


@dataclass(frozen=True)
class HiddenColumn:
    """A column of personal data.

    Attributes:
        column: Its name.
        kind: What it holds.
        is_unique: Whether no two rows may have the same value.
        longest: How many characters the longest real value has.
        styles: How e-mails and user names, or full names, are made of the names of their row, and how often.
        shapes: The format, for kinds that have one.
    """

    column: str
    kind: Kind
    is_unique: bool = False
    longest: int = 64
    styles: Mapping[str, int] = field(default_factory=dict)
    shapes: Shapes | None = None

    @property
    def follows_row(self) -> bool:
        """Whether it is a whole name, and nearly every real one is made of the other names of its row."""
        strange = self.styles.get("", 0)
        return (
            self.kind == "name" and not self.is_unique and strange < FEW_STRANGE * sum(self.styles.values())
        )

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {**self.__dict__, "styles": dict(self.styles), "shapes": self.shapes and self.shapes.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> HiddenColumn:
        """The column that `state` was taken from."""
        shapes = state["shapes"]
        return cls(**{**state, "shapes": Shapes.from_state(shapes) if shapes else None})


@dataclass(frozen=True)
class HiddenTable:
    """The personal data of a table.

    Attributes:
        columns: The columns that hold them.
        texts: Columns of free text in which some were found.
        longest: How many characters the longest real text of each has.
        country: The column that says where the people of a row live.
        names: Columns with their names that are not hidden.
    """

    columns: tuple[HiddenColumn, ...] = ()
    texts: tuple[str, ...] = ()
    country: str | None = None
    names: Mapping[Kind, str] = field(default_factory=dict)
    longest: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Disguise:
    """What a twin has instead of personal data; empty if nothing was hidden.

    Attributes:
        tables: Per table what is hidden.
        inventor: Makes the values.
    """

    tables: Mapping[str, HiddenTable] = field(default_factory=dict)
    inventor: Inventor = field(default_factory=Inventor)

    def columns(self) -> dict[str, set[str]]:
        """Per table the columns that it writes, wholly or in part."""
        return {
            name: {*(hidden.column for hidden in table.columns), *table.texts}
            for name, table in self.tables.items()
        }

    def put_on(
        self, tables: Mapping[str, pa.Table], names: Sequence[str], seed: Seed, *, existing: int = 0
    ) -> list[tuple[str, pa.Table]]:
        """Some tables of a twin with invented values in the place of numbers and marks.

        Args:
            tables: Tables that refer to each other, those referred to first.
            names: Which of them are asked for.
            seed: Of what is invented for marks in texts.
            existing: How many rows the twin has that these are added to: each time others, so that no
                number is that of a row that is there.
        """
        if not self.tables:
            return [(name, tables[name]) for name in names]
        known: Known = {}
        out = {}
        for name, table in tables.items():
            hidden = self.tables.get(name)
            if hidden:
                rows = _Rows(table, self.inventor, hidden, existing * MOST_NUMBERS)
                out[name] = self._dressed(rows, hidden, known, seed.child(name))
            else:
                out[name] = table
        return [(name, out[name]) for name in names]

    def _dressed(self, rows: _Rows, hidden: HiddenTable, known: Known, seed: Seed) -> pa.Table:
        table = rows.table
        for column in sorted(hidden.columns, key=lambda c: ORDER.index(c.kind)):
            place = table.column_names.index(column.column)
            values = _invented(table.column(place), column, rows, known)
            table = table.set_column(place, table.field(place), values)
        for name in hidden.texts:
            place = table.column_names.index(name)
            longest = hidden.longest.get(name, LONGEST)
            values = self._without_marks(table.column(place), seed.child(name), longest)
            table = table.set_column(place, table.field(place), values)
        return table

    def _without_marks(self, column: pa.ChunkedArray, seed: Seed, longest: int) -> pa.ChunkedArray:
        rng = seed.numpy()
        return pa.chunked_array(
            [with_texts(column.combine_chunks(), lambda texts: self._told(texts, rng, longest))]
        )

    def _told(self, column: pa.Array, rng: np.random.Generator, longest: int) -> pa.Array:
        texts = column.to_pylist()
        for i, text in enumerate(texts):
            marks = sum(kind_of_mark(c) is not None for c in text or "")
            if marks:
                # A column of a database may have room for no more than the real texts.
                room = (longest - len(text) + marks) // marks
                texts[i] = "".join(self._for_mark(c, rng, room) for c in text)
        return pa.array(texts, column.type)

    def _for_mark(self, char: str, rng: np.random.Generator, room: int) -> str:
        kind = kind_of_mark(char)
        if kind is None:
            return char
        # In a text two people may have one name; for each to be alone, names would grow to four words.
        most = self.inventor.names if kind == "name" else MARKED
        if kind == "email" and room < SHORT:
            most = FEW
        longest = LONGEST if kind == "name" else min(room, LONGEST)
        return self.inventor.value(kind, int(rng.integers(most)), Person(), longest=longest)

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "tables": {
                name: {
                    "columns": [column.state() for column in hidden.columns],
                    "texts": list(hidden.texts),
                    "country": hidden.country,
                    "names": dict(hidden.names),
                    "longest": dict(hidden.longest),
                }
                for name, hidden in self.tables.items()
            },
            "is_masked": self.inventor.is_masked,
            "locale": self.inventor.locale,
            "pools": {locale: pool.state() for locale, pool in self.inventor.pools.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Disguise:
        """The disguise that `state` was taken from."""
        tables = {
            name: HiddenTable(
                tuple(map(HiddenColumn.from_state, hidden["columns"])),
                tuple(hidden["texts"]),
                hidden["country"],
                hidden["names"],
                hidden.get("longest", {}),
            )
            for name, hidden in state["tables"].items()
        }
        pools = {locale: Pool.from_state(pool) for locale, pool in state["pools"].items()}
        return cls(tables, Inventor(state["is_masked"], state["locale"], pools))


Known = dict[tuple[Kind, int, "str | None"], "str | None"]


class _Rows:
    """What the rows of a table say of their people: where they live, and how they are called by now."""

    def __init__(self, table: pa.Table, inventor: Inventor, hidden: HiddenTable, shift: int) -> None:
        self.table, self.inventor, self.shift = table, inventor, shift
        country = hidden.country
        self.locales: list[str | None] = [None] * table.num_rows
        self.has_country = country is not None
        if country is not None:
            coded = table.column(country).combine_chunks().dictionary_encode()
            meant = [locale_of(value) for value in coded.dictionary.to_pylist()]
            places = coded.indices.to_pylist()
            self.locales = [None if i is None else meant[i] for i in places]
        self.names: dict[Kind, list[str | None]] = {
            kind: table.column(name).to_pylist() for kind, name in hidden.names.items()
        }

    def person(self, row: int) -> Person:
        """The person of a row, as far as known."""
        first, last, whole = (self.names[kind][row] if kind in self.names else None for kind in PEOPLE)
        return Person(self.locales[row], first, last, whole)


def number_of(value: object) -> int:
    """The number that stands for a real value; any other text has one, too."""
    text = str(int(value)) if isinstance(value, float | Decimal) else str(value)
    if text.isascii() and text.isdigit():
        return int(text)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "little") % MARKED


def _invented(column: pa.ChunkedArray, hidden: HiddenColumn, rows: _Rows, known: Known) -> pa.ChunkedArray:
    """The column with a value for each number, as long as it was not made for a table before."""
    coded = column.combine_chunks().dictionary_encode()
    null = np.asarray(coded.indices.is_null())
    places = np.asarray(coded.indices.fill_null(0)).astype(np.int64)
    numbers = [number_of(value) for value in coded.dictionary.to_pylist()]
    by_country = rows.has_country and hidden.kind in NAMES
    values: list[str | None] = [None] * len(places)
    made: dict[tuple[int, str | None], str] = {}
    for row in np.flatnonzero(~null).tolist():
        key = (places[row], rows.locales[row] if by_country else None)
        if hidden.follows_row and (whole := _of_row(hidden, numbers[key[0]], rows, row)):
            values[row] = whole
            continue
        if key not in made:
            made[key] = _one(hidden, (numbers[key[0]], key[1]), rows, row, known)
        values[row] = made[key]
    if hidden.kind in NAMES:
        rows.names[hidden.kind] = values
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pa.chunked_array([pa.array(values, column.type)])
    if rows.inventor.is_masked:
        return column
    return pa.chunked_array([as_numbers([None if v is None else int(v) for v in values], column.type)])


def _of_row(hidden: HiddenColumn, number: int, rows: _Rows, row: int) -> str | None:
    """The whole name of a row's first and family names; None if it has not both."""
    person = rows.person(row)
    if rows.inventor.is_masked or not (person.first and person.last):
        return None
    styles = {style: count for style, count in hidden.styles.items() if style}
    return rows.inventor.value("name", number, person, longest=hidden.longest, styles=styles)


def as_numbers(numbers: Sequence[int | None], kind: pa.DataType) -> pa.Array:
    """A column of numbers of the type, without the digits that it has no room for."""
    if pa.types.is_decimal(kind):
        most = 10 ** (kind.precision - kind.scale)
        return pa.array([None if n is None else Decimal(n % most) for n in numbers], kind)
    most = 2**53 if pa.types.is_floating(kind) else 2 ** (kind.bit_width - 1)
    return pa.array([None if n is None else n % most for n in numbers], pa.int64()).cast(kind)


def _one(hidden: HiddenColumn, key: tuple[int, str | None], rows: _Rows, row: int, known: Known) -> str:
    kind, (number, locale) = hidden.kind, key
    found = known.get((kind, number, locale))
    if found is None and not rows.has_country:
        found = known.get((kind, number, None))
    if found is None:
        found = rows.inventor.value(
            kind,
            number if kind in NAMES else number + rows.shift,
            rows.person(row),
            longest=hidden.longest,
            is_unique=hidden.is_unique,
            styles=hidden.styles,
            shapes=hidden.shapes,
        )
        known[kind, number, locale] = found
        known.setdefault((kind, number, None), found)
    return found
