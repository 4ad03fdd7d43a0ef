"""The pages of the window, put together. Knows nothing of the server around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.navbar import Navbar

from ui import articles, chat, evaluation
from ui.window import Window

LOOK: dict[str, Any] = {
    # Without a theme of its own the page would fetch fonts from the network.
    "theme": gr.themes.Default(
        primary_hue="teal",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ),
    "css_paths": [Path(__file__).with_name("style.css")],
}


def build(window: Window) -> gr.Blocks:
    """The chat at /, the articles at /articles, the evaluation at /evaluation."""
    page = gr.Blocks(title="Ask Articles", analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        Navbar(visible=False)  # each page has its own, in its masthead
        chat.build(page, window)
    with page.route("Articles", "/articles"):
        Navbar(visible=False)
        articles.build(page, window)
    with page.route("Evaluation", "/evaluation"):
        Navbar(visible=False)
        evaluation.build(page, window)
    # The gate is the line that people wait in; Gradio's own lets everybody through to it.
    page.queue(max_size=None, api_open=False, default_concurrency_limit=None)
    # But only 40 of them at a time: of 200 who asked at once nobody was refused, and 160 waited
    # without being told where. They are tasks of one event loop, not threads.
    page._queue.max_thread_count = 2000
    return page
