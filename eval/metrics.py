"""Measures of single answers and of many. Pure; retrieval measures are ir_measures' own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_SAMPLES = 2000
CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure over questions with its 95 % bootstrap interval, in [0, 1] unless in seconds."""

    value: float
    low: float
    high: float
    count: int  #: questions (or answers, or citations) in the denominator

    def __str__(self) -> str:
        if not self.count:
            return "- (0)"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] ({self.count})"


def ratio(parts: Sequence[float], wholes: Sequence[float] | None = None) -> Figure:
    """sum(parts) / sum(wholes) over questions, with a percentile bootstrap over the questions.

    Without `wholes` it is the mean.
    The same input gives the same interval: the samples are drawn with a fixed seed. A ratio with
    nothing below the line is 0 (Efron and Tibshirani 1993, chapter 13, for the interval).
    """
    part = np.array(parts, float)
    whole = np.ones_like(part) if wholes is None else np.array(wholes, float)
    if not whole.sum():
        return Figure(0.0, 0.0, 0.0, 0)
    drawn = np.random.default_rng(0).integers(len(part), size=(BOOTSTRAP_SAMPLES, len(part)))
    sampled = whole[drawn].sum(axis=1)
    ratios = np.divide(
        part[drawn].sum(axis=1), sampled, out=np.zeros(BOOTSTRAP_SAMPLES), where=sampled > 0
    )
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Figure(float(part.sum() / whole.sum()), float(low), float(high), int(whole.sum()))


def difference(
    before: Sequence[tuple[float, float]], after: Sequence[tuple[float, float]]
) -> Figure:
    """How much a ratio has risen between two runs over the same questions, in the same order.

    A question is a pair of what it adds above and below the line. The bootstrap draws questions,
    each with both of its outcomes: what makes a question hard moves both and so cancels out.
    """
    rows = np.hstack([np.array(before, float), np.array(after, float)])
    if not rows[:, 1].sum() or not rows[:, 3].sum():
        return Figure(0.0, 0.0, 0.0, 0)

    def rise(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        above, below = sums[:, [0, 2]], sums[:, [1, 3]]
        ratios = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        risen: NDArray[np.float64] = ratios[:, 1] - ratios[:, 0]
        return risen

    drawn = np.random.default_rng(0).integers(len(rows), size=(BOOTSTRAP_SAMPLES, len(rows)))
    low, high = np.percentile(rise(rows[drawn].sum(axis=1)), [2.5, 97.5])
    value = rise(rows.sum(axis=0, keepdims=True))[0]
    return Figure(float(value), float(low), float(high), len(rows))


def quantile(seconds: Sequence[float], q: float) -> Figure:
    """A quantile of times, with a percentile bootstrap over the questions."""
    times = np.array(seconds, float)
    drawn = np.random.default_rng(0).integers(len(times), size=(BOOTSTRAP_SAMPLES, len(times)))
    low, high = np.percentile(np.quantile(times[drawn], q, axis=1), [2.5, 97.5])
    return Figure(float(np.quantile(times, q)), float(low), float(high), len(times))


def calibration_error(confidence: Sequence[float], right: Sequence[float]) -> Figure:
    """Expected calibration error over ten bins of equal width, with a percentile bootstrap.

    Guo et al. 2017, equation 3: the gap between the mean confidence of a bin and the share of it
    that is right, weighted by the bin's count. With few questions it is above 0 by chance alone.
    """
    sure, true = np.array(confidence, float), np.array(right, float)

    def error(rows: NDArray[np.int64]) -> float:
        bins = np.minimum((sure[rows] * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
        gaps = np.bincount(bins, sure[rows] - true[rows], minlength=CALIBRATION_BINS)
        return float(np.abs(gaps).sum() / len(rows))

    drawn = np.random.default_rng(0).integers(len(sure), size=(BOOTSTRAP_SAMPLES, len(sure)))
    low, high = np.percentile([error(rows) for rows in drawn], [2.5, 97.5])
    return Figure(error(np.arange(len(sure))), float(low), float(high), len(sure))
