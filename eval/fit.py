"""Fit the extractive reader's calibration on dev questions, and on nothing else."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from eval.gold import GoldQuestion
from index.errors import SettingsError
from rag import Assistant
from rag.calibration import Calibration
from rag.extractive import ExtractiveReader, Ranking, choose
from rag.squad import contains_answer

#: The bars are as high as they can be while of no set more answerable questions are declined than
#: this: by both together, and as being about something else than the articles.
_DECLINED, _OFF_TOPIC = 0.05, 0.01
#: Of the questions whose support is among the best sentences, as many keep it among those quoted.
_KEPT = 0.98
_QUOTED = 3
#: Of ANSWER_FEATURES, what tells a question about something else: cosine, context and span.
_TOPIC = 3

Asked = tuple[GoldQuestion, Ranking]


def ranked(
    assistant: Assistant,
    reader: ExtractiveReader,
    questions: Sequence[GoldQuestion],
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Asked]:
    """Each question with its sentences and their features; without those that found none."""
    found = []
    for done, gold in enumerate(questions, start=1):
        ranking = reader.rank(gold.question, assistant.retrieve(gold.question))
        if ranking.sentences:
            found.append((gold, ranking))
        if progress:
            progress(done, len(questions), gold.id)
    return found


def fit(
    sets: Sequence[Sequence[Asked]], strangers: Sequence[Asked], calibration: Calibration
) -> Calibration:
    """`calibration` fitted to sets of questions that count as much each, whatever their size.

    Three logistic regressions tell a question's supporting sentences from its others; a question
    about the articles from off-topic ones, those of the sets and `strangers`; and questions of
    which an accepted answer stands in what is quoted from the rest. Raises SettingsError where
    there is nothing to tell apart.
    """
    found = [asked for part in sets for asked in part]
    supporting = [_supporting(question, ranking) for question, ranking in found]
    if not any(support.any() for support in supporting):
        raise SettingsError("No evidence was found for any question: there is nothing to fit to.")
    parts = np.repeat(np.arange(len(sets)), [len(part) for part in sets])
    answerable = np.array([bool(question.answers) for question, _ in found])
    on_topic = np.array([question.type != "off_topic" for question, _ in found])
    counts = np.bincount(parts[on_topic], minlength=len(sets))
    shares = len(found) / np.maximum(counts, 1)[parts]
    features = np.array([ranking.answer for _, ranking in found])
    weights = _sentence_weights([ranking for _, ranking in found], supporting)
    fitted = dataclasses.replace(
        calibration,
        sentence_weights=_rounded(weights),
        spread=_spread([ranking for _, ranking in found], supporting, weights),
    )
    right = np.array([_quotes_an_answer(asked, fitted) for asked in found])

    off = np.concatenate(
        [features[~on_topic], *(ranking.answer[None] for _, ranking in strangers)]
    )[:, :_TOPIC]
    on = features[answerable, :_TOPIC]
    topic, _ = _regression(np.concatenate([on, off]), [True] * len(on) + [False] * len(off))
    fitted = dataclasses.replace(
        fitted,
        topic_weights=_rounded(topic),
        topic_bar=_bar(on @ topic, parts[answerable], _OFF_TOPIC),
    )
    answer, bias = _regression(features[on_topic], right[on_topic], shares[on_topic])
    fitted = dataclasses.replace(
        fitted, answer_weights=_rounded(answer), answer_bias=round(bias, 4)
    )
    confidence = np.array([fitted.answer_confidence(row) for row in features[answerable]])
    return dataclasses.replace(fitted, bar=_bar(confidence, parts[answerable], _DECLINED))


def _regression(
    features: NDArray[np.float64],
    wanted: Sequence[bool] | NDArray[np.bool_],
    shares: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], float]:
    """Weights and bias; without `shares` both classes count the same."""
    if len(set(wanted)) < 2:
        raise SettingsError("Confidence cannot be fitted to questions that are all of one kind.")
    scale = features.std(axis=0) + 1e-9
    model = LogisticRegression(max_iter=1000, class_weight="balanced" if shares is None else None)
    model.fit(features / scale, wanted, sample_weight=shares)
    return model.coef_[0] / scale, float(model.intercept_[0])


def _bar(values: NDArray[np.float64], parts: NDArray[np.int64], share: float) -> float:
    """The highest below which at most `share` of each part's values lie."""
    each = [np.sort(values[parts == part]) for part in np.unique(parts)]
    least = min(float(own[int(share * len(own))]) for own in each)
    return math.floor(1e4 * least) / 1e4


def _quotes_an_answer(asked: Asked, calibration: Calibration) -> bool:
    question, ranking = asked
    quoted = choose(ranking, calibration, _QUOTED).quoted
    return contains_answer(" ".join(candidate.text for candidate in quoted), question.answers)


def _rounded(weights: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(weight), 4) for weight in weights)


def _spread(
    rankings: Sequence[Ranking],
    supporting: Sequence[NDArray[np.bool_]],
    weights: NDArray[np.float64],
) -> float:
    """How far below the best sentence others are quoted."""
    gaps = []
    for ranking, support in zip(rankings, supporting, strict=True):
        scores = ranking.features @ weights
        best = np.argsort(-scores, kind="stable")[:_QUOTED]
        gaps += [float(scores[best[0]] - scores[row]) for row in best if support[row]][:1]
    return round(float(np.quantile(gaps or [0.0], _KEPT)) + 1e-4, 4)


def _supporting(question: GoldQuestion, ranking: Ranking) -> NDArray[np.bool_]:
    """Which sentences are evidence for the question and hold an accepted answer."""
    supports = []
    for passage, start, end in ranking.sentences:
        sentence = passage.article.text[start:end]
        is_evidence = any(
            Path(passage.article.source).name == part.article
            and (sentence in part.quote or part.quote in sentence)
            for part in question.evidence
        )
        supports.append(is_evidence and contains_answer(sentence, question.answers))
    return np.array(supports, dtype=bool)


def _sentence_weights(
    rankings: Sequence[Ranking], supporting: Sequence[NDArray[np.bool_]]
) -> NDArray[np.float64]:
    """Weights that tell supporting sentences from the others of the same question."""
    features, wanted = [], []
    for ranking, support in zip(rankings, supporting, strict=True):
        if support.any():
            features.append(ranking.features - ranking.features.mean(axis=0))
            wanted.append(support)
    model = LogisticRegression(C=10.0, class_weight="balanced")
    model.fit(np.concatenate(features), np.concatenate(wanted))
    weights: NDArray[np.float64] = model.coef_[0] / abs(model.coef_[0][0])
    return weights
