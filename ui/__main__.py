"""The command `python -m ui`: open the chat window over an index."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import typer

from index import cli
from index.errors import IndexMissing, SettingsError
from index.settings import load_settings
from rag import Assistant

BUNDLED_ARTICLES = Path(__file__).parent.parent / "articles"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def serve(
    articles: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Articles to take in first. Else the index as it is."),
    ] = None,
    index_dir: Annotated[
        Path | None,
        typer.Option("--index", metavar="DIR", help="Folder of the index. Else RAG_INDEX_DIR."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 7860,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
) -> None:
    """Open the chat window, on this computer only.

    Where there is no index yet, one is made of the articles that come with this project.
    """
    if os.environ.get("GRADIO_VIBE_MODE"):
        raise SettingsError("GRADIO_VIBE_MODE lets a page change this program. Unset it first.")
    assistant = _open(articles, index_dir)
    # The model takes seconds to load: let it, while the page is opening.
    threading.Thread(target=assistant.retrieve, args=("warm up",), daemon=True).start()
    from ui.app import LOOK, build

    _, address, _ = build(assistant).launch(
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
        **LOOK,
    )
    cli.errors.print(f"The chat window is at {address} (Ctrl-C stops it).", markup=False)
    try:
        threading.Event().wait()
    finally:
        assistant.close()


def _open(articles: Path | None, index_dir: Path | None) -> Assistant:
    with cli.progress_bar("Reading articles") as progress:
        if articles is not None:
            return Assistant.over(articles, index_dir, progress=progress)
        try:
            return Assistant.open(index_dir)
        except IndexMissing:
            chosen = index_dir or load_settings().index_dir
            return Assistant.over(BUNDLED_ARTICLES, chosen, progress=progress)


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


if __name__ == "__main__":
    cli.run(app, "ui")
