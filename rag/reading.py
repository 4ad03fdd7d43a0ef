"""Read one text: the shortest answer that it holds, or none. Knows nothing of indexes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rag.answers import Span
from rag.calibration import Calibration
from rag.questions import clean_question

if TYPE_CHECKING:
    from rag.span import SpanReader


def read(question: str, text: str, *, abstain: bool = True) -> Span | None:
    """The answer that a text of any length holds, `text[start:end]`, or None where it holds none.

    With `abstain=False` its best span, however unlikely; None only where the text has no word.
    Reads with the model that RAG_READER names, else with the one that comes with this project.
    Raises QuestionError where there is nothing to ask, SettingsError where there is no such model.
    """
    from index.settings import load_settings

    settings = load_settings()
    question = clean_question(question, settings.max_question_characters)
    return best_span(_default_reader(settings.reader), question, text, abstain=abstain)


def best_span(reader: SpanReader, question: str, text: str, *, abstain: bool = True) -> Span | None:
    """As `read`, with any reader."""
    calibration = Calibration.load()
    best = reader.read(question, [text])[0].best(0, len(text))
    if best is None:
        return None
    start, end, score = best
    confidence = calibration.span_confidence(score)
    if abstain and confidence < calibration.span_bar:
        return None
    return Span(text[start:end], start, end, score, confidence)


@lru_cache(maxsize=1)
def _default_reader(name: str) -> SpanReader:
    from rag.span import open_span_reader

    return open_span_reader(name)
