"""What a reader is: it turns a question and passages into what shall be quoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rag.answers import Passage, Reading


class Reader(Protocol):
    """The built-in readers and whatever else can read."""

    def read(self, question: str, passages: Sequence[Passage]) -> Reading:
        """What to quote from `passages`, or nothing where they do not support an answer."""
        ...
