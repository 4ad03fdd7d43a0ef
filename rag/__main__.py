"""The command `python -m rag`: ask a question, or train the reader that answers it."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from index import cli
from index.cli import ChosenStore, IndexDir, Uri, plain, settings_for
from index.store import Filters
from rag.answers import Answer, Citation
from rag.assistant import Assistant

ABSTAINED = 3

app = typer.Typer(
    cls=cli.default_command("ask"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help='Ask the articles: python -m rag "QUESTION" [--json]. '
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
        _print_answer(answer)
        if explain:
            _explain(answer)
    raise typer.Exit(ABSTAINED if answer.abstained else 0)


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


def _print_answer(answer: Answer) -> None:
    if answer.abstained:
        out.print(Text(answer.text, "bold yellow"))
        if answer.note:
            out.print(Text(plain(answer.note), "bold yellow"))
        if answer.passages:
            out.print("\nThe nearest passages are in:")
        for title in dict.fromkeys(passage.article.title for passage in answer.passages):
            out.print(Text(f"  {plain(title)}", "dim"))
        return
    if answer.short:
        out.print(Text(plain(answer.short), "bold green"), end="\n\n")
    if answer.note:
        out.print(Text(plain(answer.note), "bold yellow"), end="\n\n")
    if answer.written_by:
        out.print(Text(plain(answer.text)))
    for citation in () if answer.written_by else answer.citations:
        out.print(Text(plain(citation.quote)), Text(f"[{citation.number}]", "bold cyan"))
    out.print("\nSources", style="bold")
    for citation in answer.citations:
        out.print(Text(f"[{citation.number}]", "bold cyan"), Text(_source(citation)))
        out.print(
            Text(
                f"    {plain(_path(citation.article.source))}, "
                f"characters {citation.start} to {citation.end}",
                "dim",
            )
        )


def _source(citation: Citation) -> str:
    article = citation.article
    parts = (article.title, article.publisher, str(article.published or ""))
    return ", ".join(plain(part) for part in parts if part)


def _path(source: str) -> Path:
    """As short as it can be: from the present folder where the article lies in it."""
    path = Path(source)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _explain(answer: Answer) -> None:
    passages = Table(
        "read", "fused", "dense", "cosine", "keyword", "BM25", "passage", title="Passages"
    )
    for rank, passage in enumerate(answer.passages, start=1):
        passages.add_row(
            str(rank),
            str(1 + sum(other.score > passage.score for other in answer.passages)),
            _number(passage.dense_rank, "d"),
            _number(passage.dense_score, ".3f"),
            _number(passage.keyword_rank, "d"),
            _number(passage.keyword_score, ".2f"),
            Text(f"{plain(passage.article.title)}: {_beginning(passage.text)}"),
        )
    sentences = Table("score", "sentence", title="Sentences that the reader compared")
    for candidate in answer.considered[:10]:
        sentences.add_row(f"{candidate.score:.3f}", Text(_beginning(candidate.text)))
    out.print("", passages, sentences, sep="\n")
    if answer.written_by:
        out.print(
            f"{plain(answer.written_by)} wrote {answer.written} sentences, of which "
            f"{answer.dropped} had no quotation to support them."
        )
    fitted = "" if answer.calibrated else ", not fitted for these models"
    out.print(f"Confidence {answer.confidence:.3f}{fitted}, {answer.margin:+.3f} from the bar.")
    stages = ", ".join(f"{stage} {1000 * time:.1f} ms" for stage, time in answer.timings.items())
    out.print(f"Time: {stages}.")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _beginning(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= 90 else f"{line[:89]}…"


if __name__ == "__main__":
    cli.run(app, "rag")
