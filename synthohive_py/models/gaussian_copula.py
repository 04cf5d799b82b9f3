"""A table as correlated normal variables: fitted in closed form, within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtr, ndtri

from synthohive_py.errors import GenerationError
from synthohive_py.models.base import (
    Codes,
    EpochReport,
    FitReport,
    TableModel,
    check_range,
    masks_of,
    register_model,
)
from synthohive_py.rng import Seed

__all__ = ["GaussianCopula", "GaussianCopulaOptions"]

Floats = npt.NDArray[np.float64]

BATCH_ROWS = 8192
ORDERING_CELLS = 2_000_000  # of the rows that categories are ordered by
ORDERING_SWEEPS = 3
FEW_ROWS = 5  # a category with fewer says nothing about its place
FARTHEST = 4.0  # where an outer code's interval ends, in standard deviations
TERMS = 30  # of the series that relates the correlation of codes to that of the normals
GIBBS_SWEEPS = 2


@dataclass(frozen=True)
class GaussianCopulaOptions:
    """Options of `GaussianCopula`.

    Attributes:
        shrinkage: How far correlations are drawn towards zero.

    Raises:
        SettingError: A value is out of range.
    """

    shrinkage: float = 0.01

    def __post_init__(self) -> None:
        check_range("shrinkage", self.shrinkage, least=1e-6, most=1)


@register_model
class GaussianCopula(TableModel):
    """Every column a cut-up normal variable, and one correlation matrix for all of them.

    This is "normal to anything", the copula of the Synthetic Data Vault (Patki, Wedge, Veeramachaneni
    2016), for codes: a code owns an interval of the normal, as wide as the code is frequent. Categories
    are first put into the order in which they correlate most with the other columns, and correlations
    are those of the normals that explain the correlations of the codes. The context belongs to the
    joint distribution. Only pairs of columns are learned, and of each only whether one rises with the
    other. See `GaussianCopulaOptions` for its options.
    """

    name: ClassVar[str] = "gaussian_copula"
    Options: ClassVar[type[Any]] = GaussianCopulaOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.contexts = 0  # the first so many of `columns` are the context
        self.columns: list[_Column] | None = None
        self.correlation: Floats = np.eye(0)

    def fit(
        self,
        codes: Codes,
        cardinalities: Sequence[int],
        *,
        context: Codes | None = None,
        context_cardinalities: Sequence[int] = (),
        groups: npt.NDArray[np.int64] | None = None,  # noqa: ARG002  no rows are held out
        centres: Sequence[npt.NDArray[np.float64] | None] | None = None,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,  # noqa: ARG002  there are no epochs
        max_seconds: float | None = None,  # noqa: ARG002  it takes seconds
    ) -> FitReport:
        wall, cpu = time.monotonic(), time.process_time()
        self.contexts = len(context_cardinalities)
        everything = codes if context is None else np.concatenate([context, codes], 1)
        columns = [
            _Column(_marginal(everything[:, j], k), np.arange(k))
            for j, k in enumerate([*context_cardinalities, *cardinalities])
        ]
        ordered = [None] * self.contexts + list(centres or [None] * len(cardinalities))
        categories = [j for j, c in enumerate(ordered) if c is None and (columns[j].marginal > 0).sum() > 2]
        self.columns = _order_categories(everything, columns, categories, seed.child("order"))
        self.correlation = _correlation(everything, self.columns, self.options.shrinkage)
        return FitReport(
            rows=len(codes),
            seconds=time.monotonic() - wall,
            cpu_seconds=time.process_time() - cpu,
            stopped_by="closed form",
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
        fitted, first = self._fitted(), self.contexts
        end = len(fitted) if columns is None else first + columns
        masks = {first + j: mask for j, mask in masks_of(allowed, end - first, rows).items()}
        free = [fitted[j].only(masks[j]) if j in masks else fitted[j] for j in range(first, end)]
        out = np.empty((rows, end - first), np.int32)
        for start in range(0, rows if free else 0, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            known = np.full((part.stop - start, len(fitted)), -1, np.int32)
            if context is not None:
                known[:, :first] = context[part]
            if given is not None:
                known[:, first : first + given.shape[1]] = given[part]
            normals = self._normals(known, end, generator)
            for j, column in enumerate(free):
                drawn = column.codes(normals[:, j])
                out[part, j] = np.where(known[:, first + j] >= 0, known[:, first + j], drawn)
        return out

    def shift(self, logits: Sequence[npt.NDArray[np.float64]]) -> None:
        fitted = self._fitted()
        for j, change in enumerate(logits, self.contexts):
            weights = fitted[j].marginal * np.exp(change)
            fitted[j] = _Column(weights / weights.sum(), fitted[j].order)

    def _normals(self, known: Codes, end: int, generator: np.random.Generator) -> Floats:
        """The normals of the columns up to `end`, of which those of known codes are left at random."""
        normals = generator.standard_normal((len(known), end - self.contexts))
        patterns, which = np.unique(known >= 0, axis=0, return_inverse=True)
        for p, pattern in enumerate(patterns):
            rows = np.flatnonzero(which.ravel() == p)
            fixed = np.flatnonzero(pattern)
            free = self.contexts + np.flatnonzero(~pattern[self.contexts : end])
            covariance = self.correlation[np.ix_(free, free)]
            mean: Floats | float = 0.0
            if len(fixed):
                across = self.correlation[np.ix_(fixed, free)]
                weights = cho_solve(cho_factor(self.correlation[np.ix_(fixed, fixed)]), across)
                mean = self._latent(known[np.ix_(rows, fixed)], fixed, generator) @ weights
                covariance = covariance - across.T @ weights
            noise = normals[np.ix_(rows, free - self.contexts)]
            normals[np.ix_(rows, free - self.contexts)] = mean + noise @ np.linalg.cholesky(covariance).T
        return normals

    def _latent(self, known: Codes, fixed: npt.NDArray[np.intp], generator: np.random.Generator) -> Floats:
        """Normals that these codes may stand for: Gibbs sampling within their intervals."""
        columns = [self._fitted()[j] for j in fixed]
        low = np.stack([c.edges[c.rank[k]] for c, k in zip(columns, known.T, strict=True)])
        high = np.stack([c.edges[c.rank[k] + 1] for c, k in zip(columns, known.T, strict=True)])
        latent = _truncated(low, high, generator.random(low.shape))
        precision = np.linalg.inv(self.correlation[np.ix_(fixed, fixed)])
        for j in [*range(len(fixed))] * (GIBBS_SWEEPS if len(fixed) > 1 else 0):
            spread = precision[j, j] ** -0.5
            mean = latent[j] - np.einsum("k,kr->r", precision[j], latent) / precision[j, j]
            a, b = (low[j] - mean) / spread, (high[j] - mean) / spread
            latent[j] = mean + spread * _truncated(a, b, generator.random(len(mean)))
        return latent.T

    def _fitted(self) -> list[_Column]:
        if self.columns is None:
            raise GenerationError("the model has learned nothing yet", remedy="call fit first")
        return self.columns

    def state(self) -> dict[str, Any]:
        return {
            "options": {"shrinkage": self.options.shrinkage},
            "contexts": self.contexts,
            "columns": [{"marginal": c.marginal, "order": c.order} for c in self._fitted()],
            "correlation": self.correlation,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> GaussianCopula:
        model = cls(**state["options"])
        model.contexts = state["contexts"]
        model.columns = [_Column(np.array(c["marginal"]), np.array(c["order"])) for c in state["columns"]]
        model.correlation = np.array(state["correlation"])
        return model


@dataclass(frozen=True)
class _Column:
    """How a normal variable is cut into codes.

    Attributes:
        marginal: The probability of each code.
        order: The codes from left to right.
    """

    marginal: Floats
    order: npt.NDArray[np.int64]

    @cached_property
    def ends(self) -> Floats:
        """Where each interval ends, from left to right, as a probability."""
        ends = np.cumsum(self.marginal[self.order])
        return ends / ends[-1]

    @cached_property
    def edges(self) -> Floats:
        """All ends of intervals as normals, within a finite range."""
        return np.clip(ndtri(np.concatenate([[0.0], self.ends])), -FARTHEST, FARTHEST)

    @cached_property
    def rank(self) -> npt.NDArray[np.int64]:
        """The place of each code in the order."""
        return np.argsort(self.order)

    @cached_property
    def scores(self) -> Floats:
        """The mean normal of each code."""
        return self.hermite(1)[0] / np.maximum(self.marginal, 1e-300)

    def hermite(self, terms: int) -> Floats:
        """(terms, codes): integrals of the normalised Hermite polynomials, without the 0th, over codes."""
        at = ndtri(np.concatenate([[0.0], self.ends]))
        density = np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi)
        at = np.where(np.isfinite(at), at, 0.0)
        before, polynomial = np.zeros_like(at), np.ones_like(at)
        out = np.empty((terms, len(self.order)))
        for n in range(1, terms + 1):
            out[n - 1] = -np.diff(polynomial * density)[self.rank] / np.sqrt(n)
            before, polynomial = polynomial, (at * polynomial - np.sqrt(n - 1) * before) / np.sqrt(n)
        return out

    def codes(self, normals: Floats) -> npt.NDArray[np.int64]:
        """The codes that own these normals."""
        uniforms = np.minimum(ndtr(normals), 1 - 2**-53)
        return self.order[np.searchsorted(self.ends, uniforms, side="right")]

    def only(self, mask: npt.NDArray[np.bool_]) -> _Column:
        """This column with some codes alone, by the same odds; all alike if none was ever seen."""
        kept = np.where(mask, self.marginal, 0.0)
        return _Column(kept if kept.any() else mask.astype(np.float64), self.order)


def _marginal(codes: Codes, cardinality: int) -> Floats:
    """Frequencies, smoothed by half a row (Jeffreys' prior) among the codes that occur."""
    counts = np.bincount(codes, minlength=cardinality)
    weights = np.where(counts > 0, counts + 0.5, 0.0) if len(codes) else np.ones(cardinality)
    return weights / weights.sum()


def _order_categories(
    codes: Codes, columns: list[_Column], categories: list[int], seed: Seed
) -> list[_Column]:
    """Sort each column's categories by what they say of the columns it correlates with, in turns.

    Each turn is a step uphill of the sum of the correlations' fourth powers: a strong one counts most.
    """
    most = max(ORDERING_CELLS // max(len(columns), 1), 1000)
    rows = codes[np.sort(seed.numpy().permutation(len(codes))[:most])]
    if not categories or not len(rows):
        return columns
    columns = list(columns)
    scores = np.stack([_standardised(c.scores[rows[:, j]]) for j, c in enumerate(columns)])
    for j in categories * ORDERING_SWEEPS:
        # einsum keeps to one thread: so small a product takes longer on two.
        correlations = np.einsum("jr,r->j", scores, scores[j]) / len(rows)
        correlations[j] = 0.0
        counts = np.bincount(rows[:, j], minlength=len(columns[j].order))
        target = np.einsum("j,jr->r", correlations**3, scores)
        sums = np.bincount(rows[:, j], target, minlength=len(counts))
        means = np.where(counts >= FEW_ROWS, sums / np.maximum(counts, 1), 0.0)
        columns[j] = _Column(columns[j].marginal, np.argsort(means.round(9), kind="stable"))
        scores[j] = _standardised(columns[j].scores[rows[:, j]])
    return columns


def _standardised(values: Floats) -> Floats:
    centred = values - values.mean()
    deviation = values.std()
    return centred / deviation if deviation > 1e-9 else np.zeros_like(values)


def _correlation(codes: Codes, columns: list[_Column], shrinkage: float) -> Floats:
    """The normals' correlation matrix, positive definite."""
    size = len(columns)
    moments, sums = np.zeros((size, size)), np.zeros(size)
    if not size or not len(codes):
        return np.eye(size)
    for start in range(0, len(codes), BATCH_ROWS):
        batch = codes[start : start + BATCH_ROWS]
        scores = np.stack([c.scores[batch[:, j]] for j, c in enumerate(columns)], 1)
        moments += scores.T @ scores
        sums += scores.sum(0)
    covariance = moments / len(codes) - np.outer(sums, sums) / len(codes) ** 2
    # What is within one standard error is taken for chance, and a bit less is believed of the rest.
    scale = np.outer(np.diag(covariance), np.diag(covariance))
    significance = np.divide(covariance**2, scale, out=np.zeros_like(scale), where=scale > 1e-18) * len(codes)
    covariance *= np.maximum(0.0, 1 - 1 / np.maximum(significance, 1.0))
    values, vectors = np.linalg.eigh(_undo_cutting(covariance, columns))
    repaired = (vectors * np.maximum(values, 0.0)) @ vectors.T
    deviations = np.sqrt(np.maximum(np.diag(repaired), 1e-12))
    repaired = (1 - shrinkage) * repaired / np.outer(deviations, deviations)
    np.fill_diagonal(repaired, 1.0)
    return repaired


def _undo_cutting(covariance: Floats, columns: list[_Column]) -> Floats:
    """The correlations of normals whose codes' scores have this covariance.

    Two normals with correlation r have scores with covariance sum(r**n * a_n * b_n) over the scores'
    coefficients in normalised Hermite polynomials (Mehler). It rises with r, so that bisection finds r.
    """
    coefficients = np.stack([c.hermite(TERMS) @ c.scores for c in columns], 1)
    low, high = -np.ones_like(covariance), np.ones_like(covariance)
    for _ in range(30):
        middle = (low + high) / 2
        reached = np.zeros_like(middle)
        for a in coefficients[::-1]:
            reached = (reached + np.outer(a, a)) * middle
        rises = reached < covariance
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    found = np.where(np.abs(covariance) > 1e-9, (low + high) / 2, 0.0)
    np.fill_diagonal(found, 1.0)
    return found


def _truncated(low: Floats, high: Floats, uniforms: Floats) -> Floats:
    """Standard normals between bounds, by inverse CDF; on the left side, where it is exact."""
    mirrored = low > 0
    left = np.clip(np.where(mirrored, -high, low), -37.0, 37.0)
    right = np.clip(np.where(mirrored, -low, high), -37.0, 37.0)
    from_, to = ndtr(left), ndtr(right)
    drawn = np.clip(ndtri(from_ + uniforms * (to - from_)), left, right)
    return np.where(mirrored, -drawn, drawn)
