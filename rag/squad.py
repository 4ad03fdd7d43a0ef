"""Compare an answer with the accepted ones as SQuAD does (Rajpurkar et al. 2016). Pure."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


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
    """Whether the tokens of an accepted answer stand in `text` in a row, both normalised.

    An accepted answer of which nothing is left, such as "the", is found nowhere.
    """
    padded = f" {normalise(text)} "
    return any(f" {answer} " in padded for answer in map(normalise, accepted) if answer)
