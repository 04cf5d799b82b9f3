"""Personal data found and replaced before anything is learned, and how much a twin tells of real rows."""

from __future__ import annotations

from synthohive_py.privacy.measures import PrivacyFinding, disclosure

__all__ = ["PrivacyFinding", "disclosure"]
