"""The page where the gold set is run, and where runs are looked at and compared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from eval import kept
from index.errors import RagError
from ui import render, reporting
from ui.evaluating import Evaluating
from ui.parts import EACH, QUIET, number, part, told
from ui.reporting import View
from ui.storage import Evaluation
from ui.window import Window, may_edit, owner


def build(page: gr.Blocks, window: Window) -> None:
    """Fill the page that is being made."""
    evaluating = Evaluating(window)

    def show(view: View, *, whole: bool = True) -> dict[Any, Any]:
        """What was kept of the run that is looked at; unless `whole`, its questions alone."""
        try:
            runs = window.storage.evaluations()
            run = _run(runs, view.run) or (runs[0] if runs else None)
            if run is None:
                return {current: view, report: render.no_report(), questions: ""}
            shown = kept.from_json(run.report)
            found = render.gold_questions(reporting.choose(shown, view))
            if not whole:
                return {current: view, questions: found}
            compared = reporting.compare(shown, _run(runs, view.against))
            drawn = reporting.draw(shown)
            whole_report = render.report(shown, run, runs, compared, drawn)
            return {current: view, report: whole_report, questions: found}
        except RagError as error:
            return {current: view, report: render.notice(str(error)), questions: ""}

    def state(request: gr.Request) -> str:
        now = evaluating.now
        return render.running(
            now,
            said=evaluating.said,
            has_gold=window.about.gold is not None,
            own=now is not None and now.owner == owner(request),
        )

    def opened(request: gr.Request) -> dict[Any, Any]:
        return {
            masthead: render.masthead("evaluation", owner(request)),
            running: state(request),
            feedback: judgements(request),
            **show(View()),
        }

    def judgements(request: gr.Request) -> str:
        try:
            return render.feedback(window.storage.judged() if may_edit(request) else [])
        except RagError as error:
            return render.notice(str(error))

    async def watch(view: View, request: gr.Request) -> AsyncIterator[dict[Any, Any]]:
        """How far a run is, wherever it was begun, and then what came of it."""
        if evaluating.now:
            async for _ in evaluating.watch():
                yield {running: state(request)}
            found = await asyncio.to_thread(show, replace(view, run="", page=1))
            yield {running: state(request), **found}
        else:
            yield {running: gr.skip()}

    async def start(
        view: View, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        if told(event).get("do") == "start":
            try:
                evaluating.start(owner(request))
            except RagError as error:
                yield {running: render.notice(str(error)) + state(request)}
            async for change in watch(view, request):
                yield change
        else:
            yield {running: gr.skip()}

    async def cancel(event: gr.EventData, request: gr.Request) -> None:
        if told(event).get("do") == "cancel":
            evaluating.cancel(owner(request))

    def clicked(view: View, event: gr.EventData) -> dict[Any, Any]:
        """Do what a control of the page says."""
        do = told(event)
        value = do.get("value", "")
        match do.get("do"):
            case "run":
                view = replace(view, run=value, page=1)
            case "against":
                view = replace(view, against=value)
            case "type":
                view = replace(view, type=value, page=1)
            case "verdict":
                view = replace(view, verdict=value, page=1)
            case "page":
                view = replace(view, page=number(do.get("number")) or 1)
            case _:
                return {current: view}
        return show(view, whole=do["do"] in ("run", "against"))

    masthead = part(render.masthead("evaluation"), "masthead")
    current = gr.State(View())
    with gr.Column(elem_id="evaluation"):
        running = part("", "running")
        report = part("", "report")
        questions = part("", "questions")
        feedback = part("", "feedback")
    parts = [masthead, current, running, report, questions, feedback]
    lasting = {**QUIET, "queue": True}
    page.load(opened, None, parts, **QUIET)
    page.load(watch, current, parts, **lasting)
    running.click(start, current, parts, **lasting)
    # An event of its own: one that is going on takes no second click.
    running.click(cancel, None, None, **QUIET)
    for control in (report, questions):
        control.click(clicked, current, parts, **EACH, **QUIET)


def _run(runs: Sequence[Evaluation], name: str) -> Evaluation | None:
    return next((run for run in runs if run.id == name), None)
