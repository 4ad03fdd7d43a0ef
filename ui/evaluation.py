"""The page Evaluation."""

from __future__ import annotations

import gradio as gr

from ui import render
from ui.parts import QUIET, part
from ui.window import Window, owner


def build(page: gr.Blocks, window: Window) -> None:
    """Fill the page that is being made."""
    masthead = part(render.masthead("evaluation"), "masthead")

    def opened(request: gr.Request) -> str:
        return render.masthead("evaluation", owner(request))

    page.load(opened, None, masthead, **QUIET)
