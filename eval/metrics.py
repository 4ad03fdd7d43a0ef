"""Measures of single answers and of many. Pure; retrieval measures are ir_measures' own."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

BOOTSTRAP_SAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure over questions with its 95 % bootstrap interval, in [0, 1] unless in seconds."""

    value: float
    low: float
    high: float
    count: int  #: questions (or answers, or citations) in the denominator


def normalise(text: str) -> str:
    """SQuAD's normalisation: lower case, no punctuation, no English articles, single spaces.

    Rajpurkar et al. 2016, as in the official evaluation script of SQuAD 1.1.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, accepted: Sequence[str]) -> float:
    """1 where the prediction is one of the accepted answers, both normalised."""
    return float(any(normalise(prediction) == normalise(answer) for answer in accepted))


def token_f1(prediction: str, accepted: Sequence[str]) -> float:
    """The best F1 of the prediction's tokens with those of an accepted answer, normalised."""
    return max((_f1(normalise(prediction), normalise(answer)) for answer in accepted), default=0.0)


def _f1(prediction: str, answer: str) -> float:
    predicted, wanted = prediction.split(), answer.split()
    if not predicted or not wanted:
        return float(predicted == wanted)
    shared = sum((Counter(predicted) & Counter(wanted)).values())
    return 2 * shared / (len(predicted) + len(wanted))


def contains_answer(text: str, accepted: Sequence[str]) -> bool:
    """Whether the tokens of an accepted answer stand in `text` in a row, both normalised."""
    padded = f" {normalise(text)} "
    return any(f" {normalise(answer)} " in padded for answer in accepted)


def ratio(parts: Sequence[float], wholes: Sequence[float]) -> Figure:
    """sum(parts) / sum(wholes) over questions, with a percentile bootstrap over the questions.

    The same input gives the same interval: the samples are drawn with a fixed seed. A ratio with
    nothing below the line is 0 (Efron and Tibshirani 1993, chapter 13, for the interval).
    """
    part, whole = np.array(parts, float), np.array(wholes, float)
    if not whole.sum():
        return Figure(0.0, 0.0, 0.0, 0)
    drawn = np.random.default_rng(0).integers(len(part), size=(BOOTSTRAP_SAMPLES, len(part)))
    sampled = whole[drawn].sum(axis=1)
    ratios = np.divide(
        part[drawn].sum(axis=1), sampled, out=np.zeros(BOOTSTRAP_SAMPLES), where=sampled > 0
    )
    low, high = np.percentile(ratios, [2.5, 97.5])
    return Figure(float(part.sum() / whole.sum()), float(low), float(high), int(whole.sum()))


def quantile(seconds: Sequence[float], q: float) -> Figure:
    """A quantile of times, with a percentile bootstrap over the questions."""
    times = np.array(seconds, float)
    drawn = np.random.default_rng(0).integers(len(times), size=(BOOTSTRAP_SAMPLES, len(times)))
    low, high = np.percentile(np.quantile(times[drawn], q, axis=1), [2.5, 97.5])
    return Figure(float(np.quantile(times, q)), float(low), float(high), len(times))
