"""What the pages of one window share. Knows nothing of what they show."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from index.store import StoredArticle
from rag import Assistant
from ui.gate import Gate
from ui.storage import Storage
from ui.uploads import Uploads


class Shelf:
    """The list of an assistant's articles, read anew when it is asked for after some seconds.

    To read it takes 0.1 s for 10,000 articles, in which nobody is answered: too long for every
    letter that someone types into the search.
    """

    def __init__(self, assistant: Assistant, *, seconds: float = 10.0) -> None:
        self._assistant = assistant
        self._seconds = seconds
        self._lock = threading.Lock()
        self._read = float("-inf")
        self._articles: list[StoredArticle] = []

    def articles(self, *, fresh: bool = False) -> list[StoredArticle]:
        """Every article, by title; `fresh` after what changes them."""
        with self._lock:
            if fresh or time.monotonic() - self._read > self._seconds:
                self._articles = self._assistant.articles()
                self._read = time.monotonic()
            return self._articles


@dataclass(frozen=True, slots=True)
class About:
    """What is known of the articles beyond themselves."""

    folder: Path | None = None  #: that they were taken from when the window was opened
    examples: Sequence[str] = ()  #: questions to begin with
    gold: Path | None = None  #: gold questions about them


@dataclass(frozen=True, slots=True)
class Window:
    """One assistant, one line in front of it, one place where things are kept."""

    assistant: Assistant
    gate: Gate
    storage: Storage
    uploads: Uploads
    shelf: Shelf
    about: About = About()
    #: The line of those who change articles: one at a time, and questions do not wait for them.
    changes: Gate = field(default_factory=lambda: Gate(most_waiting=16, at_once=1))


def owner(request: gr.Request) -> str:
    """Whose page it is: "" where there are no accounts."""
    return request.username or ""


def may_edit(request: gr.Request) -> bool:
    """Whether this page may change articles: everyone may where there are no accounts."""
    assert request.request is not None
    return bool(request.request.scope["user"].is_editor)
