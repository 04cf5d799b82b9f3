"""What the dbt package's Python models call. dbt itself is not imported here."""

from __future__ import annotations

from synthohive_py.dbt.model import score, train, write_twins

__all__ = ["score", "train", "write_twins"]
