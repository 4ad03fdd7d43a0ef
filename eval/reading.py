"""The span reader alone: read the passage of each question of a reader data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from eval.metrics import Figure, ratio
from index.errors import SettingsError
from rag.calibration import Calibration, sigmoid
from rag.span import SpanReader
from rag.squad import exact_match, token_f1
from rag.training_data import Question

#: The score where there is nothing to read.
_NO_SPAN = -100.0
#: `read` shall be silent where SQuAD 2.0 wants it: as many questions with an answer as without.
_SILENCE_SOURCES = ("squad1.1_train", "squad2_train_unanswerable")


@dataclass(frozen=True, slots=True)
class Read:
    """What the reader made of one question."""

    source: str
    answerable: bool
    score: float  #: of the best span
    exact_match: float  #: of the best span, however unlikely; 0 where there is no answer
    f1: float  #: likewise


def read_all(
    reader: SpanReader,
    questions: Sequence[Question],
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Read]:
    """The best span for each question."""
    found = []
    for done, question in enumerate(questions, start=1):
        start, end, score = reader.best(question.text, question.passage) or (0, 0, _NO_SPAN)
        text, accepted = question.passage[start:end], [answer.text for answer in question.answers]
        found.append(
            Read(
                question.source,
                bool(accepted),
                float(score),
                exact_match(text, accepted),
                token_f1(text, accepted),
            )
        )
        if progress:
            progress(done, len(questions), question.source)
    return found


def figures(found: Sequence[Read], calibration: Calibration) -> dict[str, dict[str, Figure]]:
    """By source, and for all: a best span being given always, and with silence below the bar.

    EM and F1 are SQuAD's; with silence, a question without an answer scores 1 for silence.
    """
    sources = {source: [r for r in found if r.source == source] for source in _sources(found)}
    return {
        name: {
            "EM": ratio([r.exact_match for r in part], [r.answerable for r in part]),
            "F1": ratio([r.f1 for r in part], [r.answerable for r in part]),
            "EM with silence": ratio([_silent(r, r.exact_match, calibration) for r in part]),
            "F1 with silence": ratio([_silent(r, r.f1, calibration) for r in part]),
            "silent where there is none": ratio(
                [_silent(r, 0.0, calibration) for r in part], [not r.answerable for r in part]
            ),
            "silent where there is one": ratio(
                [r.answerable and not _speaks(r, calibration) for r in part],
                [r.answerable for r in part],
            ),
        }
        for name, part in {**sources, "all": list(found)}.items()
    }


def fit_spans(found: Sequence[Read], calibration: Calibration, span_hash: str) -> Calibration:
    """With the confidence in a span, right being a token F1 of at least one half, and its bar.

    The bar is where F1 with silence is best on SQuAD's questions, those without an answer counting
    as much together as those with one.
    """
    scores = np.array([read.score for read in found])
    right = np.array([read.f1 >= 0.5 for read in found])
    if len(set(right)) < 2:
        raise SettingsError("Confidence cannot be fitted to spans that are all right or all wrong.")
    model = LogisticRegression(C=1e6).fit(scores[:, None], right)
    weight, bias = float(model.coef_[0, 0]), float(model.intercept_[0])
    squad = [r for r in found if r.source in _SILENCE_SOURCES] or list(found)
    squad.sort(key=lambda read: -read.score)
    with_one = max(1, sum(read.answerable for read in squad))
    without = max(1, len(squad) - with_one)
    gains = [read.f1 / with_one if read.answerable else -1 / without for read in squad]
    best = int(np.cumsum([0.0, *gains]).argmax())
    scores_around = [read.score for read in squad[max(0, best - 1) : best + 1]]
    bar = sum(scores_around) / len(scores_around)
    return dataclasses.replace(
        calibration,
        span_hash=span_hash,
        span_weight=round(weight, 4),
        span_bias=round(bias, 4),
        span_bar=round(sigmoid(weight * bar + bias), 4),
    )


def rows(found: Sequence[Read], calibration: Calibration) -> list[list[str]]:
    """The table of figures by source: a head, then a row a source."""
    table = figures(found, calibration)
    head = ["source", *table["all"]]
    return [head, *([name, *map(str, row.values())] for name, row in table.items())]


def _sources(found: Sequence[Read]) -> list[str]:
    counts = {read.source: 0 for read in found}
    for read in found:
        counts[read.source] += 1
    return sorted(counts, key=lambda source: -counts[source])


def _speaks(read: Read, calibration: Calibration) -> bool:
    return calibration.span_confidence(read.score) >= calibration.span_bar


def _silent(read: Read, score: float, calibration: Calibration) -> float:
    if not _speaks(read, calibration):
        return float(not read.answerable)
    return score if read.answerable else 0.0
