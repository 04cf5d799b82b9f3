"""Personal data found and replaced before anything is learned, and how much a twin tells of real rows."""

from __future__ import annotations

from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.privacy.measures import PrivacyFinding, disclosure
from synthohive_py.privacy.report import PrivacyReport

__all__ = ["PrivacyConfig", "PrivacyFinding", "PrivacyReport", "disclosure"]
