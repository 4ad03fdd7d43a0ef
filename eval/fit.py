"""Fit the extractive reader's calibration on dev questions, and on nothing else."""

from __future__ import annotations

import dataclasses
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

#: The bar is as high as it can be while no more answerable dev questions than this are declined.
_DECLINED = 0.05
_QUOTED = 3


def ranked(
    assistant: Assistant,
    reader: ExtractiveReader,
    questions: Sequence[GoldQuestion],
    progress: Callable[[int, int, str], None] | None = None,
) -> list[tuple[GoldQuestion, Ranking]]:
    """Each question with its sentences and their features; without those that found none."""
    found = []
    for done, gold in enumerate(questions, start=1):
        ranking = reader.rank(gold.question, assistant.retrieve(gold.question))
        if ranking.sentences:
            found.append((gold, ranking))
        if progress:
            progress(done, len(questions), gold.id)
    return found


def fit(found: Sequence[tuple[GoldQuestion, Ranking]], calibration: Calibration) -> Calibration:
    """`calibration` with two logistic regressions on the questions and their rankings.

    One tells a question's supporting sentences from its others; the other tells the questions of
    which an accepted answer stands in what is quoted. Raises SettingsError where all questions are
    alike in that.
    """
    rankings = [ranking for _, ranking in found]
    supporting = [_supporting(question, ranking) for question, ranking in found]
    if not any(support.any() for support in supporting):
        raise SettingsError("No evidence was found for any question: there is nothing to fit to.")
    weights = _sentence_weights(rankings, supporting)
    fitted = dataclasses.replace(
        calibration,
        sentence_weights=tuple(round(float(weight), 4) for weight in weights),
        spread=_spread(rankings, supporting, weights),
    )
    right = [
        contains_answer(
            " ".join(candidate.text for candidate in choose(ranking, fitted, _QUOTED).quoted),
            question.answers,
        )
        for question, ranking in found
    ]
    if len(set(right)) < 2:
        raise SettingsError("Confidence cannot be fitted to questions that are all right or wrong.")
    best = np.stack([ranking.answer for ranking in rankings])
    scale = best.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=1000).fit(best / scale, right)
    fitted = dataclasses.replace(
        fitted,
        answer_weights=tuple(round(float(weight), 4) for weight in model.coef_[0] / scale),
        answer_bias=round(float(model.intercept_[0]), 4),
    )
    confidence = [
        fitted.answer_confidence(features)
        for features, (question, _) in zip(best, found, strict=True)
        if question.answers
    ]
    return dataclasses.replace(fitted, bar=round(float(np.quantile(confidence, _DECLINED)), 4))


def _spread(
    rankings: Sequence[Ranking],
    supporting: Sequence[NDArray[np.bool_]],
    weights: NDArray[np.float64],
) -> float:
    """How far below the best sentence others are quoted: as it takes to lose no support."""
    lost = [0.0]
    for ranking, support in zip(rankings, supporting, strict=True):
        scores = ranking.features @ weights
        best = np.argsort(-scores, kind="stable")[:_QUOTED]
        lost += [float(scores[best[0]] - scores[row]) for row in best if support[row]][:1]
    return round(max(lost) + 1e-4, 4)


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
    weights: NDArray[np.float64] = model.coef_[0] / model.coef_[0][0]
    return weights
