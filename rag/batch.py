"""Many questions in a file become answers in another, line by line, in the order of the questions.

A run that was cut short goes on: the answers that are there are compared with the first questions
and kept, a line that was cut off is removed, and the rest is asked. Knows nothing of how one
question is answered.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from index.errors import QuestionError, SettingsError
from index.store import Filters
from rag.answers import Answer
from rag.assistant import Assistant
from rag.cited import CitedAnswer, cited

#: The disk is asked to keep the answers so often; what a power cut takes is asked again.
_FSYNC_SECONDS = 1.0

Outcome = Answer | QuestionError
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a line of the file asks it. `id` is the asker's, for finding the answer."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    question: str
    id: str | int | None = None
    publisher: str = ""
    since: date | None = None
    until: date | None = None


_lines: TypeAdapter[str | Asked] = TypeAdapter(str | Asked)
_asked = TypeAdapter(Asked)
_cited = TypeAdapter(CitedAnswer)


def read_questions(file: Path) -> list[Asked]:
    """A question of each line: a JSON string, or an object with the fields of Asked.

    Empty lines are left out. Raises SettingsError, naming the line that is no question.
    """
    questions = []
    try:
        # Windows' editors begin files with a byte order mark; JSON may hold other line ends.
        lines = file.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read as text in UTF-8: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            asked = _lines.validate_json(line)
        except ValidationError as error:
            raise SettingsError(
                f"{file}, line {number}: a question is a JSON string, or an object with question "
                f"and, as you like, id, publisher, since and until ({error.errors()[-1]['msg']})."
            ) from error
        questions.append(asked if isinstance(asked, Asked) else Asked(asked))
    return questions


def run(assistant: Assistant, questions: Sequence[Asked], output: Path, progress: Progress) -> int:
    """Append the answers that `output` lacks, and tell how many. A question that cannot be asked
    gets its `error`; any other error ends the run, which can be started again.

    Raises SettingsError where `output` answers other questions.
    """
    done = _kept(output, questions)
    try:
        opened = output.open("ab")
    except OSError as error:
        raise SettingsError(f"{output} cannot be written: {error.strerror}.") from error
    with opened as file, closing_pool() as pool:
        synced = time.monotonic()
        outcomes = answers(assistant, questions[done:], pool)
        for number, (asked, outcome) in enumerate(zip(questions[done:], outcomes, strict=True), 1):
            file.write(_line(asked, outcome))
            file.flush()
            if time.monotonic() - synced > _FSYNC_SECONDS:
                os.fsync(file.fileno())
                synced = time.monotonic()
            progress(done + number, len(questions), asked.question)
        os.fsync(file.fileno())
    return len(questions) - done


def answers(
    assistant: Assistant, questions: Iterable[Asked], pool: ThreadPoolExecutor
) -> Iterator[Outcome]:
    """The answers in the order of the questions; the error of one that cannot be asked."""

    def answer(asked: Asked) -> Outcome:
        filters = Filters(asked.publisher, asked.since, asked.until)
        try:
            return assistant.answer(asked.question, filters=filters)
        except QuestionError as error:
            return error

    return pool.map(answer, questions)


@contextmanager
def closing_pool() -> Iterator[ThreadPoolExecutor]:
    """A thread for each core; within, torch divides the work of each among two.

    All ways to share two busy cores took the same CPU time a question, so that what counts is that
    no core is idle: with two questions at once of two threads each 8 took 21 s, with one question
    of two threads 24 s, with two of one thread each 29 s (medians of four, in turn).
    """
    import torch

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(
        threads, "batch", initializer=torch.set_num_threads, initargs=(min(2, threads),)
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _kept(output: Path, questions: Sequence[Asked]) -> int:
    """How many answers are there; a last one that was cut off is removed."""
    try:
        content = output.read_bytes()
    except FileNotFoundError:
        if not output.absolute().parent.is_dir():
            raise SettingsError(f"There is no folder {output.absolute().parent}.") from None
        return 0
    except OSError as error:
        raise SettingsError(f"{output} cannot be read: {error.strerror}.") from error
    *lines, torn = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            there = json.loads(line)["asked"]
        except (ValueError, KeyError, TypeError):
            there = None
        if number > len(questions) or there != _plain(questions[number - 1]):
            raise _answers_another(output, number)
    if torn:
        next_one = questions[len(lines) : len(lines) + 1]
        begins = _bytes({"asked": _plain(next_one[0])})[:-1] if next_one else b""
        # Else it is somebody's file that has no line end, such as the questions themselves.
        if not begins or not (torn.startswith(begins) or begins.startswith(torn)):
            raise _answers_another(output, len(lines) + 1)
        os.truncate(output, len(content) - len(torn))
    return len(lines)


def _answers_another(output: Path, number: int) -> SettingsError:
    return SettingsError(
        f"{output}, line {number} answers another question than the file of questions has there. "
        "Name a new file."
    )


def _line(asked: Asked, outcome: Outcome) -> bytes:
    if isinstance(outcome, QuestionError):
        given = {"error": str(outcome)}
    else:
        given = _cited.dump_python(cited(outcome), mode="json")
    return _bytes({"asked": _plain(asked), **given}) + b"\n"


def _bytes(line: dict[str, Any]) -> bytes:
    # JSON may hold halves of surrogate pairs, UTF-8 may not.
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _plain(asked: Asked) -> Any:
    return _asked.dump_python(asked, mode="json", exclude_defaults=True)
