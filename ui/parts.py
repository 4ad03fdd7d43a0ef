"""The parts that all pages are made of. Knows nothing of what is on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

#: What a part that changes needs to know of every event: no spinner, and no place in the API.
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}

#: Of clicks: by default Gradio drops one while it thinks that the one before is not over, and with
#: "always_last" it sends the one before again.
EACH: dict[str, Any] = {"trigger_mode": "multiple"}

_BEHAVIOUR = Path(__file__).with_name("page.js").read_text("utf-8")


def part(html: str, name: str) -> gr.HTML:
    """A part of a page that is our own HTML; a click on a control in it is its `click` event."""
    return gr.HTML(html, elem_id=name, js_on_load=_BEHAVIOUR, apply_default_css=False)


def number(text: str | None) -> int:
    """The number that a click told; 0 where it is none, or beyond what a page counts."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0


def told(event: gr.EventData) -> Mapping[str, str]:
    """What a click told, as text: `do` says what to do. Anyone can send anything."""
    data = getattr(event, "_data", None)
    if not isinstance(data, dict):
        return {}
    return {
        str(key): str(value).encode("utf-8", "replace").decode()  # lone surrogates cannot be kept
        for key, value in data.items()
        if isinstance(value, str | int)
    }
