"""The extractive reader, with vectors and spans that can be worked out by hand."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from index.article import Article
from rag import Passage
from rag.calibration import Calibration
from rag.extractive import (
    ANSWER_FEATURES,
    SENTENCE_FEATURES,
    ExtractiveReader,
    titled,
    whole_sentences,
)
from rag.span import TokenScores

# Cosine alone ranks; confidence is the sigmoid of the best cosine, at least 0.5.
COSINE_ONLY = Calibration(
    reader_hash="",
    span_hash="",
    embedding_hash="",
    span_weight=1.0,
    span_bias=0.0,
    span_bar=0.5,
    sentence_weights=(1.0, *[0.0] * (len(SENTENCE_FEATURES) - 1)),
    topic_weights=(0.0, 0.0, 0.0),
    topic_bar=0.0,
    answer_weights=(1.0, *[0.0] * (len(ANSWER_FEATURES) - 1)),
    answer_bias=0.0,
    bar=0.6,
    spread=0.5,
)
SOLD = "Copper sold very well."


def count_metals(texts: Sequence[str]) -> NDArray[np.float32]:
    """In place of the model: unit vectors of how often copper, tin and nothing are named."""
    counts = [[text.lower().count("copper"), text.lower().count("tin"), 0.1] for text in texts]
    vectors = np.array(counts, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class NumbersAnswer:
    """In place of the span reader: a number begins and ends an answer, any other word does not."""

    def read(self, question: str, texts: Sequence[str]) -> list[TokenScores]:
        found = []
        for text in texts:
            words = list(re.finditer(r"\w+", text))
            scores = np.array([4.0 if word[0].isdigit() else -4.0 for word in words], np.float32)
            places = np.array([word.span() for word in words], np.int64).reshape(-1, 2)
            found.append(TokenScores(places, scores, scores))
        return found


def reader(most: int = 3) -> ExtractiveReader:
    return ExtractiveReader(count_metals, NumbersAnswer(), COSINE_ONLY, most_sentences=most)  # type: ignore[arg-type]


def passages(*texts: str) -> list[Passage]:
    return [
        Passage(n, Article(f"/{n}.md", "Metals", "", None, text, ""), 0, len(text), text,
                0.1, 1, 0.5, None, None)
        for n, text in enumerate(texts, start=1)
    ]  # fmt: skip


def test_best_sentences_are_quoted_best_first_from_more_than_one_article() -> None:
    reading = reader().read(
        "Copper?",
        passages(
            "The mine sold much copper. The mine sold much salt.",
            "The mill bought copper and tin. The mill bought copper, copper and copper.",
        ),
    )
    # The question's vector is (1, 0, .1) before it is brought to unit length. The cosines are
    # 1 for (1, 0, .1), .998 for (3, 0, .1), .709 for (1, 1, .1) and .0995 for (0, 0, .1).
    assert [candidate.text for candidate in reading.quoted] == [
        "The mine sold much copper.",
        "The mill bought copper, copper and copper.",
        "The mill bought copper and tin.",
    ]
    scores = [candidate.score for candidate in reading.considered]
    assert scores == pytest.approx([1.0, 0.998, 0.709, 0.0995], abs=0.001)
    assert reading.confidence == pytest.approx(0.731, abs=0.001)  # 1 / (1 + exp(-1))
    assert reading.margin == pytest.approx(reading.confidence - 0.6)


def test_short_answer_is_the_best_span_of_the_best_sentence() -> None:
    found = passages("He owned 70 mines of tin. The mine sold 40 tonnes of copper.")
    assert reader().read("Copper?", found).short == "40"
    assert reader().read("Salt?", found).short == ""  # cosines of .09: it abstains


def test_no_more_sentences_are_quoted_than_asked_for() -> None:
    found = passages("The mine sold much copper. The mill bought much copper. All saw the copper.")
    assert len(reader(most=1).read("Copper?", found).quoted) == 1
    assert len(reader(most=2).read("Copper?", found).quoted) == 2


def test_passages_are_ranked_by_their_best_sentence() -> None:
    found = passages("# Copper", "The mine sold much tin.", "It rained. The mine sold much copper.")
    assert [p.id for p in reader().read("Copper?", found).passages] == [3, 2, 1]


def test_same_sentence_is_quoted_once() -> None:
    reading = reader().read(
        "Copper?",
        passages("The mine sold much copper.", "He left. The MINE sold much copper!", "Copper."),
    )
    assert [candidate.text for candidate in reading.quoted] == ["The mine sold much copper."]


def test_sentences_with_other_numbers_are_not_the_same() -> None:
    texts = ["It made -2.5 tons in all.", "It made 2.5 tons in all.", "It made 2,5 tons in all."]
    reading = reader().read("Copper?", passages(*texts))
    assert {candidate.text for candidate in reading.considered} == set(texts)


def test_headings_and_scraps_are_not_quoted() -> None:
    reading = reader().read(
        "Copper?",
        passages("# All about copper and copper\n\n## Copper of this world\nThe copper sold well."),
    )
    assert [candidate.text for candidate in reading.considered] == ["The copper sold well."]


def test_reader_abstains_when_nothing_supports_an_answer() -> None:
    reading = reader().read("Copper?", passages("The mine sold much salt indeed."))
    assert reading.quoted == ()
    assert [candidate.text for candidate in reading.withheld] == ["The mine sold much salt indeed."]
    assert reading.margin < 0
    assert [candidate.text for candidate in reading.considered] == [
        "The mine sold much salt indeed."
    ]


def test_reader_abstains_on_no_passages_and_on_passages_without_sentences() -> None:
    for found in ([], passages("# Copper"), passages("Copper.")):
        reading = reader().read("Copper?", found)
        assert (reading.quoted, reading.confidence, reading.considered) == ((), 0.0, ())
        assert reading.margin == -0.6


def test_offsets_of_a_sentence_count_from_the_beginning_of_its_article() -> None:
    article = Article("/a.md", "Metals", "", None, "Salt was sold. The mine sold copper.", "")
    passage = Passage(1, article, 15, 36, "The mine sold copper.", 0.1, 1, 0.5, None, None)
    (candidate,) = reader().read("Copper?", [passage]).quoted
    assert (candidate.start, candidate.end, candidate.text) == (15, 36, "The mine sold copper.")


def test_features_are_worked_out_for_question_sentence_and_passage() -> None:
    ranking = reader().rank(
        "How many tonnes of copper did Ana Quispe sell?",
        passages("In all, Ana Quispe sold 40 tonnes of copper. It was good salt."),
    )
    first, second = ranking.features
    named = dict(zip(SENTENCE_FEATURES, first, strict=True))
    assert named["span"] == pytest.approx(0.8)  # a tenth of 4 + 4
    assert named["rank"] == 1.0  # 11 / (10 + 1)
    # Of the question's words four stand in one of the two sentences and "sell" in none:
    # 4 log(1 + 2 / 1.5) / (4 log(1 + 2 / 1.5) + log(1 + 2 / 0.5)).
    assert named["overlap"] == pytest.approx(0.678, abs=0.001)
    assert named["context"] == named["overlap"]
    other = dict(zip(SENTENCE_FEATURES, second, strict=True))
    assert (other["overlap"], other["span"]) == (0.0, pytest.approx(-0.8))


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        # cosine, context, span, margin, support, no number, no year
        ("How much copper?", f"Salt sold very badly. {SOLD}", (1, 1, -0.8, 0, 1, 1, 0)),
        ("What of copper?", f"Salt sold very badly. {SOLD}", (1, 1, -0.8, 0, 1, 0, 0)),
        ("How much copper?", "Copper sold for 40 a ton. It rained.", (1, 1, 0.8, 1, 1, 0, 0)),
        (
            "How much copper?",
            "Copper was at 40 then. Copper was at 41 now.",
            (1, 1, 0.8, 0, 1, 0, 0),
        ),
        ("What of copper in 2019?", SOLD, (1, 0.32, -0.8, 1, 0.32, 0, 1)),
        ("What of copper in 2019?", f"In 2019 it rained. {SOLD}", (1, 1, 0.8, 1, 1, 0, 0)),
    ],
)
def test_features_of_the_answer_are_worked_out(
    question: str, text: str, expected: tuple[float, ...]
) -> None:
    assert reader().rank(question, passages(text)).answer == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("title", "lacks"), [("Metals in 2019", 0), ("Metals", 1)])
def test_title_is_read_before_each_passage_but_nothing_is_answered_from_it(
    title: str, lacks: int
) -> None:
    article = Article("/1.md", title, "", None, f"It rained. {SOLD}", "")
    passage = Passage(1, article, 11, 11 + len(SOLD), SOLD, 0.1, 1, 0.5, None, None)
    ranking = reader().rank("How much copper in 2019?", [passage])
    assert titled(passage) == f"{title}. {SOLD}"
    assert ranking.shorts == ("Copper",)
    assert ranking.answer[-1] == lacks


def test_calibration_that_is_installed_fits_the_features() -> None:
    fitted = Calibration.load()
    assert len(fitted.sentence_weights) == len(SENTENCE_FEATURES)
    assert len(fitted.answer_weights) == len(ANSWER_FEATURES)
    assert 0 < fitted.bar < 1


def test_article_that_contradicts_the_best_is_quoted_and_it_is_said() -> None:
    reading = reader().read(
        "How many tonnes of copper?",
        passages(
            "The mine sold copper, 40 tonnes. The mill bought copper at night.",
            "The mill bought copper, 45 tonnes and some tin.",
        ),
    )
    assert reading.short == "40"
    assert reading.note == "The articles differ: 40 [1], 45 [2]."
    assert [candidate.short for candidate in reading.quoted[:2]] == ["40", "45"]


def test_one_sentence_alone_does_not_say_that_articles_differ() -> None:
    found = passages("The mine sold copper, 40 tonnes.", "The mine sold copper, 45 tonnes.")
    assert reader(most=2).read("Copper?", found).note
    assert reader(most=1).read("Copper?", found).note == ""


def test_article_that_says_the_same_is_quoted_second() -> None:
    reading = reader(most=2).read(
        "How many tonnes of copper?",
        passages(
            "The mine sold copper, 40 tonnes. The mill bought copper at night.",
            "In tin and salt and copper the mill bought 40 tonnes.",
        ),
    )
    assert [candidate.passage.id for candidate in reading.quoted] == [1, 2]
    assert reading.note == ""


def test_differing_amounts_of_one_article_are_no_contradiction() -> None:
    reading = reader().read("Copper?", passages("We had copper, 40 tons. We had copper, 45 tons."))
    assert len(reading.quoted) == 2
    assert reading.note == ""


@pytest.mark.parametrize(
    ("question", "short"),
    [
        ("Did the mine sell copper?", ""),
        ("Did the mine sell copper or tin?", "40"),
        ("How much copper did the mine sell?", "40"),
        ("Didn't the mine sell copper?", ""),
        ("Can you tell me how much copper the mine sold?", "40"),
        ("May 2024 copper sales of the mine", "40"),
    ],
)
def test_question_for_yes_or_no_is_answered_by_the_sentence(question: str, short: str) -> None:
    reading = reader().read(question, passages("The mine sold 40 tonnes of copper."))
    assert reading.short == short
    assert len(reading.quoted) == 1


def test_passage_costs_as_much_to_read_in_a_long_article_as_in_a_short_one() -> None:
    """Of 30,000 sentences two are read; to look at all takes some hundred times as long."""
    sentence = "The mine sold much copper. "

    def least_seconds(text: str) -> float:
        article = Article("/1.md", "Metals", "", None, text, "")
        passage = Passage(1, article, 30, 80, text[30:80], 0.1, 1, 0.5, None, None)
        taken = []
        for _ in range(6):  # the first time its sentences are found
            started = time.perf_counter()
            ranking = reader().rank("Copper?", [passage])
            taken.append(time.perf_counter() - started)
            assert [row[1:] for row in ranking.sentences] == [(30, 53), (54, 80)]
        return min(taken[1:])

    assert least_seconds(sentence * 30_000) < 20 * least_seconds(sentence * 3)


def test_passage_has_the_part_of_a_sentence_that_it_cuts_and_nothing_beside_it() -> None:
    text = "The mine sold much copper. The mine sold much salt. The mine sold no tin at all."
    article = Article("/1.md", "Metals", "", None, text, "")
    sentences: dict[tuple[int, int], list[str]] = {}
    for start, end in [(26, 52), (27, 51), (5, 60), (26, 27)]:
        passage = Passage(1, article, start, end, text[start:end], 0.1, 1, 0.5, None, None)
        ranking = reader().rank("Copper?", [passage])
        sentences[start, end] = [text[a:b] for _, a, b in ranking.sentences]
        assert whole_sentences(passage) == ([(27, 51)] if end > 50 else [])
    assert sentences == {
        (26, 52): ["The mine sold much salt."],
        (27, 51): ["The mine sold much salt."],
        (5, 60): ["ine sold much copper.", "The mine sold much salt."],
        (26, 27): [],
    }
