"""CTGAN (Xu et al. 2019): a conditional tabular GAN, with a choice of generators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from synthohive_py.errors import SettingError
from synthohive_py.models.base import Codes, EpochReport, FitReport, TableModel, register_model
from synthohive_py.models.mlp import MLPModel
from synthohive_py.models.refined import RefinedAutoregressive
from synthohive_py.rng import Seed

__all__ = ["CTGAN"]

_GENERATORS: dict[str, type[TableModel]] = {"autoregressive": RefinedAutoregressive, "mlp": MLPModel}


@register_model
class CTGAN(TableModel):
    """A conditional tabular GAN.

    Both generators get a condition vector, are trained on real rows that meet the condition, play against
    a PacGAN critic with a gradient penalty, and honour conditions (`given`) exactly.

    Args:
        generator: `autoregressive` writes one column after the other and learns by likelihood first: far
            better and far quicker. `mlp` is the network of the paper.
        **options: Those of the generator: see `RefinedOptions` and `MLPOptions`.

    Raises:
        SettingError: There is no such generator, or an option is none of its options, of the wrong type or
            out of range.
    """

    name: ClassVar[str] = "ctgan"
    Options: ClassVar[type[Any]] = RefinedAutoregressive.Options
    accelerated: ClassVar[bool] = True

    def __init__(self, *, generator: Any = "autoregressive", **options: Any) -> None:
        if not isinstance(generator, str) or generator not in _GENERATORS:
            raise SettingError(
                "model 'ctgan' has no such generator",
                expected=f"one of {', '.join(_GENERATORS)}",
                received=repr(generator),
            )
        self.generator = generator
        self.engine = _GENERATORS[generator](**options)
        self.options = self.engine.options

    def fit(
        self,
        codes: Codes,
        cardinalities: Sequence[int],
        *,
        context: Codes | None = None,
        context_cardinalities: Sequence[int] = (),
        groups: npt.NDArray[np.int64] | None = None,
        centres: Sequence[npt.NDArray[np.float64] | None] | None = None,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,
        max_seconds: float | None = None,
    ) -> FitReport:
        return self.engine.fit(
            codes,
            cardinalities,
            context=context,
            context_cardinalities=context_cardinalities,
            groups=groups,
            centres=centres,
            seed=seed,
            progress=progress,
            max_seconds=max_seconds,
        )

    def sample(
        self,
        rows: int,
        *,
        context: Codes | None = None,
        given: Codes | None = None,
        allowed: Mapping[int, npt.NDArray[np.bool_]] | None = None,
        columns: int | None = None,
        generator: np.random.Generator,
    ) -> Codes:
        return self.engine.sample(
            rows, context=context, given=given, allowed=allowed, columns=columns, generator=generator
        )

    def shift(self, logits: Sequence[npt.NDArray[np.float64]]) -> None:
        self.engine.shift(logits)

    def state(self) -> dict[str, Any]:
        return {"generator": self.generator, **self.engine.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CTGAN:
        model = cls(generator=state["generator"], **state["options"])
        model.engine = _GENERATORS[model.generator].from_state(state)
        return model
