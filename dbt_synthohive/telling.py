"""What the engine tells while it works, as lines of dbt's own log."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["tell_dbt"]

ENGINE = "synthohive_py"


class DbtHandler(logging.Handler):
    """Hands the engine's messages on to dbt, which knows whether they are wanted, and where."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self.logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        tell = self.logger.warning if record.levelno >= logging.WARNING else self.logger.info
        tell(record.getMessage())


def tell_dbt() -> None:
    """Let dbt tell which table is learned; a program that has set a level of its own keeps it."""
    from dbt.adapters.events.logging import AdapterLogger

    engine = logging.getLogger(ENGINE)
    if not any(isinstance(handler, DbtHandler) for handler in engine.handlers):
        engine.addHandler(DbtHandler(AdapterLogger("SynthoHive")))
        engine.propagate = False  # dbt's packages may have given Python's own log a place, too
    if engine.level == logging.NOTSET:
        engine.setLevel(logging.INFO)
