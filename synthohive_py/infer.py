"""Keys guessed from rows and the names of columns, where nobody has declared them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from synthohive_py.frames import check_tables, to_arrow
from synthohive_py.joins import ORPHAN, parent_rows
from synthohive_py.schema import ForeignKey, Metadata
from synthohive_py.uuids import to_texts
from synthohive_py.validation import can_be_key, find_problems

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["infer_schema", "key_like"]

logger = logging.getLogger(__name__)

LEADING = 4  # columns from the left among which a key of several columns is looked for
KEY_WORDS = ("id", "key", "code", "no", "nr", "num", "number", "uuid", "guid", "sk", "pk")
SELF_WORDS = ("parent", "manager", "boss", "supervisor", "reports", "reportsto", "predecessor", "previous")


def infer_schema(frames: Mapping[str, pa.Table | pd.DataFrame]) -> Metadata:
    """Guess primary and foreign keys; the same rows give the same schema.

    Args:
        frames: The real tables by name.

    Raises:
        DataError: They are no tables by name, or a column holds what can't be learned.
    """
    check_tables(frames)
    arrow = {name: to_arrow(frame, name) for name, frame in frames.items()}
    tables = {name: to_texts(table, table.column_names) for name, table in arrow.items()}
    primary = {name: _primary_key(name, table) for name, table in tables.items()}
    metadata = Metadata()
    for name, columns in primary.items():
        metadata.add_table(name, pk=columns or None)
        logger.info("%s: primary key %s (guessed)", name, ", ".join(columns) or "not found")
    for name in tables:
        for key in _foreign_keys(name, tables, primary):
            with_it = _with_key(metadata, name, key)
            if not find_problems(with_it) and not _is_refused(with_it, name, key, tables):
                metadata = with_it
                logger.info("%s: foreign key %s (guessed)", name, key)
    return metadata


def key_like(columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Per table the columns that may be part of a key, told by place and name; the others need not be read.

    Args:
        columns: Per table the names of its columns, in their order.
    """
    leading = {column for names in columns.values() for column in names[:LEADING]}
    singular = {_singular(word) for table in columns for word in _thing(table)[-1:]}

    def may_be(column: str) -> bool:
        words = _words(column)
        says_so = any(
            word in KEY_WORDS or word in SELF_WORDS or _singular(word) in singular for word in words
        )
        return column in leading or says_so

    return {table: [c for c in names if may_be(c)] for table, names in columns.items()}


def _with_key(metadata: Metadata, name: str, key: ForeignKey) -> Metadata:
    config = metadata.tables[name]
    config = config.model_copy(update={"foreign_keys": (*config.foreign_keys, key)})
    return Metadata(tables={**metadata.tables, name: config})


def _is_refused(metadata: Metadata, name: str, key: ForeignKey, tables: Mapping[str, pa.Table]) -> bool:
    """Whether the validation of the data has something against the key."""
    ends = dict.fromkeys((name, key.parent))
    alone = Metadata(tables={n: metadata.tables[n].model_copy(update={"foreign_keys": ()}) for n in ends})
    found = find_problems(_with_key(alone, name, key), {n: tables[n] for n in ends})
    return any((problem.table, problem.column) == (name, ", ".join(key.columns)) for problem in found)


# ---------------------------------------------------------------- primary keys


def _primary_key(name: str, table: pa.Table) -> tuple[str, ...]:
    """One column: the one named like the table's key, or the first; else a combination of leading ones."""
    whole = [c for c in table.column_names if _is_usable(table.column(c))]
    unique = [c for c in whole if _is_unique(table, [c])]
    named = [c for c in unique if _names_row_of(name, c)]
    # Of a few rows measures and moments may all differ, too: a column elsewhere needs a name of a key.
    others = [c for c in unique if _without_key_word(c) is not None or c == table.column_names[0]]
    for column in [*named, *(c for c in others if _is_name_type(table.column(c).type))]:
        return (column,)
    leading = [c for c in table.column_names[:LEADING] if c in whole and c not in unique]
    leading = [c for c in leading if _is_name_type(table.column(c).type)]
    some = [*combinations(leading, 2), *combinations(leading, 3)]
    return next((columns for columns in some if _is_unique(table, columns)), ())


def _is_usable(column: pa.ChunkedArray) -> bool:
    return len(column) > 0 and not column.null_count and can_be_key(column.type)


def _is_name_type(kind: pa.DataType) -> bool:
    """Whether values of the type name things: no measures and no moments but days."""
    import pyarrow.types as t

    return bool(t.is_integer(kind) or t.is_date(kind) or _is_text(kind))


def _is_unique(table: pa.Table, columns: Sequence[str]) -> bool:
    places = [str(i) for i in range(len(columns))]  # Arrow reads a name such as ".id" as a path
    keys = table.select(list(columns)).rename_columns(places)
    return bool(keys.group_by(places).aggregate([]).num_rows == table.num_rows)


# ---------------------------------------------------------------- foreign keys


