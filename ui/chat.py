"""The page where questions are asked: conversations, the one that is open, and its sources."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.components import Component

from index.errors import ConversationError, QuestionError, RagError, StorageError
from index.settings import Settings
from index.store import Filters
from rag.conversation import Conversation, Turn, keep
from ui import render
from ui.asking import Asking, progress, unless
from ui.parts import EACH, QUIET, number, part, told
from ui.problems import said, unforeseen
from ui.render import Pending
from ui.storage import Feedback
from ui.window import Window, owner

ANY_PUBLISHER = "Any publisher"

STOPPED = "Stopped before there was an answer."

_SHOWN_OF_A_LONG_QUESTION = 200  # characters
_INSTEAD = 3  # questions
_READY = gr.update(submit_btn="Ask", stop_btn=False)


def build(page: gr.Blocks, window: Window) -> None:
    """Fill the page that is being made."""
    storage = window.storage
    asking: dict[str, Asking] = {}  # by the id of the turn that waits for its answer

    def begin(who: str, conversation: str, turn: Turn) -> tuple[Conversation, str]:
        """Add a turn to a conversation, a new one where there is none; as it was, and looks."""
        if conversation:
            storage.add(who, conversation, turn)
        else:
            conversation = storage.begin(who, turn.question, turn)
        found = storage.conversation(who, conversation)
        before = replace(found, turns=tuple(one for one in found.turns if one.id != turn.id))
        return before, looks(who, before)

    def log(who: str, conversation: str, waiting: Collection[str] = ()) -> str:
        """The turns of a conversation but those that wait; a welcome where there is none."""
        if not conversation:
            return render.welcome(
                window.shelf.articles(),
                window.about.examples,
                storage.lasting,
                _sent_to(window.assistant.settings),
            )
        found = storage.conversation(who, conversation)
        turns = tuple(turn for turn in found.turns if turn.id not in waiting)
        return looks(who, replace(found, turns=turns))

    def looks(who: str, shown: Conversation) -> str:
        return render.conversation(
            shown, storage.feedback(who, shown.id), instead(who, shown.turns)
        )

    def instead(who: str, turns: Sequence[Turn]) -> list[str]:
        """Where the last question was declined: some that were not, of the nearest articles first.

        Every one of an owner's own was answered before, and every example is one of the articles'.
        """
        if not turns or not turns[-1].abstained:
            return []
        sources = {near.source for near in turns[-1].passages}
        found = [*storage.answered_about(who, sources, _INSTEAD), *window.about.examples]
        return [one for one in dict.fromkeys(found) if one != turns[-1].question][:_INSTEAD]

    def listing(who: str, conversation: str, search: str = "") -> str:
        return render.conversations(storage.conversations(who, search), conversation, search)

    def turn_of(who: str, conversation: str, turn: str) -> Turn | None:
        turns = storage.conversation(who, conversation).turns if conversation else ()
        return next((found for found in turns if found.id == turn), None)

    async def ask(
        question: str | tuple[str, str] | None,
        conversation: str,
        search: str,
        publisher: str | None,
        since: str | None,
        until: str | None,
        request: gr.Request,
    ) -> AsyncIterator[dict[Any, Any]]:
        """Answer a question; what has changed is shown by stages."""
        who = owner(request)
        is_example = isinstance(question, tuple)
        question = question[0] if isinstance(question, tuple) else question or ""
        question = question.encode("utf-8", "replace").decode()
        if not question.strip():
            yield {asked: gr.skip()}
            return
        is_long = len(question) > window.assistant.settings.max_question_characters
        shown = question[:_SHOWN_OF_A_LONG_QUESTION] if is_long else question
        # It is kept as stopped until it is answered: whatever happens now, it says so.
        turn = Turn(shown, error=STOPPED)
        try:
            before, look = await asyncio.to_thread(begin, who, conversation, turn)
        except ConversationError:  # deleted on another page: `show` says so
            yield await asyncio.to_thread(ended, who, conversation, search)
            return
        except StorageError as error:
            yield {pending: render.notice(str(error))}
            return
        page = asking[turn.id] = Asking(str(request.session_hash), before.id)
        begun = Pending(shown, "searching")
        try:
            yield {
                asked: gr.update(submit_btn=False, stop_btn="Stop")
                if is_example
                else gr.update(value="", submit_btn=False, stop_btn="Stop"),
                current: before.id,
                turns: look,
                pending: render.pending(begun),
            }
            chosen = "" if publisher in (None, ANY_PUBLISHER) else str(publisher)
            filters = Filters(chosen, _day(since), _day(until))
            stream = partial(
                window.assistant.stream, question, filters=filters, history=before.turns
            )
            answering = progress(window.gate, who or page.session, begun, stream)
            async for now in unless(page.stop, answering):
                if not isinstance(now, Pending):
                    turn = replace(keep(now.answer), id=turn.id, asked=turn.asked)
                elif page.shows == before.id:
                    yield {pending: render.pending(now)}
        except RagError as error:
            turn = replace(turn, error=said(error, who))
        except Exception:
            turn = replace(turn, error=unforeseen())
        finally:
            del asking[turn.id]
        yield await asyncio.to_thread(answered, who, before, turn, page, search)

    def answered(
        who: str, before: Conversation, turn: Turn, page: Asking, search: str
    ) -> dict[Any, Any]:
        """Keep the answer, and show it unless another conversation was opened meanwhile."""
        try:
            storage.answered(who, turn)
        except ConversationError:
            pass  # deleted meanwhile: `show` says so
        except StorageError as error:
            whole = replace(before, turns=(*before.turns, turn))
            return {
                asked: _READY,
                turns: render.conversation(whole, {}),
                pending: render.notice(str(error)),
            }
        if page.shows != before.id:
            return {asked: _READY, kept: listing(who, page.shows, search)}
        return ended(who, before.id, search)

    def ended(who: str, conversation: str, search: str) -> dict[Any, Any]:
        """The conversation as it is kept, ready for the next question."""
        return {asked: _READY, **show(who, conversation, search)}

    async def stopped(request: gr.Request) -> None:
        for page in asking.values():
            if page.session == request.session_hash:
                page.stop.set()

    def opened(request: gr.Request) -> dict[Any, Any]:
        """The page as its address asks for it."""
        who = owner(request)
        name = str(dict(request.query_params).get("conversation", ""))
        head = {masthead: render.masthead("chat", who)}
        try:
            publishers = {article.publisher for article in window.shelf.articles()} - {""}
            choices = gr.update(choices=[ANY_PUBLISHER, *sorted(publishers)])
            return {**head, publisher: choices, **show(who, name)}
        except RagError as error:
            return {**head, pending: render.notice(said(error, who))}

    def opens(who: str, conversation: str, search: str, request: gr.Request) -> dict[Any, Any]:
        """A conversation instead of the one that is open, which may still wait for an answer."""
        waiting = {id: page for id, page in asking.items() if page.session == request.session_hash}
        for page in waiting.values():
            page.shows = conversation
        return show(who, conversation, search, waiting)

    def show(
        who: str, conversation: str, search: str = "", waiting: Collection[str] = ()
    ) -> dict[Any, Any]:
        """A conversation with the source of its last answer."""
        last = None
        try:
            shown = log(who, conversation, waiting)
            if conversation:
                last = (storage.conversation(who, conversation).turns or (None,))[-1]
        except ConversationError as error:
            conversation, shown = "", render.notice(str(error)) + log(who, "")
        return {
            current: conversation,
            turns: shown,
            pending: "",
            kept: listing(who, conversation, search),
            source: _source(window, last, 1),
        }

    def clicked(
        conversation: str, search: str, event: gr.EventData, request: gr.Request
    ) -> dict[Any, Any]:
        """Do what a control of the page says."""
        who, do = owner(request), told(event)
        try:
            match do.get("do"):
                case "cite":
                    turn = turn_of(who, conversation, do.get("turn", ""))
                    return {source: _source(window, turn, number(do.get("number")))}
                case "passage":
                    turn = turn_of(who, conversation, do.get("turn", ""))
                    return {source: _passage(window, turn, number(do.get("number")))}
                case "why":
                    turn = turn_of(who, conversation, do.get("turn", ""))
                    return {source: render.why(turn) if turn else render.source(None)}
                case "judge":
                    judged = Feedback(
                        do.get("helpful") == "yes", do.get("reason", ""), do.get("answer", "")
                    )
                    storage.judge(who, do.get("turn", ""), judged)
                    return {turns: log(who, conversation)}
                case "example":
                    # With a name of its own, so that the same example can be asked again.
                    return {wanted: (do.get("question", ""), uuid.uuid4().hex)}
                case "open":
                    return opens(who, do.get("id", ""), search, request)
                case "find":
                    search = do.get("value", "")
                    return {searched: search, kept: listing(who, conversation, search)}
                case "rename":
                    storage.rename(who, do.get("id", ""), do.get("title", ""))
                    return {
                        kept: listing(who, conversation, search),
                        turns: log(who, conversation),
                    }
                case "delete":
                    storage.delete(who, do.get("id", ""))
                    gone = do.get("id") == conversation
                    return opens(who, "" if gone else conversation, search, request)
                case _:
                    return {asked: gr.skip()}
        except RagError as error:
            return {pending: render.notice(str(error))}

    masthead = part(render.masthead("chat"), "masthead")
    current, searched = gr.State(""), gr.State("")
    wanted = gr.State(("", ""))  # an example that was clicked
    with gr.Row(elem_id="panes"):
        with gr.Column(elem_id="left"):
            finder = part(render.finder(), "finder")
            kept = part("", "conversations")
        with gr.Column(elem_id="middle"):
            with gr.Column(elem_id="log"):
                turns = part("", "conversation")
                pending = part("", "pending")
            asked = gr.Textbox(
                label="Question",
                show_label=False,
                placeholder="Ask a question",
                autofocus=True,
                submit_btn="Ask",  # an arrow would have no name for a screen reader
                lines=1,
                max_lines=8,
                elem_id="question",
            )
            with gr.Accordion("Which articles may answer", open=False), gr.Row():
                publisher = gr.Dropdown([ANY_PUBLISHER], value=ANY_PUBLISHER, label="Publisher")
                since = gr.Textbox(label="Published since", placeholder="YYYY-MM-DD", max_lines=1)
                until = gr.Textbox(label="Published until", placeholder="YYYY-MM-DD", max_lines=1)
        with gr.Column(elem_id="right"):
            source = part(render.source(None), "source")
    parts = [masthead, current, searched, wanted, turns, pending, kept, source, asked, publisher]
    page.load(opened, None, parts, **QUIET)
    rest: list[Component] = [current, searched, publisher, since, until]
    slowly = {**QUIET, "queue": True}
    # What is sent while an answer is being made is asked after it.
    changed = [asked, current, turns, pending, kept, source]
    asked.submit(ask, [asked, *rest], changed, trigger_mode="always_last", **slowly)
    wanted.change(ask, [wanted, *rest], changed, **EACH, **slowly)
    # Gradio's own way to cancel would lose what is sent before it has come to an end.
    asked.stop(stopped, None, None, **QUIET)
    # A change of `wanted` is only noticed where the click went through the queue.
    turns.click(clicked, [current, searched], parts, **EACH, **slowly)
    for control in (finder, kept, source):
        control.click(clicked, [current, searched], parts, **EACH, **QUIET)


def _sent_to(settings: Settings) -> str:
    """Who else is told what is asked, in a few words; "" where nobody is."""
    remote = [] if settings.model.startswith("huggingface:") else [settings.model]
    remote += [urlsplit(settings.store_uri).hostname or ""] if settings.store == "milvus" else []
    return " and ".join(filter(None, remote))


def _source(window: Window, turn: Turn | None, number: int) -> str:
    """The article of a turn's quotation, as it is today."""
    quotation = next((q for q in turn.quotations if q.number == number), None) if turn else None
    if turn is None or quotation is None:
        return render.source(None)
    return render.source(turn, quotation, window.assistant.article(quotation.source))


def _passage(window: Window, turn: Turn | None, number: int) -> str:
    if turn is None or not 0 < number <= len(turn.passages):
        return render.source(None)
    passage = turn.passages[number - 1]
    return render.passage(passage, window.assistant.article(passage.source))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text and text.strip() else None
    except ValueError:
        raise QuestionError(f"{text!a} is no date such as 2026-01-30.") from None
