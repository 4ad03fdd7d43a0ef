"""The span reader alone, with figures worked out by hand."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.gold import Evidence, GoldQuestion
from eval.reading import Read, figures, fit_spans, read_all, rows
from eval.records import records, save
from index.errors import SettingsError
from rag import Assistant
from rag.calibration import Calibration
from rag.span import SpanReader
from rag.training_data import GoldAnswer, Question, read_questions

CALIBRATION = dataclasses.replace(Calibration.load(), span_weight=1.0, span_bias=0.0, span_bar=0.5)
FOUND = [
    Read("a", True, 3.0, 1.0, 1.0),
    Read("a", True, 1.0, 0.0, 0.5),
    Read("a", True, -1.0, 1.0, 1.0),  # its answer is held back
    Read("b", False, -2.0, 0.0, 0.0),
    Read("b", False, 2.0, 0.0, 0.0),  # answered although there is nothing
]


def test_figures_tell_sources_and_silence_apart() -> None:
    found = {
        source: {name: (figure.value, figure.count) for name, figure in row.items()}
        for source, row in figures(FOUND, CALIBRATION).items()
    }
    assert found["a"]["EM"] == (pytest.approx(2 / 3), 3)
    assert found["a"]["F1"] == (pytest.approx(2.5 / 3), 3)
    assert found["a"]["F1 with silence"] == (0.5, 3)
    assert found["a"]["silent where there is one"] == (pytest.approx(1 / 3), 3)
    assert found["b"]["EM"] == (0.0, 0)
    assert found["b"]["F1 with silence"] == (0.5, 2)
    assert found["b"]["silent where there is none"] == (0.5, 2)
    assert found["all"]["F1 with silence"] == (0.5, 5)
    assert found["all"]["EM with silence"] == (0.4, 5)
    assert rows(FOUND, CALIBRATION)[0][:3] == ["source", "EM", "F1"]
    assert [row[0] for row in rows(FOUND, CALIBRATION)[1:]] == ["a", "b", "all"]


def test_bar_of_silence_lies_where_f1_is_best() -> None:
    found = [
        *(Read("squad1.1_train", True, score, 1.0, 1.0) for score in (4.0, 3.0, 2.0, -3.0)),
        *(Read("squad2_train_unanswerable", False, score, 0, 0) for score in (1.0, 0.0, -1.0)),
    ]
    fitted = fit_spans(found, CALIBRATION, "abc")
    # The best three questions have an answer, the next has none.
    assert fitted.span_bar == pytest.approx(fitted.span_confidence(1.5), abs=1e-4)
    assert fitted.span_weight > 0
    assert (fitted.span_hash, fitted.reader_hash) == ("abc", CALIBRATION.reader_hash)
    assert fitted.bar == CALIBRATION.bar
    with pytest.raises(SettingsError, match="all right or all wrong"):
        fit_spans(found[:3], CALIBRATION, "abc")


def test_reader_reads_the_passage_of_each_question(spans: SpanReader) -> None:
    text = "The harbour was opened in 1881."
    questions = [
        Question("When was the harbour opened?", text, (GoldAnswer("1881", 26),), "own"),
        Question("Who won the World Cup?", text, (), "own"),
    ]
    first, second = read_all(spans, questions)
    assert (first.answerable, first.exact_match, first.f1) == (True, 1.0, 1.0)
    assert (second.answerable, second.exact_match) == (False, 0.0)
    assert math.isfinite(second.score)
    assert second.score < first.score


def test_gold_questions_become_records_to_train_on(assistant: Assistant, tmp_path: Path) -> None:
    quote = (
        "About 900 people from the two countries came to the forum, among them government "
        "officials, experts on mining and representatives of business."
    )
    gold = [
        GoldQuestion(
            "a", "number", "How many people attended the mineral forum?", ("900",),
            (Evidence("pak-china-mineral-forum.md", quote),),
        ),
        GoldQuestion("b", "near_miss", "How many people attended the tourism forum?", (), ()),
        GoldQuestion("c", "who", "Who?", ("Ana",), (Evidence("other.md", "Ana."),)),
    ]  # fmt: skip
    file = tmp_path / "train.jsonl"
    save(records(assistant, gold, "news"), file)
    assert len(file.read_text().splitlines()) == 2
    _, (answered, unanswered) = read_questions(file)
    assert quote in answered.passage
    (answer,) = answered.answers
    assert answered.passage[answer.start : answer.start + 3] == "900"
    assert len(answered.negatives) == 5
    assert all("900" not in negative for negative in answered.negatives)
    assert unanswered.answers == ()
    assert unanswered.passage not in unanswered.negatives
    assert json.loads(file.read_text().splitlines()[0])["questions"][0]["source"] == "news"


def test_command_reads_dev_questions(
    python: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    record = {
        "context": "The harbour was opened in 1881.",
        "questions": [
            {
                "question": "When was the harbour opened?",
                "source": "own",
                "answers": [{"text": "1881", "start": 26}],
            }
        ],
    }
    (tmp_path / "dev.jsonl").write_text(json.dumps(record) + "\n")
    done = python("-m", "eval", "read", "--data", str(tmp_path))
    assert done.returncode == 0
    assert "1.000 [1.000, 1.000] (1)" in done.stdout
