"""What programs for the earlier implementation, syntho_hive, need; docs/migration.md has the whole list."""

from __future__ import annotations

__all__: list[str] = []
