"""What can be asked. Knows nothing of answers."""

from __future__ import annotations

import re

from index.errors import QuestionError

_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def clean_question(question: str, most_characters: int) -> str:
    """The question as one line of text. Raises QuestionError where none is left."""
    if not isinstance(question, str):
        raise QuestionError("A question is text.")
    if len(question) > most_characters:
        raise QuestionError(
            f"The question has {len(question):,} characters; at most {most_characters:,} are read "
            "(RAG_MAX_QUESTION_CHARACTERS)."
        )
    question = " ".join(_NOT_TEXT.sub(" ", question).split())
    if not question:
        raise QuestionError("The question is empty.")
    return question
