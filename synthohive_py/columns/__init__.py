"""Reversible codecs: a column of any type becomes integer codes that a model learns, and comes back.

Each kind of column has a file with one class. Every class has the same four parts: `fit` learns from the
real column, `encode` turns values into codes, `decode` turns codes into fresh values of the same type,
`state` and `from_state` carry it through an artefact. `choice.py` says which one a column gets, `table.py`
joins them for a whole table.
"""

from __future__ import annotations

from synthohive_py.columns.base import ColumnCodec
from synthohive_py.columns.choice import ColumnHint
from synthohive_py.columns.table import TableCodec

__all__ = ["ColumnCodec", "ColumnHint", "TableCodec"]
