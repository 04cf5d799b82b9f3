"""Relations: tables generated parents first, each child given its parent, keys right by construction."""

from __future__ import annotations

__all__: list[str] = []
