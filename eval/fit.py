"""Fit the extractive reader's calibration on dev questions, and on nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from eval.gold import GoldQuestion
from eval.metrics import contains_answer
from rag import Assistant
from rag.calibration import Calibration
from rag.extractive import ExtractiveReader, Ranking

#: The bar is as high as it can be while no more answerable dev questions than this are declined.
_DECLINED = 0.05
_QUOTED = 3


def ranked(
    assistant: Assistant,
    reader: ExtractiveReader,
    questions: Sequence[GoldQuestion],
    progress: Callable[[int, int, str], None] | None = None,
) -> list[tuple[GoldQuestion, Ranking]]:
    """Each question with its sentences and their features."""
    found = []
    for done, gold in enumerate(questions, start=1):
        found.append((gold, reader.rank(gold.question, assistant.retrieve(gold.question))))
        if progress:
            progress(done, len(questions), gold.id)
    return found


def fit(found: Sequence[tuple[GoldQuestion, Ranking]], calibration: Calibration) -> Calibration:
    """`calibration` with two logistic regressions on the questions and their rankings.

    One tells a question's supporting sentences from its others, the other the questions whose
    support is among the sentences quoted from the rest.
    """
    rankings = [ranking for _, ranking in found]
    supporting = [_supporting(question, ranking) for question, ranking in found]
    weights = _sentence_weights(rankings, supporting)
    orders = [np.argsort(-(ranking.features @ weights), kind="stable") for ranking in rankings]
    best = np.stack([ranking.answer_features() for ranking in rankings])
    right = [bool(s[o[:_QUOTED]].any()) for s, o in zip(supporting, orders, strict=True)]
    scale = best.std(axis=0)
    model = LogisticRegression().fit(best / scale, right)
    confidence = model.predict_proba(best / scale)[:, 1]
    answerable = np.array([bool(question.answers) for question, _ in found])
    # Further sentences are quoted as far below the best as it takes to lose no support on dev.
    spreads = [
        float((scores := ranking.features @ weights)[order[0]] - scores[order[place]])
        for ranking, order, support in zip(rankings, orders, supporting, strict=True)
        for place in np.flatnonzero(support[order[:_QUOTED]])[:1]
    ]
    return dataclasses.replace(
        calibration,
        sentence_weights=tuple(round(float(weight), 4) for weight in weights),
        answer_weights=tuple(round(float(weight), 4) for weight in model.coef_[0] / scale),
        answer_bias=round(float(model.intercept_[0]), 4),
        bar=round(float(np.quantile(confidence[answerable], _DECLINED)), 4),
        spread=round(max(spreads, default=0.0) + 1e-4, 4),
    )


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
