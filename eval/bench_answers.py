"""How fast questions are answered: one by one, and as a file of them. Knows nothing of quality."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from eval.bench import Row
from index.errors import QuestionError
from rag import Assistant
from rag.batch import Asked, Outcome, Progress, answers, closing_pool

#: Questions that are asked the one way and then the other.
_PART = 10


def batch(assistant: Assistant, questions: Sequence[str], progress: Progress) -> list[Row]:
    """Ask in parts that alternate, so that a machine that slows down slows both.

    Each part is asked once before, so that no way profits from sentences encoded by the other.
    """
    seconds = np.zeros(2)
    same = 0
    clock = time.perf_counter
    for at in range(0, len(questions), _PART):
        part = [Asked(question) for question in questions[at : at + _PART]]
        for asked in part:
            assistant.answer(asked.question)
        started = clock()
        one_by_one = [assistant.answer(asked.question) for asked in part]
        seconds[0] += clock() - started
        with closing_pool() as pool:
            pool.submit(int).result()  # a batch starts its threads once, not every ten questions
            started = clock()
            together = list(answers(assistant, part, pool))
            seconds[1] += clock() - started
        same += sum(_places(a) == _places(b) for a, b in zip(one_by_one, together, strict=True))
        progress(at + len(part), len(questions), "")
    rates = len(questions) / seconds
    return [
        ("one by one", f"{rates[0]:.2f} answers a second"),
        ("as a batch", f"{rates[1]:.2f}"),
        ("ratio", f"{rates[1] / rates[0]:.2f}"),
        ("the same citations", f"{same} of {len(questions)}"),
    ]


def _places(outcome: Outcome) -> list[tuple[str, int, int]]:
    if isinstance(outcome, QuestionError):
        raise outcome
    return [(cited.article.source, cited.start, cited.end) for cited in outcome.citations]
