"""What happens while a question is answered, as `Assistant.stream` tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.answers import Answer, Citation


@dataclass(frozen=True, slots=True)
class Stage:
    """What is being done from now on, or still; a chat model is `writing`."""

    name: Literal["searching", "reading", "writing"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the answer that is held to its quotations, without their numbers."""

    text: str
    citations: tuple[Citation, ...]  #: none where it is marked as unsupported

    def __str__(self) -> str:
        return " ".join([self.text, *(f"[{citation.number}]" for citation in self.citations)])


@dataclass(frozen=True, slots=True)
class Done:
    """The whole answer. Always last, and what counts: it may abstain after all."""

    answer: Answer


Event: TypeAlias = Stage | Sentence | Done
