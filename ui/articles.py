"""The page where articles are tended: found, read, added and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from index.errors import ArticleError, RagError
from index.syncing import SyncReport
from ui import catalogue, render
from ui.catalogue import View, find, of_id
from ui.parts import EACH, QUIET, number, part, told
from ui.problems import said, unforeseen
from ui.render import Result
from ui.window import Window, may_edit, owner

#: How often progress is shown.
_PROGRESS_SECONDS = 0.3


class Progress:
    """How far work in another thread is."""

    def __init__(self) -> None:
        self.done = self.total = 0

    def __call__(self, done: int, total: int, name: str) -> None:
        self.done, self.total = done, total


def build(page: gr.Blocks, window: Window) -> None:
    """Fill the page that is being made."""
    shelf, uploads = window.shelf, window.uploads

    def table(view: View, request: gr.Request, *, fresh: bool = False) -> str:
        return render.articles(find(shelf.articles(fresh=fresh), view), view, may_edit(request))

    def read(view: View, request: gr.Request) -> str:
        found = of_id(shelf.articles(), view.reading) if view.reading else None
        article = window.assistant.article(found.source) if found else None
        if article is None:
            return render.article(None)
        return render.article(article, may_edit(request), uploads.owns(article.source))

    def opened(request: gr.Request) -> dict[Any, Any]:
        editor = may_edit(request)
        folder = window.about.folder.name if window.about.folder and editor else ""
        return {
            masthead: render.masthead("articles", owner(request)),
            dropped: gr.update(visible=editor),
            folder_part: render.folder(folder),
            listing: table(View(), request, fresh=True),
            reading: render.article(None),
        }

    def clicked(view: View, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        """Do what a control of the page says."""
        do = told(event)
        try:
            match do.get("do"):
                case "find":
                    view = replace(view, search=do.get("value", ""), page=1)
                case "sort" if do.get("column") in catalogue.COLUMNS:
                    again = view.column == do["column"]
                    view = replace(
                        view,
                        column=do["column"],
                        descending=again and not view.descending,
                        page=1,
                    )
                case "page":
                    view = replace(view, page=number(do.get("number")) or 1)
                case "read":
                    view = replace(view, reading=do.get("article", ""))
                    return {
                        current: view,
                        listing: table(view, request),
                        reading: read(view, request),
                    }
                case _:
                    return {current: view}
            return {current: view, listing: table(view, request)}
        except RagError as error:
            return {results: render.notice(said(error, owner(request)))}

    async def changing(
        what: str, work: Callable[[Progress], list[Result]], view: View, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        """Change the index, in turn with all others who do, and show what came of it."""
        try:
            if not may_edit(request):
                raise ArticleError("Only an editor may change the articles.")
            progress = Progress()
            async with window.changes.join(owner(request) or str(request.session_hash)) as ticket:
                async for place in ticket.waiting():
                    yield {results: render.progress(what, place=place)}
                # Who leaves the page does not stop it.
                working = asyncio.ensure_future(ticket.run(work, progress))
                while not (await asyncio.wait({working}, timeout=_PROGRESS_SECONDS))[0]:
                    yield {results: render.progress(what, progress.done, progress.total)}
                shown = render.results(working.result())
        except RagError as error:
            shown = render.notice(said(error, owner(request)))
        except Exception:
            shown = render.notice(unforeseen())
        yield {
            results: shown,
            listing: await asyncio.to_thread(table, view, request, fresh=True),
            reading: await asyncio.to_thread(read, view, request),
        }

    async def take_in(
        paths: list[str] | None, view: View, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        files = [(Path(path).name, Path(path)) for path in paths or ()]
        if not files:
            yield {dropped: gr.skip()}
            return
        yield {dropped: gr.update(value=None)}

        def work(progress: Progress) -> list[Result]:
            try:
                taken = uploads.take_in(files, progress)
                return [Result(one.name, one.outcome, one.cause) for one in taken]
            finally:
                for _, path in files:
                    path.unlink(missing_ok=True)  # the index has a copy of its own

        async for change in changing("Taking in", work, view, request):
            yield change

    async def changed(
        view: View, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[dict[Any, Any]]:
        """Do what a control says that changes the index."""
        do = told(event)
        if do.get("do") == "sync" and window.about.folder:
            folder = window.about.folder

            def work(progress: Progress) -> list[Result]:
                return _of_report(window.assistant.sync([folder], progress))

            async for change in changing(f"Taking in {folder.name}", work, view, request):
                yield change
        elif do.get("do") == "delete":

            def delete(_: Progress) -> list[Result]:
                found = of_id(shelf.articles(), do.get("article", ""))
                if found is None:
                    raise ArticleError("There is no such article; it may have been deleted.")
                uploads.remove(found.source)
                return [Result(found.title, "deleted")]

            async for change in changing("Deleting", delete, replace(view, reading=""), request):
                yield change
        else:
            yield {results: gr.skip()}

    masthead = part(render.masthead("articles"), "masthead")
    current = gr.State(View())
    with gr.Row(elem_id="shelf"):
        with gr.Column(elem_id="shelf-list"):
            finder = part(render.articles_finder(), "articles-finder")
            dropped = gr.File(
                label="Drop articles here or choose them: .md, .txt, .html, .pdf and .docx files",
                file_count="multiple",
                height=80,
                elem_id="drop",
            )
            folder_part = part("", "folder")
            results = part("", "results")
            listing = part("", "listing")
        with gr.Column(elem_id="shelf-article"):
            reading = part(render.article(None), "reading")
    parts = [masthead, current, dropped, folder_part, results, listing, reading]
    page.load(opened, None, parts, **QUIET)
    for control in (finder, listing):
        control.click(clicked, current, parts, **EACH, **QUIET)
    lasting = {**QUIET, "queue": True}
    dropped.upload(take_in, [dropped, current], parts, **lasting)
    for control in (folder_part, reading):
        control.click(changed, current, parts, **lasting)


def _of_report(report: SyncReport) -> list[Result]:
    """What a sync did, by file name; what is unchanged comes last."""
    return [
        *(Result(Path(failure.source).name, "refused", failure.cause) for failure in report.failed),
        *_results(report.added, "added"),
        *_results(report.changed, "updated"),
        *_results(report.removed, "deleted"),
        *_results(report.unchanged, "unchanged"),
    ]


def _results(sources: Sequence[str], outcome: render.Outcome) -> list[Result]:
    return [Result(Path(source).name, outcome) for source in sources]
