"""What is asked of a fit to protect people: what personal data to replace, and with how much noise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from synthohive_py.errors import PrivacyError
from synthohive_py.privacy.locales import LOCALES

__all__ = ["PrivacyConfig", "Strategy"]

Strategy = Literal["mask", "faker", "context_aware_faker"]
STRATEGIES = ("mask", "faker", "context_aware_faker")


@dataclass(frozen=True)
class PrivacyConfig:
    """How people are protected; see docs/privacy.md.

    Attributes:
        enable_differential_privacy: Whether to train with DP-SGD. Needs the model `autoregressive` and
            `pip install synthohive-py[dp]`.
        epsilon: The privacy loss that training may have.
        pii_strategy: What stands in the twin for personal data: `mask` writes the kind of value instead
            ("[EMAIL 123]"), `faker` an invented value of the same kind and format, `context_aware_faker`
            one that also fits its row: to the country named there, and an e-mail to the name.
        k_anonymity_threshold: Values, words and patterns shared by fewer rows are never stored.
        pii_columns: Columns that hold personal data, whether it looks so or not: `column` in every table,
            or `table.column`.
        delta: The chance that the privacy loss is larger than `epsilon`; None for 1e-5, or for a tenth of
            one by the number of entities if that is less.
        locale: Where invented people live if no column says so, such as `de_DE`; None to guess it.

    Raises:
        PrivacyError: A value is unknown or out of range.
    """

    enable_differential_privacy: bool = False
    epsilon: float = 1.0
    pii_strategy: Strategy = "context_aware_faker"
    k_anonymity_threshold: int = 5
    pii_columns: Sequence[str] = ()
    delta: float | None = None
    locale: str | None = None

    def __post_init__(self) -> None:
        _check(
            "enable_differential_privacy",
            self.enable_differential_privacy,
            isinstance(self.enable_differential_privacy, bool),
            "True or False",
        )
        epsilon: Any = self.epsilon
        delta: Any = self.delta
        is_epsilon = _is_number(epsilon) and 0.01 <= epsilon <= 100
        _check("epsilon", epsilon, is_epsilon, "a number from 0.01 to 100")
        is_delta = delta is None or (_is_number(delta) and 0 < delta < 0.01)
        _check("delta", self.delta, is_delta, "None, or a number between 0 and 0.01")
        _check("pii_strategy", self.pii_strategy, self.pii_strategy in STRATEGIES, f"one of {STRATEGIES}")
        k: Any = self.k_anonymity_threshold
        is_count = isinstance(k, int) and not isinstance(k, bool) and k >= 1
        _check("k_anonymity_threshold", k, is_count, "a whole number of at least 1")
        columns: Any = self.pii_columns
        is_list = isinstance(columns, Collection) and not isinstance(columns, str | bytes | Mapping)
        are_names = is_list and all(isinstance(name, str) and name for name in columns)
        _check("pii_columns", columns, are_names, 'a list such as ["email", "staff.phone"]')
        is_known = self.locale is None or self.locale in LOCALES
        _check("locale", self.locale, is_known, f"one of {', '.join(sorted(LOCALES))}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(name: str, value: object, is_right: bool, expected: str) -> None:  # noqa: FBT001
    if not is_right:
        raise PrivacyError(
            f"{name} of PrivacyConfig is not understood", expected=expected, received=repr(value)[:80]
        )