def _foreign_keys(
    name: str, tables: Mapping[str, pa.Table], primary: Mapping[str, tuple[str, ...]]
) -> Iterator[ForeignKey]:
    table = tables[name]
    taken: list[set[str]] = []
    # Of tables with the same key, the one that it is named after is the parent.
    parents = sorted(
        (n for n, key in primary.items() if key),
        key=lambda n: (-len(primary[n]), not _names_row_of(n, primary[n][0])),
    )
    for parent in parents:
        for columns in _candidates(name, table, parent, primary[parent]):
            key = ForeignKey(columns=columns, parent=parent, parent_columns=primary[parent])
            if set(columns) not in taken and _is_upward(name, key, primary) and _holds(tables, name, key):
                taken.append(set(columns))
                yield key


def _candidates(
    name: str, table: pa.Table, parent: str, theirs: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """The columns whose names say that they refer to the parent."""
    if len(theirs) > 1:
        if name != parent and set(theirs) <= set(table.column_names):
            yield theirs
        return
    for column in table.column_names:
        is_whole = not _is_measure(table.column(column).type)
        if name == parent:
            if is_whole and column != theirs[0] and _refers_to_itself(name, column, theirs[0]):
                yield (column,)
        elif is_whole and _names_parent(
            parent, column, theirs[0], is_text=_is_text(table.column(column).type)
        ):
            yield (column,)


def _is_upward(name: str, key: ForeignKey, primary: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a primary key refers upwards: one table extends the other, never each the other."""
    if set(key.columns) != set(primary[name]) or name == key.parent:
        return True
    own, other = _names_row_of(name, key.columns[0]), _names_row_of(key.parent, key.parent_columns[0])
    if len(key.columns) == 1 and own != other:
        return other
    order = list(primary)
    return order.index(key.parent) < order.index(name)


def _holds(tables: Mapping[str, pa.Table], name: str, key: ForeignKey) -> bool:
    """Whether each value is one of the parent's, and there are any; types are of one kind."""
    table, parent = tables[name], tables[key.parent]
    for ours, theirs in zip(key.columns, key.parent_columns, strict=True):
        if not _are_alike(table.column(ours).type, parent.column(theirs).type):
            return False
    rows = parent_rows(table, key.columns, parent, key.parent_columns)
    return bool((rows >= 0).any() and (rows != ORPHAN).all())


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as t

    return bool(t.is_string(kind) or t.is_large_string(kind))


def _is_measure(kind: pa.DataType) -> bool:
    """Whether values name nothing: truth values and moments."""
    import pyarrow.types as t

    return bool(t.is_boolean(kind) or t.is_timestamp(kind) or t.is_time(kind) or t.is_duration(kind))


def _are_alike(ours: pa.DataType, theirs: pa.DataType) -> bool:
    import pyarrow.types as t

    def kind(of: pa.DataType) -> str:
        # Whole numbers beside nulls are floats in pandas.
        if t.is_integer(of) or t.is_floating(of) or t.is_decimal(of):
            return "number"
        return "text" if _is_text(of) else str(of)

    return can_be_key(ours) and can_be_key(theirs) and kind(ours) == kind(theirs)


# ---------------------------------------------------------------- names


def _words(name: str) -> list[str]:
    """`CustomerID` and `customer_id` as customer, id."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", name))
    return [word for word in re.split(r"[\W_]+", spaced.lower()) if word]


def _singular(word: str) -> str:
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if word.endswith(ending):
            return word.removesuffix(ending) + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _thing(table: str) -> list[str]:
    """What a row of the table is: `dim_customers` and `shop.customers` hold a customer."""
    words = [_singular(word) for word in _words(table.rpartition(".")[2])]
    return words[1:] if len(words) > 1 and words[0] in ("dim", "fact", "fct", "stg", "raw", "tbl") else words


def _without_key_word(column: str) -> list[str] | None:
    """The words before `_id` or another word for keys; None if there is none."""
    words = _words(column)
    return words[:-1] if len(words) > 0 and words[-1] in KEY_WORDS else None


def _names_row_of(table: str, column: str) -> bool:
    """Whether the name is that of the table's own key: `id`, `customer_id`, `customer`."""
    words = [_singular(word) for word in _words(column)]
    before = _without_key_word(column)
    is_id = _words(column) in (["id"], ["uuid"], ["key"])
    return is_id or words == _thing(table) or (before is not None and _same(before, _thing(table)))


def _names_parent(parent: str, column: str, key: str, *, is_text: bool) -> bool:
    """Whether the name says that it refers to the parent: `customer_id`, `billing_customer_id`, `customer`.

    The name of the parent's key says so, too, unless it is one that any table's key may have, such as `id`.
    """
    words, thing = _words(column), _thing(parent)
    if words == _words(key) and words not in ([word] for word in KEY_WORDS):
        return True
    before = _without_key_word(column)
    if before is None:
        # A number called `customers`, or `number_of_customer`, counts them.
        return words == thing or (is_text and bool(thing) and words[-len(thing) :] == thing)
    stem = [_singular(word) for word in before]
    return bool(thing) and stem[-len(thing) :] == thing


def _refers_to_itself(table: str, column: str, key: str) -> bool:
    """Whether the name is that of another row of the table: `manager_id`, `parent_customer_id`."""
    words = _words(column)
    if any(word in SELF_WORDS for word in words):
        return True
    longer = words[-len(_words(key)) :] == _words(key) and _words(key) not in ([w] for w in KEY_WORDS)
    return longer or (
        _without_key_word(column) is not None and _names_parent(table, column, key, is_text=False)
    )


def _same(words: Sequence[str], thing: Sequence[str]) -> bool:
    return [_singular(word) for word in words] == list(thing)
