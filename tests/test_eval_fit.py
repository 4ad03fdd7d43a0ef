"""Fitting the calibration, on rankings whose right outcome is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from eval.fit import fit, ranked
from eval.gold import Evidence, GoldQuestion, load_gold
from index.article import Article
from index.embedder import Embedder
from index.errors import SettingsError
from rag import Assistant, Passage
from rag.calibration import Calibration
from rag.extractive import ANSWER_FEATURES, SENTENCE_FEATURES, ExtractiveReader, Ranking
from rag.span import SpanReader

TEXT = "The mine sold 40 tonnes. The weather was fine. A band played on."
ROOT_GOLD = Path(__file__).parents[1] / "eval" / "gold.jsonl"
SENTENCES = ((0, 24), (25, 46), (47, 64))


def _ranking(random: np.random.Generator, answered: bool, stranger: bool = False) -> Ranking:
    """One sentence with high scores where the question is answered, else none."""
    passage = Passage(
        1, Article("/a.md", "", "", None, TEXT, ""), 0, len(TEXT), TEXT, 0.1, 1, 0.5, None, None
    )
    features = random.uniform(0.0, 0.5, (len(SENTENCES), len(SENTENCE_FEATURES)))
    features[0] += 0.4 * answered - 0.6 * stranger
    return Ranking(
        tuple((passage, start, end) for start, end in SENTENCES),
        ("40 tonnes", "weather", "band"),
        (1.0, -1.0, -1.0),
        features,
        np.array([*features[0], answered, 0]),
    )


@pytest.fixture(scope="module")
def found() -> list[tuple[GoldQuestion, Ranking]]:
    random = np.random.default_rng(0)
    evidence = (Evidence("a.md", TEXT[:24]),)
    return [
        (
            GoldQuestion(str(n), "number", "?", ("40 tonnes",), evidence)
            if n % 3
            else GoldQuestion(str(n), "near_miss", "?", (), ()),
            _ranking(random, bool(n % 3)),
        )
        for n in range(300)
    ]


def test_fit_tells_supporting_sentences_and_answerable_questions(
    found: list[tuple[GoldQuestion, Ranking]],
) -> None:
    before, random = Calibration.load(), np.random.default_rng(1)
    strangers = [
        (GoldQuestion(f"s{n}", "number", "?", ("1",), ()), _ranking(random, False, stranger=True))
        for n in range(50)
    ]
    fitted = fit([found[:150], found[150:]], strangers, before)
    assert fitted.sentence_weights[0] == 1.0
    assert min(fitted.sentence_weights) > 0
    assert len(fitted.answer_weights) == len(ANSWER_FEATURES)
    confidence = [fitted.answer_confidence(ranking.answer) for _, ranking in found]
    answerable = np.array([bool(gold.answers) for gold, _ in found])
    declined = np.array(confidence) < fitted.bar
    halves = [declined[:150][answerable[:150]].mean(), declined[150:][answerable[150:]].mean()]
    assert max(halves) == pytest.approx(0.05, abs=0.01)
    assert max(halves) <= 0.05
    assert declined[~answerable].mean() > 0.5
    certain = [fitted.answer_confidence(ranking.answer) for _, ranking in strangers]
    assert np.mean(np.array(certain) == 0) > 0.5
    spans = ("span_hash", "span_weight", "span_bias", "span_bar")
    assert [getattr(fitted, name) for name in spans] == [getattr(before, name) for name in spans]
    with pytest.raises(SettingsError, match="nothing to fit to"):
        fit([[pair for pair in found if not pair[0].answers]], strangers, before)


def test_ranking_of_a_real_question_has_its_evidence(
    assistant: Assistant, embedder: Embedder, spans: SpanReader
) -> None:
    gold = [q for q in load_gold(ROOT_GOLD) if q.split == "dev" and q.answers][:2]
    reader = ExtractiveReader(embedder.encode, spans, Calibration.load())
    for question, ranking in ranked(assistant, reader, gold):
        texts = [p.article.text[start:end] for p, start, end in ranking.sentences]
        assert any(part.quote in text for text in texts for part in question.evidence)
