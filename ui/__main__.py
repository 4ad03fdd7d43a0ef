"""The command `python -m ui`: open the chat window over an index."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from index import cli
from index.cli import ChosenStore, IndexDir, Uri, settings_for
from index.errors import IndexMissing, SettingsError
from index.settings import Settings
from rag import Assistant

BUNDLED_ARTICLES = Path(__file__).resolve().parent.parent / "articles"

#: The gold questions about them.
BUNDLED_GOLD = BUNDLED_ARTICLES.parent / "eval" / "gold.jsonl"

#: Names under which a browser may ask: another would be a page that had its name changed to here.
_HOSTS = ["127.0.0.1", "localhost"]

#: Shown over the bundled articles. The last is one that the articles do not answer.
EXAMPLES = (
    "How much money goes into the recycled aluminium project in Pakistan?",
    "Who organised the mineral forum in Islamabad?",
    "Which goods does Kazakhstan mainly sell to China?",
    "How many member states does the SCO have?",
    "Who won the football World Cup in 1998?",
)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def serve(
    articles: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Articles to take in first. Else the index as it is."),
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Gold questions about the articles, JSON lines."),
    ] = None,
    index_dir: IndexDir = None,
    store: ChosenStore = None,
    uri: Uri = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 7860,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open the chat window, on this computer only.

    Where there is no index yet, one is made of the articles that come with this project.
    """
    if os.environ.get("GRADIO_VIBE_MODE"):
        raise SettingsError("GRADIO_VIBE_MODE lets a page change this program. Unset it first.")
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]  # they would change what is decided here
    assistant = _open(articles, index_dir, settings_for(index_dir, store, uri))
    # The model takes seconds to load: let it, while the page is opening.
    threading.Thread(target=assistant.retrieve, args=("warm up",), daemon=True).start()
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from ui.app import LOOK, build
    from ui.downloads import router
    from ui.gate import Gate
    from ui.storage import Storage
    from ui.window import Window

    try:
        settings = settings_for(index_dir, store, uri)
        bundled = any(BUNDLED_ARTICLES in Path(a.source).parents for a in assistant.articles())
        window = Window(
            assistant,
            settings,
            Gate(),
            Storage(settings.index_dir),
            folder=articles.resolve() if articles else BUNDLED_ARTICLES if bundled else None,
            examples=EXAMPLES,
            gold=gold or (BUNDLED_GOLD if bundled else None),
        )
        _, address, _ = build(window).launch(
            server_name="127.0.0.1",
            server_port=port or _free_port(),
            inbrowser=browser,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            show_error=False,
            allowed_paths=[],
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            pwa=False,
            mcp_server=False,
            max_file_size=f"{settings.max_file_megabytes}mb",
            app_kwargs={
                "middleware": [Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)],
                "routes": router(window.storage, lambda _: "", lambda _: True).routes,
            },
            **LOOK,
        )
    except OSError as error:
        raise SettingsError(
            f"Port {port} cannot be used. Choose another, or any that is free: "
            "python -m ui --port 0"
        ) from error
    cli.errors.print(f"The chat window is at {address} (Ctrl-C stops it).", markup=False)
    try:
        threading.Event().wait()
    finally:
        assistant.close()


def _open(articles: Path | None, index_dir: Path | None, settings: Settings) -> Assistant:
    """Over the index as it is, or over a folder, or over the bundled articles.

    An index of bundled articles alone is brought up to date: its making may have been interrupted.
    """
    with cli.progress_bar("Reading articles") as progress:
        if articles is not None:
            return Assistant.over(articles, index_dir, progress=progress, settings=settings)
        with suppress(IndexMissing):
            assistant = Assistant.open(settings=settings)
            if not all(BUNDLED_ARTICLES in Path(a.source).parents for a in assistant.articles()):
                return assistant
            assistant.close()
        index_dir = None if settings.store == "milvus" else settings.index_dir
        return Assistant.over(BUNDLED_ARTICLES, index_dir, progress=progress, settings=settings)


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    cli.run(app, "ui")
