"""The parts that all pages are made of."""

from __future__ import annotations

import gradio as gr

from ui.parts import told


def test_what_a_click_told_is_text_that_can_be_kept() -> None:
    data = {"do": "rename", "title": "tin\ud800", "number": 2, "more": ["x"], "none": None}
    assert told(gr.EventData(None, data)) == {"do": "rename", "title": "tin?", "number": "2"}


def test_a_click_that_told_nothing_tells_nothing() -> None:
    assert told(gr.EventData(None, ["do"])) == {}
    assert told(gr.EventData(None, None)) == {}
