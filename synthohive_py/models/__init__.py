"""Generative models of one table of codes: numpy arrays in, numpy arrays out."""

from __future__ import annotations

from synthohive_py.models.base import (
    EpochReport,
    FitReport,
    TableModel,
    get_model,
    model_names,
    register_model,
)

__all__ = ["EpochReport", "FitReport", "TableModel", "get_model", "model_names", "register_model"]
