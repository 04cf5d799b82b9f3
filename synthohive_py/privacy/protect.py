"""Personal data taken out of real tables before anything is learned from them."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.privacy.detect import DIGITS, ProtectedColumn, find_personal_columns, is_text
from synthohive_py.privacy.disguise import Disguise, HiddenColumn, HiddenTable, as_numbers
from synthohive_py.privacy.freetext import MARKS, TextScrubber, as_known, count_words
from synthohive_py.privacy.inventing import STYLES, Inventor, in_ascii
from synthohive_py.privacy.kinds import IDENTIFYING, KINDS, Kind, plain_name
from synthohive_py.privacy.locales import is_country_column, locale_of
from synthohive_py.privacy.nested import holds_texts, with_texts
from synthohive_py.privacy.pools import NameBook, make_pool
from synthohive_py.privacy.shapes import Shapes
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata

__all__ = ["Protected", "protect"]

logger = logging.getLogger(__name__)

MAX_ROWS = 5000  # rows in which e-mails are compared with names
AGREEING = 0.3  # share of e-mails made of their row's names that makes the others so, too
COUNTRIES = 0.5  # share of a column's cells that mean a locale
LEAST_NAMES, LEAST_OTHERS = 32, 16  # characters that there is room for, however short the real values are
PROSE = 3  # words of a cell on average from which on names are looked for in it
SHAPED: frozenset[Kind] = frozenset({"phone", "card", "iban", "ssn", "ip", "other"})
PEOPLE: frozenset[Kind] = frozenset({"first_name", "last_name", "name"})
BOOK = (
    *("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "pt_BR", "sv_SE"),
    *("ru_RU", "ja_JP", "zh_CN", "ko_KR", "tr_TR"),
)
WHOLE_NAMES = ("{first} {last}", "{last} {first}", "{last}, {first}", "{last}{first}")


@dataclass(frozen=True)
class Protected:
    """Tables without personal data.

    Attributes:
        tables: The rows to learn from: numbers in the place of personal values.
        disguise: What the twin gets instead.
        columns: What was found and replaced.
        left: What else looks personal.
        texts: Per table the columns of free text in which some was found, and the kinds.
    """

    tables: dict[str, pa.Table]
    disguise: Disguise
    columns: list[ProtectedColumn]
    left: list[ProtectedColumn] = field(default_factory=list)
    texts: dict[str, dict[str, list[Kind]]] = field(default_factory=dict)


def protect(
    metadata: Metadata,
    tables: Mapping[str, pa.Table],
    config: PrivacyConfig,
    *,
    seed: Seed,
    only_identifying: bool = False,
) -> Protected:
    """Find personal data, and put numbers that say nothing of it in its place.

    Args:
        metadata: The schema.
        tables: The real rows.
        config: How.
        seed: Of the numbers and of the invented names.
        only_identifying: Whether to leave what is not declared and does not lead to a person by itself, such
            as a name.

    Raises:
        SettingError: A declared column is not there or can't be replaced.
    """
    book = None
    if config.pii_strategy != "mask" and not only_identifying:
        book = NameBook.of({*BOOK, *([config.locale] if config.locale else [])})
    find = partial(
        find_personal_columns, metadata, tables, config.pii_columns, is_name=book.is_name if book else None
    )
    seen = find()
    columns = find(kinds=IDENTIFYING) if only_identifying else seen
    for c in columns:
        logger.info("%s.%s: %s (%s), replaced before learning", c.table, c.column, c.kind, c.found_by)
    taken = {(column.table, column.column) for column in columns}
    left = [column for column in seen if (column.table, column.column) not in taken]
    work = _Work(
        metadata,
        tables,
        config,
        columns,
        left=left,
        seed=seed.child("privacy"),
        book=book,
        only_identifying=only_identifying,
    )
    hidden = {name: work.hide(name) for name in tables}
    scrubbed = work.scrub()
    found = {
        name: HiddenTable(
            hidden[name],
            tuple(scrubbed.get(name, {})),
            work.countries.get(name),
            work.names_in(name),
            work.longest(name, scrubbed.get(name, {})),
        )
        for name in tables
        if hidden[name] or name in scrubbed
    }
    disguise = Disguise(found, work.inventor()) if found else Disguise()
    return Protected(work.tables, disguise, columns, left, scrubbed)


class _Work:
    """The tables while personal data is taken out of them."""

    def __init__(
        self,
        metadata: Metadata,
        real: Mapping[str, pa.Table],
        config: PrivacyConfig,
        columns: Sequence[ProtectedColumn],
        *,
        left: Sequence[ProtectedColumn],
        seed: Seed,
        book: NameBook | None,
        only_identifying: bool,
    ) -> None:
        self.metadata, self.real, self.config, self.seed, self.book = metadata, real, config, seed, book
        self.tables = dict(real)
        self.columns, self.left, self.only_identifying = columns, left, only_identifying
        self.values: dict[Kind, list[str]] = {}
        self.digits: dict[Kind, int] = {}
        for kind in {column.kind for column in columns}:
            mine = [real[c.table].column(c.column) for c in columns if c.kind == kind]
            self.values[kind] = sorted({text for column in mine for text in _texts(pc.unique(column))})
            self.digits[kind] = self._digits(kind, mine)
        self.numbers = {kind: self._number(kind) for kind in self.values}
        self.countries = {
            name: country
            for name in {column.table for column in columns}
            if config.pii_strategy == "context_aware_faker"
            and (country := _country(name, real[name], columns))
        }

    # ------------------------------------------------------------ columns

    def _digits(self, kind: Kind, columns: Sequence[pa.ChunkedArray]) -> int:
        """How many digits the numbers of a kind have: there is room for them in the formats, and for more."""
        least = len(str(len(self.values[kind]))) + 1
        most = max(KINDS[kind].digits, least)
        if any(_is_narrow(c.type) for c in columns):
            most = max(min(most, DIGITS), least)
        if kind not in SHAPED or kind == "ip":
            return most
        threshold = self.config.k_anonymity_threshold
        fitting = [text for text in self.values[kind] if KINDS[kind].fits(text)]
        for digits in range(most, least, -1):
            some = Shapes.fit(kind, fitting, digits=digits, threshold=threshold)
            if sum(some.weights) >= len(fitting) / 2 > 0:
                return digits
        return least

    def _number(self, kind: Kind) -> dict[str, int]:
        """A number for each value: spread evenly, and dealt at random."""
        rng = self.seed.child("numbers", kind).numpy()
        size, room = len(self.values[kind]), 10 ** self.digits[kind]
        places = ((np.arange(size) + rng.random(size)) * (room / max(size, 1))).astype(np.int64)
        return dict(zip(self.values[kind], rng.permutation(places).tolist(), strict=True))

    def hide(self, name: str) -> tuple[HiddenColumn, ...]:
        """Put numbers into the personal columns of a table, and learn what is to come of them."""
        unique = {
            c for columns in self.metadata.tables[name].unique_sets if len(columns) == 1 for c in columns
        }
        hidden = []
        for found in self.columns:
            if found.table != name:
                continue
            place = self.real[name].column_names.index(found.column)
            column = self.real[name].column(place)
            hidden.append(self._describe(found, column, is_unique=found.column in unique))
            field_ = self.real[name].schema.field(place)
            self.tables[name] = self.tables[name].set_column(
                place, field_, self._numbered(found.kind, column)
            )
        return tuple(hidden)

    def _numbered(self, kind: Kind, column: pa.ChunkedArray) -> pa.Array:
        coded = column.combine_chunks().dictionary_encode()
        numbers = [self.numbers[kind][_text(value)] for value in coded.dictionary.to_pylist()]
        if is_text(column.type):
            values = pa.array([f"{n:0{self.digits[kind]}d}" for n in numbers], column.type)
        else:
            values = as_numbers(numbers, column.type)
        return values.take(coded.indices)

    def _describe(self, found: ProtectedColumn, column: pa.ChunkedArray, *, is_unique: bool) -> HiddenColumn:
        texts = _texts(pc.unique(column))
        shapes = None
        if found.kind in SHAPED:
            fitting = [text for text in texts if KINDS[found.kind].fits(text)]
            shapes = Shapes.fit(
                found.kind,
                fitting,
                digits=self.digits[found.kind],
                threshold=self.config.k_anonymity_threshold,
            )
        is_key = any(found.column in key.columns for key in self.metadata.tables[found.table].foreign_keys)
        is_aware = self.config.pii_strategy == "context_aware_faker" and not is_key
        styles = self._styles(found) if is_aware else {}
        longest = max(map(len, texts), default=0)
        return HiddenColumn(
            found.column,
            found.kind,
            is_unique=is_unique,
            longest=max(longest, LEAST_NAMES if found.kind in PEOPLE else LEAST_OTHERS),
            styles=styles,
            shapes=shapes,
        )

    def _styles(self, found: ProtectedColumn) -> dict[str, int]:
        """How values are made of the names in their rows, and how often; empty if they are not."""
        if found.kind not in ("email", "username", "name"):
            return {}
        table = self.real[found.table].slice(0, MAX_ROWS)
        values = table.column(found.column).to_pylist()
        firsts, lasts = self._names_of(found.table, table, whole=found.kind != "name")
        if firsts is None or lasts is None:
            return {}
        tally: Counter[str] = Counter()
        for value, first, last in zip(values, firsts, lasts, strict=True):
            if value and first and last:
                tally[_style(found.kind, value, first, last)] += 1
        agreeing = sum(tally.values()) - tally[""]
        if agreeing < AGREEING * max(sum(tally.values()), 1):
            return {}
        least = self.config.k_anonymity_threshold
        return {style: count for style, count in sorted(tally.items()) if count >= least or style == ""}

    def _names_of(
        self, name: str, table: pa.Table, *, whole: bool
    ) -> tuple[list[str | None] | None, list[str | None] | None]:
        """First and family names of the rows, from their own columns or from the whole name."""
        of_kind = {c.kind: c.column for c in reversed([*self.columns, *self.left]) if c.table == name}
        first = table.column(of_kind["first_name"]).to_pylist() if "first_name" in of_kind else None
        last = table.column(of_kind["last_name"]).to_pylist() if "last_name" in of_kind else None
        if (first is None or last is None) and whole and "name" in of_kind:
            words = [(text or "").split() for text in table.column(of_kind["name"]).to_pylist()]
            return [w[0] if w else None for w in words], [w[-1] if w else None for w in words]
        return first, last

    def names_in(self, name: str) -> dict[Kind, str]:
        """The columns of a table with names that are left as they are."""
        return {c.kind: c.column for c in reversed(self.left) if c.table == name and c.kind in PEOPLE}

    # ------------------------------------------------------------ texts

    def longest(self, name: str, columns: Iterable[str]) -> dict[str, int]:
        """How many characters the longest of a column's real texts has."""
        values = {column: self.real[name].column(column) for column in columns}
        return {
            column: int(pc.max(pc.utf8_length(texts)).as_py() or 0)
            for column, texts in values.items()
            if is_text(texts.type)
        }

    def scrub(self) -> dict[str, dict[str, list[Kind]]]:
        """Mark personal data in all other texts, but for those of keys and public ones; which, per column."""
        in_prose, elsewhere = self._scrubbers()
        taken = {(c.table, c.column) for c in self.columns}
        found: dict[str, dict[str, list[Kind]]] = {}
        for name, config in self.metadata.modelled.items():
            if name not in self.tables or config.mode == "reference":
                continue
            kept = {c for key in config.foreign_keys for c in key.columns} | {
                *(c for columns in config.unique_sets for c in columns),
                *(*config.accepted_values, *config.public_cols),
            }
            for column in self.tables[name].column_names:
                kind = self.tables[name].schema.field(column).type
                if (name, column) in taken or column in kept or not holds_texts(kind):
                    continue
                kinds: set[Kind] = set()

                def scrub(texts: pa.Array, kinds: set[Kind] = kinds) -> pa.Array:
                    values = pa.chunked_array([texts])
                    scrubbed, here = (in_prose if _is_prose(values) else elsewhere).scrub_column(values)
                    kinds |= here
                    return scrubbed.combine_chunks()

                scrubbed = with_texts(self.tables[name].column(column).combine_chunks(), scrub)
                if kinds:
                    place = self.tables[name].column_names.index(column)
                    field_ = self.tables[name].schema.field(place)
                    self.tables[name] = self.tables[name].set_column(place, field_, scrubbed)
                    found.setdefault(name, {})[column] = sorted(kinds)
                    logger.info(
                        "%s.%s: holds %s in its texts, replaced", name, column, ", ".join(sorted(kinds))
                    )
        return found

    def _scrubbers(self) -> tuple[TextScrubber, TextScrubber]:
        """What finds personal data in prose, and in other texts."""
        # Those that lead to a person by themselves are found by their form.
        unknown = {"other", "username", *(IDENTIFYING if self.only_identifying else ())}
        known = as_known(
            (kind, text) for kind, texts in self.values.items() if kind not in unknown for text in texts
        )
        kinds = IDENTIFYING if self.only_identifying else tuple(MARKS)
        elsewhere = TextScrubber(kinds=kinds, is_prose=False, any_phone=False)
        if self.only_identifying:
            return TextScrubber(known, kinds=kinds, any_phone=False), elsewhere
        return TextScrubber(known, self.book.words if self.book else frozenset()), elsewhere

    # ------------------------------------------------------------ names

    def inventor(self) -> Inventor:
        """What makes the values, with names that no real person here has."""
        names = [text for kind in PEOPLE & set(self.values) for text in self.values[kind]]
        guessed = self.book.locale_of(names) if self.book and names else None
        locale = self.config.locale or guessed or _by_script(names) or "en_US"
        if self.config.pii_strategy == "mask":
            return Inventor(is_masked=True)
        wanted = {locale}
        for name, column in self.countries.items():
            wanted |= {
                locale_of(value) or locale for value in pc.unique(self.real[name].column(column)).to_pylist()
            }
        avoid = frozenset(word for text in names for word in [text, *text.split()])
        pools = {one: make_pool(one, self.seed, avoid) for one in sorted(wanted)}
        return Inventor(locale=locale, pools=pools)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float | Decimal) else str(value)


