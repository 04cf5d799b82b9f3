"""How alike two columns are, as a score from 0 (nothing in common) to 1 (the same distribution).

Names and definitions are those of SDMetrics, so that scores can be compared with other tools; a test holds
the two together. Every metric has the same three parts: `prepare` turns a real and a synthetic column into
plain numpy arrays, `compare` scores two such arrays, and `explain` says in words how they differ, in shares
and counts, never with a real value. The parts are apart so that the same `compare` can also score two halves
of the real array (see baseline.py).

SDMetrics has no score for a column without values. Here two such columns are alike (1), and one beside a
column with values is not (0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = [
    "CARDINALITY",
    "KS",
    "MISSING",
    "TEXT_LENGTH",
    "TV",
    "Metric",
    "aligned",
    "choose_metric",
    "has_nulls",
    "ks_complement",
    "missing_value_similarity",
    "string_length_ks_complement",
    "tv_complement",
]

Array = np.ndarray
ROUNDED_TO = 14  # decimals, as in SDMetrics: values that differ by less are one value
WHOLE = 2.0**53  # larger numbers have no decimals
SHARED = 5  # a text that fewer rows than this have in common is no category


# ---------------------------------------------------------------- arrays


def aligned(real: pa.ChunkedArray, synthetic: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Both columns in the real column's type."""
    if pa.types.is_dictionary(real.type):
        real = real.cast(real.type.value_type)
    return real, synthetic if synthetic.type == real.type else synthetic.cast(real.type, safe=False)


def _numbers(column: pa.ChunkedArray) -> Array:
    """The values of a numeric or temporal column as sortable numbers, without nulls and NaN."""
    kind = column.type
    column = column.drop_null()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = column.cast(pa.float64(), safe=False).to_numpy()
        values = values[~np.isnan(values)]
        return np.where(np.abs(values) < WHOLE, np.round(np.clip(values, -WHOLE, WHOLE), ROUNDED_TO), values)
    if pa.types.is_temporal(kind):
        storage = pa.int32() if kind.bit_width == 32 else pa.int64()
        return column.cast(storage).to_numpy()
    return (column.cast(pa.int8()) if pa.types.is_boolean(kind) else column).to_numpy()


def _number_pair(real: pa.ChunkedArray, synthetic: pa.ChunkedArray) -> tuple[Array, Array]:
    real, synthetic = aligned(real, synthetic)
    return _numbers(real), _numbers(synthetic)


def _code_pair(real: pa.ChunkedArray, synthetic: pa.ChunkedArray) -> tuple[Array, Array]:
    """Both columns as codes of one vocabulary, without nulls."""
    real, synthetic = (column.drop_null() for column in aligned(real, synthetic))
    values = pa.chunked_array([*real.chunks, *synthetic.chunks], type=real.type)
    if pa.types.is_string(real.type):
        values = values.cast(pa.large_string())  # texts of more than 2 GB in one array
    codes = values.combine_chunks().dictionary_encode().indices.to_numpy()
    return codes[: len(real)], codes[len(real) :]


def _length_pair(real: pa.ChunkedArray, synthetic: pa.ChunkedArray) -> tuple[Array, Array]:
    real, synthetic = aligned(real, synthetic)
    return pc.utf8_length(real.drop_null()).to_numpy(), pc.utf8_length(synthetic.drop_null()).to_numpy()


def _null_pair(real: pa.ChunkedArray, synthetic: pa.ChunkedArray) -> tuple[Array, Array]:
    return (
        pc.is_null(real, nan_is_null=True).to_numpy(),
        pc.is_null(synthetic, nan_is_null=True).to_numpy(),
    )


# ---------------------------------------------------------------- scores


def _score_when_empty(real: Array, synthetic: Array) -> float | None:
    if len(real) and len(synthetic):
        return None
    return 1.0 if len(real) == len(synthetic) else 0.0


def _cdf_gaps(real: Array, synthetic: Array) -> tuple[float, float]:
    """How far the cumulative share of the synthetic values is above that of the real ones at most, and below.

    The first gap is widest at a synthetic value and the second at a real one, so each array is looked up
    in the other only. In a run of equal values the last one counts; those before it only make their gap
    smaller.
    """
    real, synthetic = np.sort(real), np.sort(synthetic)
    ours = np.arange(1, len(real) + 1) / len(real)
    theirs = np.arange(1, len(synthetic) + 1) / len(synthetic)
    above = theirs - np.searchsorted(real, synthetic, side="right") / len(real)
    below = ours - np.searchsorted(synthetic, real, side="right") / len(synthetic)
    return max(float(above.max()), 0.0), max(float(below.max()), 0.0)


def _compare_numbers(real: Array, synthetic: Array) -> float:
    """One less the Kolmogorov-Smirnov statistic: the widest gap between the cumulative distributions."""
    score = _score_when_empty(real, synthetic)
    return score if score is not None else 1 - max(_cdf_gaps(real, synthetic))


def _shares(real: Array, synthetic: Array) -> tuple[Array, Array]:
    size = int(max(real.max(), synthetic.max())) + 1
    return (
        np.bincount(real, minlength=size) / len(real),
        np.bincount(synthetic, minlength=size) / len(synthetic),
    )


def _compare_codes(real: Array, synthetic: Array) -> float:
    """One less the total variation distance: half the sum of the differences of all shares."""
    score = _score_when_empty(real, synthetic)
    if score is not None:
        return score
    ours, theirs = _shares(real, synthetic)
    return max(float(1 - np.abs(ours - theirs).sum() / 2), 0.0)  # sums of shares end beside 1


