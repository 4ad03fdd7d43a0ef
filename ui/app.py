"""The chat page: a question goes to the assistant, what comes back goes to the templates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import gradio as gr

from index.errors import QuestionError, RagError
from rag import Assistant, Filters
from ui import render
from ui.render import Turn

ANY_PUBLISHER = "Any publisher"

_SHOWN_OF_A_BAD_QUESTION = 200  # characters

#: Shown over the bundled articles. The last is one that the articles do not answer.
EXAMPLES = (
    "How much money goes into the recycled aluminium project in Pakistan?",
    "Who organised the mineral forum in Islamabad?",
    "Which goods does Kazakhstan mainly sell to China?",
    "How many member states does the SCO have?",
    "Who won the football World Cup in 1998?",
)

# A click on a number of an answer is told to the server as the event's data.
_TELL_CLICKED_CITATION = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button.cite");
  if (button) {
    trigger("click", { turn: button.dataset.turn, number: button.dataset.number });
  }
});
"""
_SHOW_NEWEST_TURN = """
new MutationObserver(() => {
  const log = element.querySelector(".conversation");
  log.scrollTop = log.scrollHeight;
}).observe(element, { childList: true, subtree: true });
"""
_SHOW_CURRENT_QUOTATION = """
new MutationObserver(() => {
  const text = element.querySelector(".text");
  const mark = element.querySelector("mark.current");
  if (mark) {
    const above = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
    text.scrollTop += above - text.clientHeight / 3;
  }
}).observe(element, { attributes: true, childList: true, subtree: true });
"""

LOOK: dict[str, Any] = {
    # Without a theme of its own the page would fetch fonts from the network.
    "theme": gr.themes.Default(
        primary_hue="teal",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ),
    "css_paths": [Path(__file__).with_name("style.css")],
}


def build(assistant: Assistant, examples: Sequence[str] = EXAMPLES) -> gr.Blocks:
    """The page over an open assistant."""
    articles = assistant.articles()
    publishers = sorted({article.publisher for article in articles} - {""})

    def ask(
        question: str | None,
        turns: list[Turn],
        publisher: str | None,
        since: str | None,
        until: str | None,
    ) -> tuple[str, list[Turn], str, str]:
        try:
            chosen = "" if publisher in (None, ANY_PUBLISHER) else publisher
            filters = Filters(chosen, _day(since), _day(until))
            answer = assistant.answer(question or "", filters=filters)
            turn = Turn(answer.question, answer)
        except RagError as error:
            shown = (question or "").encode("utf-8", "replace").decode()
            turn = Turn(shown[:_SHOWN_OF_A_BAD_QUESTION], error=str(error))
        turns = [*turns, turn]
        return "", turns, render.conversation(turns, len(articles)), render.source(turn.answer)

    def show_source(turns: list[Turn], event: gr.EventData) -> str:
        try:
            turn = turns[int(event.turn)]
            return render.source(turn.answer, int(event.number))
        except (AttributeError, IndexError, OverflowError, TypeError, ValueError):
            return render.source(None)

    def start_anew() -> tuple[list[Turn], str, str]:
        return [], render.conversation([], len(articles)), render.source(None)

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    page = gr.Blocks(title="Ask Articles", analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        turns = gr.State([])
        with gr.Row():
            gr.HTML("<h1>Ask Articles</h1>", elem_classes="masthead")
            anew = gr.Button("New conversation", size="sm", scale=0)
        with gr.Row():
            with gr.Column(scale=3):
                conversation = gr.HTML(
                    render.conversation([], len(articles)),
                    elem_id="conversation",
                    js_on_load=_TELL_CLICKED_CITATION + _SHOW_NEWEST_TURN,
                )
                question = gr.Textbox(
                    label="Question",
                    show_label=False,
                    placeholder="Ask a question",
                    autofocus=True,
                    submit_btn=True,
                    elem_id="question",
                )
                with gr.Row(elem_classes="examples"):
                    chosen = [gr.Button(example, size="sm", min_width=0) for example in examples]
                with gr.Accordion("Which articles may answer", open=False), gr.Row():
                    publisher = gr.Dropdown(
                        [ANY_PUBLISHER, *publishers], value=ANY_PUBLISHER, label="Publisher"
                    )
                    since = gr.Textbox(
                        label="Published since", placeholder="YYYY-MM-DD", max_lines=1
                    )
                    until = gr.Textbox(
                        label="Published until", placeholder="YYYY-MM-DD", max_lines=1
                    )
            with gr.Column(scale=2, min_width=320):
                source = gr.HTML(
                    render.source(None), elem_id="source", js_on_load=_SHOW_CURRENT_QUOTATION
                )
        asked = {
            "inputs": [question, turns, publisher, since, until],
            "outputs": [question, turns, conversation, source],
            **quiet,
        }
        gr.on([question.submit], ask, **asked)
        for button, example in zip(chosen, examples, strict=True):
            button.click(lambda text=example: text, None, question, queue=False, **quiet).then(
                ask, **asked
            )
        conversation.click(show_source, turns, source, queue=False, **quiet)
        anew.click(start_anew, None, [turns, conversation, source], queue=False, **quiet)
    page.queue(max_size=64, api_open=False, default_concurrency_limit=4)
    return page


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text and text.strip() else None
    except ValueError:
        raise QuestionError(f"{text!a} is no date such as 2026-01-30.") from None