def _is_narrow(kind: pa.DataType) -> bool:
    """Whether a column of numbers has no room for many more digits than `DIGITS`."""
    if pa.types.is_decimal(kind):
        return bool(kind.precision - kind.scale < 2 * DIGITS)
    return bool(pa.types.is_integer(kind) and kind.bit_width <= 32)


def _texts(column: pa.Array) -> list[str]:
    return [_text(value) for value in column.to_pylist() if value is not None and not _is_nan(value)]


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _country(of: str, table: pa.Table, columns: Iterable[ProtectedColumn]) -> str | None:
    """The column that says where the people of a row live."""
    taken = {column.column for column in columns if column.table == of}
    for name in table.column_names:
        column = table.column(name)
        if name in taken or not is_text(column.type) or not is_country_column(plain_name(name)):
            continue
        values = pc.unique(column.drop_null()).to_pylist()
        if values and sum(locale_of(value) is not None for value in values) >= COUNTRIES * len(values):
            return name
    return None


def _style(kind: Kind, value: str, first: str, last: str) -> str:
    if kind == "name":
        return next((s for s in WHOLE_NAMES if s.format(first=first, last=last) == value), "")
    local = value.partition("@")[0].lower()
    one, other = in_ascii(first), in_ascii(last)
    if not one or not other:
        return ""
    for style, template in STYLES.items():
        if local.startswith(template.format(first=one, last=other, f=one[:1], l=other[:1])):
            return style
    return ""


def _is_prose(column: pa.ChunkedArray) -> bool:
    # Blanks aside: few rows may have a comment.
    some = [text for text in column.drop_null().slice(0, MAX_ROWS).to_pylist() if text.strip()]
    return sum(map(count_words, some)) >= PROSE * max(len(some), 1)


_SCRIPTS = (
    ("぀", "ヿ", "ja_JP"),
    ("가", "힣", "ko_KR"),
    ("一", "鿿", "zh_CN"),
    ("Ѐ", "ӿ", "ru_RU"),
    ("Ͱ", "Ͽ", "el_GR"),
)


def _by_script(names: Sequence[str]) -> str | None:
    """The locale of a script that most names are written in, if it is not Latin."""
    letters = Counter(
        locale
        for name in names[:MAX_ROWS]
        for c in name
        for low, high, locale in _SCRIPTS
        if low <= c <= high
    )
    common = letters.most_common(1)
    return common[0][0] if common and common[0][1] > sum(map(len, names[:MAX_ROWS])) / 2 else None
