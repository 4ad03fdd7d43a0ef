"""Evaluation over two tiny articles, with figures worked out by hand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.evaluate import Outcome, evaluate, places_of, short_right
from eval.gold import Evidence, GoldQuestion
from eval.report import (
    below_thresholds,
    by_split,
    figures,
    markdown,
    reliability,
    risk_coverage,
    rows_by_type,
    to_json,
)
from index.embedder import Embedder
from index.errors import SettingsError
from index.settings import Settings
from index.syncing import sync
from rag import Assistant

COPPER = "The Toquepala mine sold exactly 40 tonnes of copper in the year 1999."
SALT = "Miguel Condori has been the head of the Uyuni salt works since 2004."

QUESTIONS = (
    GoldQuestion(
        "q1", "number", "How many tonnes of copper did the Toquepala mine sell in 1999?",
        ("40 tonnes", "40"), (Evidence("copper.md", COPPER),), "test",
    ),
    GoldQuestion("q2", "off_topic", "How do I bake sourdough bread?", (), (), "test"),
    GoldQuestion(
        "q3", "who", "Who has been the head of the Uyuni salt works since 2004?",
        ("a man from Potosí",), (Evidence("salt.md", SALT),),
    ),
    GoldQuestion(
        "b", "where", "Which works does Miguel Condori head at Uyuni since 2004?",
        ("salt works",), (Evidence("copper.md", COPPER),),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny_index(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "articles").mkdir()
    (folder / "articles" / "copper.md").write_text(COPPER)
    (folder / "articles" / "salt.md").write_text(SALT)
    sync(folder / "articles", folder / "index", embedder=embedder)
    return folder / "index"


@pytest.fixture(scope="module")
def outcomes(tiny_index: Path, assistant_over: Callable[[Path], Assistant]) -> list[Outcome]:
    with assistant_over(tiny_index) as assistant:
        return evaluate(assistant, Settings(index_dir=tiny_index), QUESTIONS)


def test_every_outcome_is_judged_by_what_came_back(outcomes: list[Outcome]) -> None:
    """q1 is right. q2 is declined. q3 quotes the evidence, but the accepted answer is not in it.
    b has an accepted answer in its text, and evidence in the article that is found second."""
    assert [outcome.answer.abstained for outcome in outcomes] == [False, True, False, False]
    assert [outcome.answer_recall for outcome in outcomes] == [1, 0, 0, 1]
    assert [outcome.citation_hit for outcome in outcomes[:3]] == [1, 0, 1]
    assert [outcome.article_hit for outcome in outcomes] == [1, 0, 1, 1]
    assert [outcome.retrieval["hit@1"] for outcome in outcomes] == [1, 0, 1, 0]
    assert [outcome.retrieval["hit@5"] for outcome in outcomes] == [1, 0, 1, 1]
    assert [outcome.retrieval["MRR@10"] for outcome in outcomes] == [1, 0, 1, 0.5]
    # 1 / log2(1 + 2) for the one relevant passage in the second place
    assert outcomes[3].retrieval["nDCG@10"] == pytest.approx(0.6309, abs=1e-4)
    assert [outcome.answerable for outcome in outcomes] == [True, False, True, True]
    assert all(outcome.exact_citations == len(outcome.answer.citations) for outcome in outcomes)
    assert all(outcome.seconds > 0 for outcome in outcomes)


def test_figures_have_the_gold_set_as_their_denominator(outcomes: list[Outcome]) -> None:
    found = {name: (figure.value, figure.count) for name, figure in figures(outcomes).items()}
    assert found["hit@1"] == (pytest.approx(2 / 3), 3)
    assert found["hit@5"] == (1, 3)
    assert found["hit@1 once read"] == (pytest.approx(2 / 3), 3)
    assert found["MRR@10"] == (pytest.approx(2.5 / 3), 3)
    assert found["answer recall"] == (pytest.approx(2 / 3), 3)
    assert found["abstention precision"] == (1, 1)
    assert found["abstention recall"] == (1, 1)
    assert found["answerable declined"] == (0, 3)
    assert found["coverage"] == (0.75, 4)
    assert found["accuracy when answering"] == (pytest.approx(2 / 3), 3)
    assert found["citations exact"][0] == 1


def test_same_input_gives_the_same_figures(
    outcomes: list[Outcome], tiny_index: Path, assistant_over: Callable[[Path], Assistant]
) -> None:
    with assistant_over(tiny_index) as assistant:
        again = evaluate(assistant, Settings(index_dir=tiny_index), QUESTIONS)
    first, second = to_json(outcomes), to_json(again)
    del first["seconds"], second["seconds"]
    assert json.dumps(first) == json.dumps(second)


def test_outcomes_are_told_apart_by_split_and_type(outcomes: list[Outcome]) -> None:
    assert {name: [one.gold.id for one in part] for name, part in by_split(outcomes).items()} == {
        "dev": ["q3", "b"],
        "test": ["q1", "q2"],
        "all": ["q1", "q2", "q3", "b"],
    }
    head, number, off_topic, *_ = rows_by_type(outcomes)
    assert head[:3] == ["type", "questions", "answered"]
    assert number[:4] == ["number", "1", "1", "1.000 [1.000, 1.000] (1)"]
    assert off_topic[:4] == ["off_topic", "1", "0", "-"]
    assert "| number | 1 | 1 | 1.000 [1.000, 1.000] (1) |" in markdown(outcomes)


def test_confidence_is_held_against_what_was_right(outcomes: list[Outcome]) -> None:
    """Declining q2 was right of it, yet what it would have quoted is no answer."""
    assert [outcome.right for outcome in outcomes] == [1, 0, 0, 1]
    table = reliability(outcomes)
    assert sum(int(row[1]) for row in table[1:]) == 4
    curve = risk_coverage(outcomes)
    assert [row[0] for row in curve[1:]] == [f"{tenth / 10}" for tenth in range(1, 11)]
    assert curve[-1][2] == "0.500"  # all are answered: two of four are wrong
    assert 0 <= figures(outcomes)["calibration error"].value <= 1


@pytest.mark.parametrize(
    ("short", "expected"),
    [("40 tonnes", 1.0), ("exactly 40 tonnes of the finest ore", 1.0), ("", 0.0),
     ("it was exactly 40 tonnes of the very finest ore", 0.0), ("41 tonnes", 0.0)],
)  # fmt: skip
def test_short_answer_is_right_within_eight_words(short: str, expected: float) -> None:
    assert short_right(short, ("40 tonnes",)) == expected


def test_what_is_below_its_threshold_is_said(outcomes: list[Outcome], tmp_path: Path) -> None:
    file = tmp_path / "thresholds.json"
    assert below_thresholds(outcomes, file) == []
    file.write_text('{"all": {"hit@5": 1.0, "hit@1": 0.7}, "test": {"hit@1": 1.0}}')
    assert below_thresholds(outcomes, file) == ["hit@1 on all is 0.667, below 0.7."]


@pytest.mark.parametrize("content", ["nonsense", "[]", '{"all": {"unheard of": 1}}', '{"all": 1}'])
def test_thresholds_that_are_malformed_are_named(
    outcomes: list[Outcome], tmp_path: Path, content: str
) -> None:
    file = tmp_path / "thresholds.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match="is no file of thresholds"):
        below_thresholds(outcomes, file)


@pytest.mark.parametrize("evidence", [Evidence("copper.md", "Not there."), Evidence("tin.md", "T")])
def test_evidence_that_stands_in_no_article_is_named(
    tiny_index: Path, assistant_over: Callable[[Path], Assistant], evidence: Evidence
) -> None:
    question = GoldQuestion("q9", "who", "Who?", ("Ana",), (evidence,))
    with (
        assistant_over(tiny_index) as assistant,
        pytest.raises(SettingsError, match=f"evidence of q9 does not stand in {evidence.article}"),
    ):
        evaluate(assistant, Settings(index_dir=tiny_index), [question])


def test_evidence_is_found_in_whichever_article_of_its_name_holds_it(
    tmp_path: Path, embedder: Embedder
) -> None:
    for folder, text in (("2024", COPPER), ("2025", SALT)):
        (tmp_path / "articles" / folder).mkdir(parents=True)
        (tmp_path / "articles" / folder / "notes.md").write_text(text)
    sync(tmp_path / "articles", tmp_path / "index", embedder=embedder)
    both = (Evidence("notes.md", "40 tonnes"), Evidence("notes.md", "Miguel Condori"))
    question = GoldQuestion("q9", "who", "Who?", ("Miguel Condori",), both)
    places = places_of(Settings(index_dir=tmp_path / "index"), [question])
    assert [Path(place.source).parent.name for place in places.values()] == ["2024", "2025"]
    assert [(place.start, place.end) for place in places.values()] == [(32, 41), (0, 14)]


def test_sentences_of_a_chat_model_are_counted_where_there_is_one(outcomes: list[Outcome]) -> None:
    """Of four sentences of the one and six of the other, one and two were dropped."""
    assert "sentences verified" not in figures(outcomes)
    written = [
        dataclasses.replace(
            outcome,
            answer=dataclasses.replace(
                outcome.answer, written_by="a:b", written=wrote, dropped=dropped
            ),
        )
        for outcome, wrote, dropped in zip(outcomes, (4, 6), (1, 2), strict=False)
    ]
    verified = figures([*written, *outcomes[2:]])["sentences verified"]
    assert (verified.value, verified.count) == (0.7, 10)
    assert figures([*written, *outcomes[2:]])["written by the model"].value == 0.5
