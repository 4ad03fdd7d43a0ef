"""The command `python -m index`: bring an index in line with articles, and look after it."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from index import cli
from index.cli import ChosenStore, IndexDir, Uri, settings_for
from index.errors import SettingsError
from index.opening import open_store

app = typer.Typer(
    cls=cli.default_command("sync"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Bring an index in line with articles: python -m index PATH... [--index DIR].",
)
out = Console(soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("sync")
def sync_command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
    index_dir: IndexDir = None,
    chosen: ChosenStore = None,
    uri: Uri = "",
    over_ray: Annotated[
        bool, typer.Option("--ray", help="Read and encode with all that Ray finds.")
    ] = False,
    address: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Of a Ray cluster. Else this machine alone.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Take in what is new, changed or renamed under PATH, and drop what is gone from there."""
    from index.loader import SUFFIXES
    from index.syncing import encode_files, sync

    if address and not over_ray:
        raise SettingsError("--address is that of a Ray cluster; say --ray, too.")
    if over_ray:
        from index.over_ray import encode_files_over_ray

        encode_files = partial(encode_files_over_ray, address=address)
    settings = settings_for(index_dir, chosen, uri)
    with cli.progress_bar("Reading articles") as progress:
        report = sync(paths, settings=settings, progress=progress, encode_files=encode_files)
    if as_json:
        _print_json(dataclasses.asdict(report))
    else:
        for failure in report.failed:
            _say(f"Not taken in: {failure.source}: {failure.cause}.", style="yellow")
        _say(
            f"{len(report.added)} added, {len(report.changed)} changed, "
            f"{len(report.removed)} removed, {len(report.unchanged)} unchanged, "
            f"{len(report.failed)} not taken in: {settings.store_address}"
        )
        if not (report.added or report.changed or report.unchanged or report.failed):
            _say(f"There are no {', '.join(SUFFIXES)} files there.", style="yellow")
    raise typer.Exit(1 if report.failed else 0)


@app.command()
def status(
    index_dir: IndexDir = None, chosen: ChosenStore = None, uri: Uri = "", as_json: AsJson = False
) -> None:
    """Say what the index holds and what made it."""
    with open_store(settings_for(index_dir, chosen, uri)) as store:
        articles = store.articles()
        figures = {
            "index": store.address,
            "articles": len(articles),
            "chunks": sum(article.chunks for article in articles),
            "characters": sum(article.characters for article in articles),
            "made_by": sorted({article.made_by for article in articles}),
            **store.figures(),
        }
    if as_json:
        _print_json(figures)
        return
    for name, value in figures.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        _say(f"{name.replace('_', ' '):<11} {shown}")


@app.command("list")
def list_command(
    index_dir: IndexDir = None, chosen: ChosenStore = None, uri: Uri = "", as_json: AsJson = False
) -> None:
    """List the articles."""
    with open_store(settings_for(index_dir, chosen, uri)) as store:
        articles = store.articles()
    if as_json:
        _print_json([dataclasses.asdict(article) for article in articles])
        return
    table = Table("title", "publisher", "published", "characters", "source")
    for article in articles:
        cells = (
            article.title,
            article.publisher,
            article.published or "",
            f"{article.characters:,}",
            article.source,
        )
        table.add_row(*(Text(cli.plain(cell)) for cell in cells))
    out.print(table)


@app.command()
def remove(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="As `list` shows it.")],
    index_dir: IndexDir = None,
    chosen: ChosenStore = None,
    uri: Uri = "",
) -> None:
    """Remove one article from the index. Its file stays; the next sync takes it in again."""
    with open_store(settings_for(index_dir, chosen, uri)) as store, store.writing():
        known = store.hashes()
        found = next((name for name in (source, str(Path(source).resolve())) if name in known), "")
        if not found:
            raise SettingsError(f"No article came from {source}. To see all: python -m index list")
        store.remove(found)
    _say(f"Removed {found}.")


@app.command()
def rebuild(index_dir: IndexDir = None, chosen: ChosenStore = None, uri: Uri = "") -> None:
    """Split and encode anew what another model or chunker made; the files are not needed."""
    from index.syncing import rebuild

    settings = settings_for(index_dir, chosen, uri)
    with cli.progress_bar("Encoding articles") as progress:
        count = rebuild(settings=settings, progress=progress)
    _say(f"{count} articles were made anew.")


@app.command()
def verify(
    index_dir: IndexDir = None, chosen: ChosenStore = None, uri: Uri = "", as_json: AsJson = False
) -> None:
    """Check that everything in the index agrees; exit status 0 when it does, 1 when not."""
    with open_store(settings_for(index_dir, chosen, uri)) as store:
        found = store.problems()
    if as_json:
        _print_json({"agrees": not found, "problems": found})
    else:
        for problem in found:
            _say(problem, style="red")
        if not found:
            _say("Everything agrees.")
    raise typer.Exit(1 if found else 0)


def _say(line: str, style: str | None = None) -> None:
    out.print(cli.plain(line), style=style, markup=False, highlight=False)


def _print_json(value: Any) -> None:
    print(json.dumps(value, default=str, indent=2))


if __name__ == "__main__":
    cli.run(app, "index")
