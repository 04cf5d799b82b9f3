"""A report on a twin: one page that works offline, and the same as JSON."""

from __future__ import annotations

from synthohive_py.report.report import ValidationReport, check_path, make_report

__all__ = ["ValidationReport", "check_path", "make_report"]
