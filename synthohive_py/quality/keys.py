"""Whether keys are keys: unique, complete, and referring to rows that exist.

A key of several columns is folded into one integer code, so that every check works on plain arrays. As in
SQL, a foreign key or a unique combination with a null in any of its columns refers to nothing and repeats
nothing; a primary key must not hold nulls at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["KeyCheck", "LinkCheck", "check_key", "check_link", "parent_of"]


@dataclass(frozen=True)
class KeyCheck:
    """What the columns of a key hold.

    Attributes:
        rows: All rows.
        incomplete: Rows with a null in the key.
        repeated: Complete rows whose key an earlier row has.
    """

    rows: int
    incomplete: int
    repeated: int


@dataclass(frozen=True)
class LinkCheck:
    """What the columns of a foreign key refer to.

    Attributes:
        rows: Rows that refer to a parent: those without a null in the key.
        orphans: Rows among them whose parent does not exist.
        counts: For every parent row, how many rows refer to it.
    """

    rows: int
    orphans: int
    counts: np.ndarray

    @property
    def orphan_share(self) -> float:
        """The orphans' share of the rows that refer to a parent."""
        return self.orphans / self.rows if self.rows else 0.0


def check_key(table: pa.Table, columns: Sequence[str]) -> KeyCheck:
    """Count the nulls and repetitions in the columns of a key."""
    codes = _codes(table.select(list(columns)))
    complete = codes[codes >= 0]
    distinct = int((np.bincount(complete) > 0).sum()) if len(complete) else 0
    return KeyCheck(len(codes), len(codes) - len(complete), len(complete) - distinct)


def check_link(
    child: pa.Table, columns: Sequence[str], parent: pa.Table, parent_columns: Sequence[str]
) -> LinkCheck:
    """Count the orphans of a foreign key, and the children of every parent."""
    ends = _stacked(parent.select(list(parent_columns)), child.select(list(columns)))
    codes = _codes(ends)
    parents, children = codes[: parent.num_rows], codes[parent.num_rows :]
    children = children[children >= 0]
    size = int(codes.max()) + 1 if len(codes) else 0
    known = np.zeros(size, dtype=bool)
    known[parents[parents >= 0]] = True
    tally = np.append(np.bincount(children, minlength=size), 0)  # the last one is of a parent with a null key
    return LinkCheck(len(children), int((~known[children]).sum()), tally[parents])


def parent_of(
    child: pa.Table, columns: Sequence[str], parent: pa.Table, parent_columns: Sequence[str]
) -> np.ndarray:
    """For each child row the number of its parent row; -1 for a null and for an orphan."""
    codes = _codes(_stacked(parent.select(list(parent_columns)), child.select(list(columns))))
    parents, children = codes[: parent.num_rows], codes[parent.num_rows :]
    known = np.flatnonzero(parents >= 0)
    row_of = np.full(int(codes.max(initial=-1)) + 2, -1, dtype=np.int64)  # the last one is of a null
    row_of[parents[known]] = known
    return row_of[children]


def _stacked(above: pa.Table, below: pa.Table) -> pa.Table:
    """Two tables as one, column by column, in types that hold both."""
    names = [str(i) for i in range(above.num_columns)]
    above, below = above.rename_columns(names), below.rename_columns(names)
    try:
        return pa.concat_tables([above, below], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        texts = pa.schema([(name, pa.large_string()) for name in names])
        return pa.concat_tables([above.cast(texts), below.cast(texts)])


def _codes(table: pa.Table) -> np.ndarray:
    """One code per distinct key, -1 for a key with a null; codes have no gaps worth speaking of."""
    folded = np.zeros(table.num_rows, dtype=np.int64)
    incomplete = np.zeros(table.num_rows, dtype=bool)
    for column in table.columns:
        codes, size = _encoded(column)
        incomplete |= codes < 0
        # Both factors are at most the number of rows, so 64 bits hold the product; encoding keeps it so.
        folded, _ = _encoded(pa.chunked_array([pa.array(folded * size + codes)]))
    folded[incomplete] = -1
    return folded


def _encoded(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    array = column.combine_chunks()
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return indices, len(encoded.dictionary)
