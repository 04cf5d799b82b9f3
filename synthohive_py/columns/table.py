"""All columns of a table as one matrix of codes, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from synthohive_py.columns.base import Codes, ColumnCodec, State, codec_from_state
from synthohive_py.columns.choice import ColumnHint, fit_codec
from synthohive_py.columns.derived import DerivedCodec, find_sums
from synthohive_py.columns.products import find_products
from synthohive_py.errors import DataError
from synthohive_py.rng import Part, Seed

__all__ = ["TableCodec"]


@dataclass(frozen=True)
class TableCodec:
    """The codecs of a table's columns, in the order in which a model generates them."""

    names: tuple[str, ...]
    codecs: tuple[ColumnCodec, ...]

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        *,
        name: str,
        threshold: int,
        hints: Mapping[str, ColumnHint] | None = None,
        independent: Collection[str] = (),
        formulas: Mapping[str, DerivedCodec] | None = None,
    ) -> TableCodec:
        """Learn a codec for each column.

        Args:
            table: The real rows.
            name: The table's name, for error messages.
            threshold: Values held by fewer rows than this are never stored.
            hints: What is known of some columns.
            independent: Columns that are not to be computed from others, nor others from them.
            formulas: Columns that are known to be computed from others.

        Raises:
            DataError: A column can't be encoded; the message names it.
        """
        hints = hints or {}
        told = {c for c, hint in hints.items() if hint != ColumnHint()}
        derived = dict(formulas or {})
        parts = {c for codec in derived.values() for c in codec.parts}
        derived |= find_sums(table, skip={*told, *independent, *derived, *parts})
        derived |= find_products(table, skip={*told, *independent}, known=derived)
        codecs: list[ColumnCodec] = []
        for column in table.column_names:
            if column in derived:
                codecs.append(derived[column])
                continue
            values = _one_chunk(table.column(column))
            try:
                codecs.append(fit_codec(values, threshold=threshold, hint=hints.get(column, ColumnHint())))
            except DataError as error:
                p = error.problem
                raise DataError(
                    p.summary,
                    table=name,
                    column=column,
                    expected=p.expected,
                    received=p.received,
                    remedy=p.remedy,
                ) from error
        return cls(tuple(table.column_names), tuple(codecs))

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """How many codes each code column has, over all columns."""
        return tuple(k for codec in self.codecs for k in codec.cardinalities)

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Per code column: whether neighbouring codes mean neighbouring values."""
        return tuple(o for codec in self.codecs for o in codec.ordered)

    def span(self, name: str) -> slice:
        """The code columns of a column."""
        place = self.names.index(name)
        start = sum(len(codec.cardinalities) for codec in self.codecs[:place])
        return slice(start, start + len(self.codecs[place].cardinalities))

    def codec(self, name: str) -> ColumnCodec:
        """The codec of a column."""
        return self.codecs[self.names.index(name)]

    def encode(self, table: pa.Table) -> Codes:
        """Codes of shape (rows, len(cardinalities)) of a table that has these columns."""
        parts = [
            codec.encode(_one_chunk(table.column(name)))
            for name, codec in zip(self.names, self.codecs, strict=True)
        ]
        return np.concatenate([np.zeros((table.num_rows, 0), np.int32), *parts], axis=1)

    def decode(
        self,
        codes: Codes,
        *,
        seed: Seed,
        names: Sequence[str] | None = None,
        part: Part | None = None,
        fixed: Mapping[str, pa.Scalar] | None = None,
    ) -> pa.Table:
        """Fresh values for codes of shape (rows, len(cardinalities)).

        Args:
            codes: What a model generated.
            seed: Each column draws from its own stream of it.
            names: Decode only these columns; with a derived one, all that it is derived from.
            part: Which rows of a larger table these are, if not all: unique columns are so over all parts
                that share the seed.
            fixed: Values that all rows of a column have.
        """
        wanted = self.names if names is None else tuple(names)
        codecs = {name: self.codec(name) for name in wanted}
        columns = {}
        for name, codec in codecs.items():
            if fixed and name in fixed:
                columns[name] = pa.repeat(fixed[name], len(codes))
            elif part and not isinstance(codec, DerivedCodec):
                columns[name] = codec.decode_part(codes[:, self.span(name)], part, seed.child(name))
            elif not isinstance(codec, DerivedCodec):
                columns[name] = codec.decode(codes[:, self.span(name)], seed.child(name).numpy())
        self._compute(columns, wanted)
        return pa.table([columns[name] for name in wanted], names=list(wanted))

    def computed(self, table: pa.Table) -> pa.Table:
        """The table with all that is computed from columns that have changed."""
        derived = {n: c for n, c in zip(self.names, self.codecs, strict=True) if isinstance(c, DerivedCodec)}
        needed = {*derived, *(part for codec in derived.values() for part in codec.parts)}
        columns = {name: table.column(name).combine_chunks() for name in needed}
        self._compute(columns, list(derived))
        for name in derived:
            table = table.set_column(table.column_names.index(name), name, columns[name])
        return table

    def _compute(self, columns: dict[str, pa.Array], names: Sequence[str]) -> None:
        codecs = {name: self.codec(name) for name in names}
        waiting = {name: codec for name, codec in codecs.items() if isinstance(codec, DerivedCodec)}
        while waiting:  # what is computed may be computed from
            for name in [n for n, codec in waiting.items() if not {*codec.parts} & {*waiting}]:
                columns[name] = waiting.pop(name).derive(columns)

    def state(self) -> State:
        """All that was learned, as JSON values and numpy arrays."""
        states = [{"kind": codec.kind, **codec.state()} for codec in self.codecs]
        return {"names": list(self.names), "codecs": states}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableCodec:
        """The codec that `state` was taken from."""
        return cls(tuple(state["names"]), tuple(codec_from_state(s) for s in state["codecs"]))


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
