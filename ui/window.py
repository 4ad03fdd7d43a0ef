"""What the pages of one window share. Knows nothing of what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr

from rag import Assistant
from ui.gate import Gate
from ui.storage import Storage
from ui.uploads import Uploads


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
