"""What people thought of answers becomes gold questions. Pure; knows nothing of storage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.sentences import sentence_spans
from rag.conversation import Turn
from rag.squad import contains_answer
from ui.storage import Feedback


@dataclass(frozen=True, slots=True)
class Gold:
    """Gold questions as JSON lines, as `eval.gold.load_gold` takes them."""

    lines: str
    questions: int
    left_out: int  #: judged answers that say what is wrong, but not what is right, or not where


def gold_lines(judged: Sequence[tuple[Turn, Feedback]]) -> Gold:
    """A question of each answer that is right, or whose right answer was given and stands there.

    A right abstention becomes a question that the articles do not answer. A right answer that was
    given counts where it stands in a quotation or in a passage that was read: a gold question
    needs evidence.
    """
    made = [found for turn, feedback in judged if (found := _question(turn, feedback))]
    lines = "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in made)
    return Gold(lines, len(made), len(judged) - len(made))


def _question(turn: Turn, feedback: Feedback) -> dict[str, Any] | None:
    answers: list[str] = []
    evidence: list[tuple[str, str]] = []
    if not feedback.helpful:
        answers, evidence = [feedback.answer], _evidence(turn, feedback.answer)
    elif turn.quotations:
        answers = [turn.short or turn.quotations[0].quote]
        evidence = [(quotation.source, quotation.quote) for quotation in turn.quotations]
    if turn.error or (answers and not evidence):
        return None
    return {
        "id": f"feedback-{turn.id}",
        "type": "feedback",
        "question": turn.understood or turn.question,  # it stands alone
        "answers": answers,
        "evidence": [
            {"article": Path(source).name, "quote": quote}
            for source, quote in dict.fromkeys(evidence)
        ],
    }


def _evidence(turn: Turn, answer: str) -> list[tuple[str, str]]:
    """The first quotation, else the first sentence of a passage, that holds the answer."""
    for quotation in turn.quotations:
        if contains_answer(quotation.quote, [answer]):
            return [(quotation.source, quotation.quote)]
    for passage in turn.passages:
        for start, end in sentence_spans(passage.text):
            sentence = passage.text[start:end]
            if contains_answer(sentence, [answer]):
                return [(passage.source, sentence)]
    return []
