"""The command `python -m rag`: ask, chat, verify what was exported, or train the reader."""

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
    cls=cli.default_command("ask", flags=("chat",)),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help='Ask the articles: python -m rag "QUESTION" [--json], or python -m rag --chat. '
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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say how it was found.")] = False,
) -> None:
    """Answer with exact quotations. Exit status: 0 answered, 3 the articles do not say, 2 bad use.

    --since and --until keep articles that were published on or after, on or before that day.
    """
    filters = Filters(publisher, _day(since), _day(until))
    with Assistant.open(settings=settings_for(index_dir, store, uri)) as assistant:
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
    from index.store import open_store
    from rag.conversation import check
    from rag.export import read_export

    settings = settings_for(index_dir, store, uri)
    conversation = read_export(file, max_megabytes=settings.max_file_megabytes)
    with open_store(settings) as opened, opened.reading():
        checks = check(conversation, opened.article)
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


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


if __name__ == "__main__":
    cli.run(app, "rag")
