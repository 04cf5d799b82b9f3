"""Made-up values that are none of their column's type: PostgreSQL says which, and gets others instead.

A twin's texts are imitated by pattern. What makes a text JSON, a range or an address, no pattern says.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.connectors.base import quoted
from synthohive_py.connectors.postgres_types import Column

__all__ = ["MadeValues"]

logger = logging.getLogger(__name__)

# What stands in the place of such a value where there can be no null: the first that the type takes.
NEUTRAL = (
    "{}",
    "",
    "0",
    "empty",
    "00:00",
    "00:00+00",
    "0.0.0.0",  # noqa: S104  an address in a table
    "00:00:00:00:00:00",
    "0/0",
    "(0,0)",
    "((0,0))",
)
CAN_CHECK = "select to_regproc('pg_catalog.pg_input_is_valid') is not null as it"  # from PostgreSQL 16 on
LABELS = """
select enumlabel::text as it from pg_catalog.pg_enum where enumtypid = {}::regtype order by enumsortorder
"""


class MadeValues:
    """What becomes of a twin's values before they are written.

    Args:
        ask: Runs a query and gives its rows.
        table: Where the twin goes, for the log.
        columns: Its columns.
    """

    def __init__(
        self, ask: Callable[[str], list[dict[str, Any]]], table: str, columns: Mapping[str, Column]
    ) -> None:
        self.ask, self.table, self.columns = ask, table, columns
        self.can_check = bool(ask(CAN_CHECK)[0]["it"])
        self.labels = {
            name: [row["it"] for row in ask(LABELS.format(_literal(column.base)))]
            for name, column in columns.items()
            if column.is_enum
        }
        self.neutral: dict[str, str | None] = {}
        self.replaced: Counter[str] = Counter()

    def fitted(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """Values that were made to the column's type, fitted to what that demands beside."""
        column = self.columns[name]
        if column.is_enum:
            return self._labelled(name, values)
        if column.limit is not None and pa.types.is_string(values.type):
            # Words run longer than any real ones did. A key without words is not cut: it may meet another.
            is_long = pc.greater(pc.utf8_length(values), column.limit)
            is_cut = pc.and_(is_long, pc.match_substring(values, " "))
            return pc.if_else(is_cut, pc.utf8_slice_codeunits(values, 0, column.limit), values)
        if column.is_list and column.is_required and values.null_count:
            self.replaced[name] += values.null_count
            nothing = "{}" if pa.types.is_string(values.type) else []
            return pc.if_else(pc.is_null(values), pa.scalar(nothing, values.type), values)
        return values

    def _labelled(self, name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
        labels = self.labels[name]
        is_known = pc.is_in(values, pa.array(labels, pa.string()))
        is_wrong = pc.and_(pc.is_valid(values), pc.invert(is_known))
        if wrong := pc.sum(is_wrong).as_py():
            self.replaced[name] += wrong
            other = labels[0] if self.columns[name].is_required and labels else None
            return pc.if_else(is_wrong, pa.scalar(other, pa.string()), values)
        return values

    def checked(self, names: Sequence[str], from_text: Collection[str]) -> list[str]:
        """The columns whose values PostgreSQL has to look at before it takes them.

        Args:
            names: Those that are written.
            from_text: Those among them whose values are texts, for PostgreSQL to make its own of.
        """
        columns = (self.columns[name] for name in names if self.can_check)
        return [
            c.name
            for c in columns
            if c.is_domain or (c.is_text and not c.is_enum) or (c.is_list and c.name in from_text)
        ]

    def count(self, names: Sequence[str], staging: str) -> None:
        """Count what is wrong among values that wait in a table."""
        listed = ", ".join(
            f"count(*) filter (where not {self._is_valid(name)}) as c{place}"
            for place, name in enumerate(names)
        )
        found = self.ask(f"select {listed} from {staging}")[0]  # noqa: S608  quoted
        self.replaced.update({name: found[f"c{place}"] for place, name in enumerate(names)})

    def right(self, name: str) -> str:
        """The value of a waiting row, or what stands in its place."""
        if name not in self.neutral:
            self.neutral[name] = self._neutral(name) if self.columns[name].is_required else "null"
        other = self.neutral[name]
        if other is None:  # the server's own error says it best
            return quoted(name)
        return f"case when {self._is_valid(name)} then {quoted(name)}::text else {other} end"

    def _is_valid(self, name: str) -> str:
        return f"pg_input_is_valid({quoted(name)}::text, {_literal(self.columns[name].full)})"

    def _neutral(self, name: str) -> str | None:
        kind = _literal(self.columns[name].full)
        listed = ", ".join(f"({place}, {_literal(text)})" for place, text in enumerate(NEUTRAL))
        found = self.ask(
            f"select v.it from (values {listed}) as v (place, it) "  # noqa: S608  quoted
            f"where pg_input_is_valid(v.it, {kind}) order by v.place limit 1"
        )
        return _literal(found[0]["it"]) if found else None

    def tell(self) -> None:
        """Log what was replaced."""
        for name, count in self.replaced.items():
            if count:
                logger.warning(
                    "%s.%s: %d made-up values are none of the type %s; %s stands in their place",
                    *(self.table, name, count, self.columns[name].full),
                    "an empty value" if self.columns[name].is_required else "null",
                )


def _literal(text: str) -> str:
    """A text as SQL has it; where it has backslashes, whatever the server's habits are."""
    doubled = text.replace("'", "''")
    return "e'" + doubled.replace("\\", "\\\\") + "'" if "\\" in text else f"'{doubled}'"
