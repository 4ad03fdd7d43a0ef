"""The command `python -m rag`: ask one question or many, chat, verify, serve MCP, or train."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from index import cli
from index.cli import ChosenStore, IndexDir, Uri, plain, settings_for
from index.store import Filters
from rag.assistant import Assistant
from rag.printing import beginning, print_answer, print_trace, shortest

ABSTAINED = 3
NOT_AS_IT_WAS = 1

app = typer.Typer(
    cls=cli.default_command("ask", flags=("batch", "chat")),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help='Ask the articles: python -m rag "QUESTION" [--json], python -m rag --chat, '
    "or --batch FILE --output FILE. "
    "Its options: python -m rag ask --help.",
)
out = Console(soft_wrap=True, highlight=False)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD")]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In quotation marks.")],
    index_dir: IndexDir = None,
    store: ChosenStore = None,
    uri: Uri = "",
    publisher: Annotated[str, typer.Option(help="Only articles by this publisher.")] = "",
    since: Day = None,
    until: Day = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Passages to read.")] = 8,
    model: Annotated[
        str, typer.Option(metavar="PROVIDER:NAME", help="Chat model that writes. Else RAG_MODEL.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say how it was found.")] = False,
) -> None:
    """Answer with exact quotations. Exit status: 0 answered, 3 the articles do not say, 2 bad use.

    --since and --until keep articles that were published on or after, on or before that day.
    """
    filters = Filters(publisher, _day(since), _day(until))
    settings = settings_for(index_dir, store, uri)
    settings = settings.model_copy(update={"model": model or settings.model})
    with Assistant.open(settings=settings) as assistant:
        answer = assistant.answer(question, limit=limit, filters=filters)
    if as_json:
        print(json.dumps(answer.to_dict(), indent=2))
    else:
        print_answer(out, answer)
        if explain:
            print_trace(out, answer)
    raise typer.Exit(ABSTAINED if answer.abstained else 0)


@app.command()
def chat(index_dir: IndexDir = None, store: ChosenStore = None, uri: Uri = "") -> None:
    """Ask one question after another; /help says what else can be typed."""
    from rag import shell

    with Assistant.open(settings=settings_for(index_dir, store, uri)) as assistant:
        shell.chat(assistant, out)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export, .json or .md.")],
    index_dir: IndexDir = None,
    store: ChosenStore = None,
    uri: Uri = "",
) -> None:
    """Compare an exported conversation's quotations with today's articles.

    Exit status: 0 where all stand there, at their place or another; 1 where one does not; 2 bad
    use.
    """
    from index.article import source_id
    from index.opening import open_store
    from rag.conversation import check
    from rag.export import read_export

    settings = settings_for(index_dir, store, uri)
    conversation = read_export(file, max_megabytes=settings.max_file_megabytes)
    with open_store(settings) as opened, opened.reading():
        # An export of a server with accounts names articles by their ids.
        sources = {source_id(stored.source): stored.source for stored in opened.articles()}
        checks = check(conversation, lambda name: opened.article(sources.get(name, name)))
    for one in checks:
        colour = "green" if one.state in ("exact", "moved") else "bold red"
        source = plain(shortest(one.quotation.source))
        out.print(
            Text(f"{one.state:<5}", colour),
            Text(f"[{one.quotation.number}]", "bold cyan"),
            Text(f"{beginning(one.quotation.quote)} ({source})"),
        )
    lost = sum(one.state in ("stale", "gone") for one in checks)
    _say(f"{len(checks)} quotations, {lost} of them no longer in the articles.")
    raise typer.Exit(NOT_AS_IT_WAS if lost else 0)


@app.command()
def batch(
    questions: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Questions, JSON lines."),
    ],
    output: Annotated[
        Path, typer.Option(dir_okay=False, metavar="FILE", help="Where answers are appended.")
    ],
    index_dir: IndexDir = None,
    store: ChosenStore = None,
    uri: Uri = "",
) -> None:
    """Answer every question of a file, on all cores; go on where an earlier run was cut short.

    A line is a question as a JSON string, or an object with question and, as you like, id,
    publisher, since and until. The output has a line for each, in the same order.
    """
    from rag import batch

    asked = batch.read_questions(questions)
    with (
        Assistant.open(settings=settings_for(index_dir, store, uri)) as assistant,
        cli.progress_bar("Asking") as progress,
    ):
        answered = batch.run(assistant, asked, output, progress)
    _tell(f"Answered {answered} of {len(asked)} questions; the others were answered before.")


@app.command()
def mcp(
    index_dir: IndexDir = None,
    store: ChosenStore = None,
    uri: Uri = "",
    http: Annotated[
        bool, typer.Option("--http", help="Over HTTP on this computer, not standard input.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For --http; 0 takes any.")] = 8765,
) -> None:
    """Serve the Model Context Protocol: a chat model's program may ask, search and read."""
    from rag import mcp_server

    with Assistant.open(settings=settings_for(index_dir, store, uri)) as assistant:
        if http:
            mcp_server.serve_http(assistant, port, lambda address: _tell(f"Serving {address}"))
        else:
            mcp_server.serve_stdio(assistant)


@app.command()
def train(
    data: Annotated[
        Path,
        typer.Option(
            exists=True,
            file_okay=False,
            metavar="DIR",
            help="Folder with train.jsonl.gz or train.jsonl, and dev likewise.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            file_okay=False, metavar="DIR", help="Folder for checkpoint, reader and record."
        ),
    ],
    start: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="Weights to start from, as reader.safetensors; else the embedding model's.",
        ),
    ] = None,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of each source's questions.")
    ] = 1.0,
    rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 3e-4,
    seed: Annotated[int, typer.Option(help="Decides the data's order and the first weights.")] = 1,
    frozen_layers: Annotated[int, typer.Option(min=0, help="Lowest layers left as they are.")] = 0,
) -> None:
    """Train the span reader; started again, it goes on from its last checkpoint.

    MODEL.md says what the data looks like, so that you can train on your own.
    """
    from index.embedder import Embedder
    from rag.train import train
    from rag.training_data import Recipe

    recipe = Recipe(seed=seed, share=share, rate=rate, frozen_layers=frozen_layers)
    train(data, output, embedder=Embedder(), recipe=recipe, say=_say, start=start)
    _say(f"The reader is in {output}.")


def _say(line: str) -> None:
    out.print(plain(line), markup=False)


def _tell(line: str) -> None:
    """Say it where it is not taken for what a command gives."""
    cli.errors.print(line, markup=False, highlight=False)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


if __name__ == "__main__":
    cli.run(app, "rag")
