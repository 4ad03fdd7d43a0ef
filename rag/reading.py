"""Read one text: the answer that it holds, or none. Knows nothing of indexes."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.answers import Span
from rag.calibration import Calibration
from rag.questions import clean_question

if TYPE_CHECKING:
    from rag.span import SpanReader

_log = logging.getLogger(__name__)


def read(question: str, text: str, *, abstain: bool = True) -> Span | None:
    """The answer that a text of any length holds, `text[start:end]`, or None where it holds none.

    With `abstain=False` its best span, however unlikely; None only where the text has nothing to
    read. Reads with the model that RAG_READER names, else with the one of this project; is as sure
    as RAG_CAUTION says, else as scores best on questions like SQuAD 2.0's. Raises QuestionError
    where there is nothing to ask, SettingsError where there is no such model.
    """
    from index.settings import load_settings

    settings = load_settings()
    question = clean_question(question, settings.max_question_characters)
    reader, calibration = _default_reader(settings.reader)
    best = reader.best(question, text)
    if best is None:
        return None
    start, end, score = best
    confidence = calibration.span_confidence(score)
    bar = calibration.span_bar if settings.caution is None else settings.caution
    if abstain and confidence < bar:
        return None
    return Span(text[start:end], start, end, score, confidence)


@lru_cache(maxsize=1)
def _default_reader(name: str) -> tuple[SpanReader, Calibration]:
    from rag.span import open_span_reader

    reader, calibration = open_span_reader(name), Calibration.load()
    if reader.model.weights_hash != calibration.span_hash:
        _log.warning("Confidence was not fitted for %s.", reader.model.name)
    return reader, calibration
