"""Reading one text, with our own reader and with one in Hugging Face's format."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from transformers import BertConfig, BertForQuestionAnswering

from index.embedder import Embedder
from index.errors import QuestionError, SettingsError
from index.settings import Settings
from rag import Assistant, read
from rag.calibration import Calibration
from rag.span import (
    ANSWER_TOKENS,
    LENGTH_COST,
    WEIGHTS_FILE,
    SpanReader,
    TokenScores,
    load_weights,
    open_span_reader,
    with_sign,
)

TEXT = "The harbour of Port Ellen was opened in 1881. Ana Quispe has led it since 2019."
FILLER = "The weather was fine and nothing much happened in the town that day. "


@pytest.fixture(scope="module")
def hugging_face(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    """Our own reader as a folder that transformers reads."""
    folder = tmp_path_factory.mktemp("hugging-face")
    model = BertForQuestionAnswering(BertConfig.from_pretrained(embedder.folder))
    own = load_weights(WEIGHTS_FILE)
    state = {f"bert.{k}": v for k, v in {**embedder.bert_weights, **own}.items()}
    state |= {"qa_outputs.weight": own["head.weight"], "qa_outputs.bias": own["head.bias"]}
    model.load_state_dict({name: state[name].float() for name in model.state_dict()})
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(embedder.folder / name, folder)
    return folder


def test_answer_stands_in_the_text() -> None:
    span = read("When was the harbour of Port Ellen opened?", TEXT)
    assert span is not None
    assert span.text == "1881"
    assert TEXT[span.start : span.end] == span.text
    assert 0.5 < span.confidence <= 1


def test_silence_where_the_text_does_not_say() -> None:
    assert read("Which team won the football World Cup in 1998?", FILLER) is None
    forced = read("Which team won the football World Cup in 1998?", FILLER, abstain=False)
    assert forced is not None
    assert forced.confidence < 0.5


def test_answer_is_found_far_into_a_long_text() -> None:
    text = FILLER * 120 + TEXT + FILLER * 120  # some 3,500 tokens
    span = read("When was the harbour of Port Ellen opened?", text, abstain=False)
    assert span is not None
    assert span.text == "1881"
    assert span.start == text.index("1881")


@pytest.mark.parametrize("text", ["", " \n", "\u200b"])
def test_text_without_a_word_has_no_span(text: str) -> None:
    assert read("Who?", text, abstain=False) is None


def test_question_that_asks_nothing_is_refused() -> None:
    with pytest.raises(QuestionError, match="empty"):
        read(" \n", TEXT)


@profile(max_examples=40)
@given(
    question=st.text(min_size=1, max_size=60),
    text=st.text(st.characters(exclude_categories=()), max_size=300),
)
def test_span_of_any_text_begins_and_ends_with_a_word(
    spans: SpanReader, question: str, text: str
) -> None:
    best = spans.best(question, text)
    if best is not None:
        start, end, score = best
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        assert len(spans.model.tokens(text[start:end].encode("utf-8", "replace").decode())[0]) <= 40
        assert math.isfinite(score)


def test_best_span_is_that_of_all_pairs(spans: SpanReader) -> None:
    (scores,) = spans.read("When was the harbour opened?", [FILLER + TEXT])
    pairs = {
        (first, last): float(
            scores.starts[first] + scores.ends[last] - LENGTH_COST * (last - first)
        )
        for first in range(len(scores.starts))
        for last in range(first, min(first + ANSWER_TOKENS, len(scores.ends)))
    }
    first, last = max(pairs, key=lambda pair: pairs[pair])
    assert scores.best(0, len(FILLER + TEXT)) == (
        scores.characters[first, 0],
        scores.characters[last, 1],
        pytest.approx(pairs[first, last]),
    )


def test_longer_span_must_be_worth_its_length() -> None:
    characters = np.array([(0, 2), (3, 7), (8, 15)])  # "38 less, in May"
    starts = np.array([5.0, 0.0, 0.0], np.float32)
    for gain, length in (2.5 * LENGTH_COST, 15), (1.5 * LENGTH_COST, 2):
        ends = np.array([1.0, 0.0, 1.0 + gain], np.float32)
        best = TokenScores(characters, starts, ends).best(0, 15)
        assert best is not None
        assert best[:2] == (0, length)


def test_reader_of_hugging_face_scores_alike(hugging_face: Path, spans: SpanReader) -> None:
    other = open_span_reader(str(hugging_face))
    texts = [TEXT, FILLER * 40, "", "Ünïcode 東京 is blue."]
    for mine, theirs in zip(
        spans.read("Who leads Port Ellen?", texts), other.read("Who leads Port Ellen?", texts),
        strict=True,
    ):  # fmt: skip
        assert (mine.characters == theirs.characters).all()
        np.testing.assert_allclose(mine.starts, theirs.starts, atol=0.6)  # in bfloat16
        np.testing.assert_allclose(mine.ends, theirs.ends, atol=0.6)


def test_reader_is_chosen_by_a_setting(
    hugging_face: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RAG_READER", str(hugging_face))
    span = read("When was the harbour of Port Ellen opened?", TEXT)
    assert span is not None
    assert span.text == "1881"
    assert f"Confidence was not fitted for {hugging_face}." in caplog.text


def test_caution_makes_read_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_CAUTION", "1")
    assert read("When was the harbour of Port Ellen opened?", TEXT) is None
    monkeypatch.setenv("RAG_CAUTION", "0")
    assert read("Which team won the football World Cup in 1998?", FILLER) is not None


def test_weights_that_were_trained_here_are_read_from_their_file(
    tmp_path: Path, embedder: Embedder
) -> None:
    file = tmp_path / "own.safetensors"
    shutil.copy(WEIGHTS_FILE, file)
    reader = open_span_reader(str(file), embedder)
    assert reader.model.name == str(file)
    assert reader.model.weights_hash == Calibration.load().reader_hash
    assert reader.read("Who?", [TEXT])[0].best(0, len(TEXT)) is not None


def test_other_reader_answers_and_says_that_its_confidence_was_not_fitted(
    hugging_face: Path, bundled_index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = Settings(reader=str(hugging_face))
    with (
        caplog.at_level(logging.WARNING, "rag"),
        Assistant.open(bundled_index, settings=options) as assistant,
    ):
        answer = assistant.answer("How many people attended the mineral forum?")
    assert "900" in answer.text
    assert not answer.calibrated
    assert "Confidence was not fitted" in caplog.text


def test_own_reader_is_the_one_that_confidence_was_fitted_for(
    bundled_index: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Assistant.open(bundled_index) as assistant:
        assert assistant.answer("How many people attended the mineral forum?").calibrated
    assert caplog.text == ""


def test_reader_that_is_none_is_named(
    tmp_path: Path, hugging_face: Path, embedder: Embedder, write: Callable[[str, str], Path]
) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    with pytest.raises(SettingsError, match="has no safetensors weights"):
        open_span_reader(str(folder))
    (folder / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(SettingsError, match=r"has none of tokenizer\.json"):
        open_span_reader(str(folder))
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(hugging_face / name, folder)
    with pytest.raises(SettingsError, match="cannot be loaded"):
        open_span_reader(str(folder))
    with pytest.raises(SettingsError, match="was not trained to find answers"):
        open_span_reader(str(embedder.folder))
    file = write("weights.safetensors", "nonsense")
    with pytest.raises(SettingsError, match=r"weights\.safetensors cannot be read"):
        open_span_reader(str(file))


def test_caution_decides_when_it_answers(bundled_index: Path) -> None:
    question = "How many people attended the mineral forum?"
    with Assistant.open(bundled_index, settings=Settings(caution=1.0)) as assistant:
        assert assistant.answer(question).abstained
    with Assistant.open(bundled_index, settings=Settings(caution=0.0)) as assistant:
        assert not assistant.answer("Who won the football World Cup in 1998?").abstained


@pytest.mark.parametrize(
    ("text", "found", "whole"),
    [
        ("A loss of -$12 million.", "$12", "-$12 million."),
        ("It was \u221212.5 degrees.", "12.5", "\u221212.5 degrees."),
        ("It was sold for HK$5.5 billion.", "$5.5", "HK$5.5 billion."),
        ("-7%", "7", "-7%"),
        ("It took 3-5 days.", "5", "5 days."),
        ("A pre-2020 ship.", "2020", "2020 ship."),
        ("Of COVID-19.", "19", "19."),
    ],
)
def test_sign_of_an_amount_belongs_to_it(text: str, found: str, whole: str) -> None:
    assert text[with_sign(text, text.index(found)) :] == whole


def test_negative_amount_is_read_with_its_sign() -> None:
    for amount in ("-$12 million", "-12.5 percent", "A$14 million"):
        text = f"The net result of Norvik Shipping in the year before was {amount}, the board said."
        span = read("What was the net result of Norvik Shipping?", text, abstain=False)
        assert span is not None
        assert (span.text, text[span.start : span.end]) == (amount, amount)
