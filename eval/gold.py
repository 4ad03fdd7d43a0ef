"""Questions with their accepted answers and their evidence. Knows nothing of assistants."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from index.errors import SettingsError

SPLITS = ("dev", "test", "fresh")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quotation that supports an accepted answer, and the file name of its article."""

    article: str
    quote: str


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """One line of a gold set. No answers means that the articles do not say."""

    id: str
    type: str
    question: str
    answers: tuple[str, ...]  #: the preferred one first
    evidence: tuple[Evidence, ...]

    split: str = "dev"  #: one of SPLITS


def load_gold(path: Path) -> list[GoldQuestion]:
    """The questions of a JSONL file. Raises SettingsError that names the line and the cause."""
    return read_lines(path, question_of, "question")


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def read_lines(path: Path, parse: Callable[[dict[str, Any]], _N], noun: str) -> list[_N]:
    """What `parse` makes of each line of a JSONL file; `noun` says what that is.

    Raises SettingsError that names the line and the cause.
    """
    if not path.is_file():
        raise SettingsError(f"There is no gold set {path}.")
    parsed: list[_N] = []
    try:
        lines = path.read_text("utf-8-sig").split("\n")  # splitlines would cut at U+2028 as well
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as UTF-8 text ({error}).") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            parsed.append(parse(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(
                f"Line {number} of {path} is no gold {noun} ({type(error).__name__}: {error})."
            ) from error
    counts = Counter(one.id for one in parsed)
    doubles = sorted(name for name, count in counts.items() if count > 1)
    if not parsed or doubles:
        raise SettingsError(
            f"{path} has more than one {noun} named {', '.join(doubles)}."
            if doubles
            else f"{path} has no {noun}s."
        )
    return parsed


def question_of(fields: dict[str, Any]) -> GoldQuestion:
    """The question that a line has. Raises KeyError, TypeError or ValueError where it has none."""
    question = GoldQuestion(
        id=str(fields["id"]),
        type=str(fields["type"]),
        question=str(fields["question"]),
        answers=tuple(map(str, fields["answers"])),
        evidence=tuple(Evidence(part["article"], part["quote"]) for part in fields["evidence"]),
        split=str(fields.get("split") or split_of(str(fields["id"]))),
    )
    for name in ("answers", "evidence"):
        if not isinstance(fields[name], list):
            raise TypeError(f"{name} must be a list")
    if question.split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}")
    if bool(question.answers) != bool(question.evidence):
        raise ValueError("answers and evidence must both be given, or neither")
    return question


def split_of(name: str) -> str:
    """dev or test, where a question does not say: by the first byte of the SHA-256 of its id.

    So new questions move no old ones.
    """
    return "dev" if hashlib.sha256(name.encode()).digest()[0] < 128 else "test"
