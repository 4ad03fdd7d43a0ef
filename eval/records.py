"""Turn a gold set into records to train the reader on, with the passages that retrieval finds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from eval.gold import GoldQuestion
from rag import Assistant, Passage
from rag.extractive import titled
from rag.squad import contains_answer

#: Passages that do not answer, beside the one that does; training draws from them.
_NEGATIVES = 5


def records(
    assistant: Assistant,
    questions: Sequence[GoldQuestion],
    source: str,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[dict[str, Any]]:
    """A record as `python -m rag train` takes it for each question.

    Its context is the best passage that holds the evidence, the best of all for a question without
    an answer; its negatives are the best others that do not answer. Each is as the reader reads it,
    under its article's title. A question whose evidence was not found gives none.
    """
    found = []
    for done, gold in enumerate(questions, start=1):
        passages = assistant.retrieve(gold.question, limit=20)
        holding = [passage for passage in passages if _evidence(passage, gold) >= 0]
        others = [titled(passage) for passage in passages if passage not in holding]
        if holding or (passages and not gold.answers):
            context = holding[0] if holding else passages[0]
            text = titled(context)
            answer = gold.answers[0] if gold.answers else ""
            start = _whole(answer, text, _evidence(context, gold)) if answer else -1
            found.append(
                {
                    "context": text,
                    "questions": [
                        {
                            "question": gold.question,
                            "answers": [{"text": answer, "start": start}] if answer else [],
                            "source": source,
                            "negatives": [
                                other
                                for other in others
                                if other != text and not contains_answer(other, gold.answers)
                            ][:_NEGATIVES],
                        }
                    ],
                }
            )
        if progress:
            progress(done, len(questions), gold.id)
    return found


def save(found: Sequence[dict[str, Any]], file: Path) -> None:
    """Write records as JSON lines."""
    file.write_text("".join(json.dumps(record) + "\n" for record in found), "utf-8")


def _whole(answer: str, text: str, start: int) -> int:
    """Where the answer stands from `start` on, not within a longer word or number if it can be."""
    match = re.compile(rf"(?<![\w.,]){re.escape(answer)}(?!\w)").search(text, start)
    return match.start() if match else text.find(answer, start)


def _evidence(passage: Passage, gold: GoldQuestion) -> int:
    """Where in what is read of the passage evidence with the preferred answer begins, or -1."""
    for part in gold.evidence:
        is_there = Path(passage.article.source).name == part.article and part.quote in passage.text
        if is_there and gold.answers[0] in part.quote:
            return titled(passage).find(part.quote, -len(passage.text))
    return -1
