"""What a reader is: it turns a question and passages into what shall be quoted."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol, TypeAlias

from rag.answers import Line, Passage, Reading
from rag.events import Stage

Part: TypeAlias = Stage | Line | Reading


class Reader(Protocol):
    """The extractive reader and the chat reader."""

    def read(self, question: str, passages: Sequence[Passage]) -> Reading:
        """What to quote from `passages`, or nothing where they do not support an answer.

        Computes on this machine. Threads may share it.
        """
        ...

    def write(self, question: str, reading: Reading) -> Generator[Part, None, None]:
        """The lines of the answer to what was read, as they come, and last what counts as read.

        May wait for a network; closing the generator ends that. Threads may share it.
        """
        ...