def _compare_nulls(real: Array, synthetic: Array) -> float:
    score = _score_when_empty(real, synthetic)
    return score if score is not None else float(1 - abs(real.mean() - synthetic.mean()))


# ---------------------------------------------------------------- words


def _without_values(real: Array, synthetic: Array) -> str | None:
    if len(real) and len(synthetic):
        return None
    return "the twin has no values" if len(real) else "the real data has no values, the twin has some"


def _explain_numbers(real: Array, synthetic: Array) -> str:
    empty = _without_values(real, synthetic)
    if empty:
        return empty
    above, below = _cdf_gaps(real, synthetic)
    side = "low" if above > below else "high"
    return f"{max(above, below):.1%} of the twin's values lie too {side}"


def _explain_codes(real: Array, synthetic: Array) -> str:
    empty = _without_values(real, synthetic)
    if empty:
        return empty
    ours, theirs = _shares(real, synthetic)
    parts = [f"{(np.abs(ours - theirs).sum() / 2):.1%} of the twin's rows are in the wrong category"]
    lacking, unknown = int(((ours > 0) & (theirs == 0)).sum()), int(((ours == 0) & (theirs > 0)).sum())
    if lacking:
        parts.append(f"{lacking} of {int((ours > 0).sum())} real categories never occur")
    if unknown:
        parts.append(f"{unknown} categories are not in the real data")
    return ", ".join(parts)


def _explain_lengths(real: Array, synthetic: Array) -> str:
    empty = _without_values(real, synthetic)
    return empty or f"texts have {real.mean():.1f} characters on average, in the twin {synthetic.mean():.1f}"


def _explain_nulls(real: Array, synthetic: Array) -> str:
    empty = _without_values(real, synthetic)
    return empty or f"{real.mean():.1%} of the real values are null, in the twin {synthetic.mean():.1%}"


def _explain_counts(real: Array, synthetic: Array) -> str:
    empty = _without_values(real, synthetic)
    if empty:
        return empty
    ours, theirs = (real == 0).mean(), (synthetic == 0).mean()
    means = f"{real.mean():.2f} rows a parent, in the twin {synthetic.mean():.2f}"
    return f"{means}; {ours:.1%} of the parents have none, in the twin {theirs:.1%}"


# ---------------------------------------------------------------- metrics


@dataclass(frozen=True)
class Metric:
    """A way to compare two columns.

    Attributes:
        name: Its name in SDMetrics, if it is known there.
        prepare: (real column, synthetic column) -> two arrays that `compare` and `explain` take.
        compare: Two arrays -> score.
        explain: Two arrays -> how they differ.
    """

    name: str
    prepare: Callable[[pa.ChunkedArray, pa.ChunkedArray], tuple[Array, Array]]
    compare: Callable[[Array, Array], float]
    explain: Callable[[Array, Array], str]

    def __call__(self, real: pa.ChunkedArray | pa.Array, synthetic: pa.ChunkedArray | pa.Array) -> float:
        """The score of a real and a synthetic column."""
        return self.compare(*self.prepare(_chunked(real), _chunked(synthetic)))


def _chunked(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray:
    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


KS = Metric("KSComplement", _number_pair, _compare_numbers, _explain_numbers)
TV = Metric("TVComplement", _code_pair, _compare_codes, _explain_codes)
TEXT_LENGTH = Metric("StringLengthKSComplement", _length_pair, _compare_numbers, _explain_lengths)
MISSING = Metric("MissingValueSimilarity", _null_pair, _compare_nulls, _explain_nulls)
# Its two columns are already the numbers of rows per parent, which keys.py counts.
CARDINALITY = Metric("CardinalityShapeSimilarity", _number_pair, _compare_numbers, _explain_counts)


def ks_complement(real: pa.ChunkedArray | pa.Array, synthetic: pa.ChunkedArray | pa.Array) -> float:
    """The KSComplement of two columns of numbers, dates or times; nulls are left out."""
    return KS(real, synthetic)


def tv_complement(real: pa.ChunkedArray | pa.Array, synthetic: pa.ChunkedArray | pa.Array) -> float:
    """The TVComplement of two columns of categories; nulls are left out."""
    return TV(real, synthetic)


def string_length_ks_complement(
    real: pa.ChunkedArray | pa.Array, synthetic: pa.ChunkedArray | pa.Array
) -> float:
    """The KSComplement of the lengths of two columns of texts; nulls are left out."""
    return TEXT_LENGTH(real, synthetic)


def missing_value_similarity(
    real: pa.ChunkedArray | pa.Array, synthetic: pa.ChunkedArray | pa.Array
) -> float:
    """One less the difference of the null rates."""
    return MISSING(real, synthetic)


def choose_metric(real: pa.ChunkedArray, *, closed: bool = False) -> Metric | None:
    """The metric that fits what the real column holds, or None for a column that has no shape.

    Args:
        real: The real column.
        closed: Whether its values are declared to come from a closed set.
    """
    kind = real.type.value_type if pa.types.is_dictionary(real.type) else real.type
    if closed or pa.types.is_boolean(kind):
        return TV
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return TV if _is_categorical(real) else TEXT_LENGTH
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return KS if numeric or pa.types.is_temporal(kind) else None


def has_nulls(column: pa.ChunkedArray) -> bool:
    """Whether a null, or a NaN, is among the values."""
    return bool(column.null_count) or bool(pc.any(pc.is_null(column, nan_is_null=True)).as_py())


def _is_categorical(texts: pa.ChunkedArray) -> bool:
    """Whether most rows hold a text that several rows share."""
    counts = pc.value_counts(texts.drop_null().combine_chunks()).field("counts").to_numpy()
    return bool(counts[counts >= SHARED].sum() * 2 >= counts.sum())
