"""The command `python -m eval`: ask the gold questions and report how well they were answered."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from index import cli
from index.errors import SettingsError
from index.settings import Settings

HERE = Path(__file__).parent
CONVERSATIONS = HERE / "conversations.jsonl"

app = typer.Typer(
    cls=cli.default_command("run", bare=True),
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask the gold questions and report how well they were answered.",
)
# A file or a pipe gets rows in one line each.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 240)

Gold = Annotated[Path, typer.Option(metavar="FILE", help="The gold set, JSON lines.")]
Articles = Annotated[Path, typer.Option(metavar="DIR", help="The articles it is about.")]


@app.command()
def run(
    gold: Gold = HERE / "gold.jsonl",
    articles: Articles = HERE.parent / "articles",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all figures as JSON.")
    ] = None,
    markdown_file: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the tables as Markdown."),
    ] = None,
    store: cli.ChosenStore = None,
    uri: cli.Uri = "",
) -> None:
    """Evaluate; exit status 1 when below the thresholds.json beside the gold set."""
    from eval import report
    from eval.evaluate import evaluate
    from eval.gold import load_gold
    from rag import Assistant

    questions = load_gold(gold)
    for file in (json_file, markdown_file):
        if file:
            _check_folder(file)
    with (
        _index_of(articles, store, uri) as settings,
        Assistant.open(settings=settings) as assistant,
    ):
        assistant.answer(questions[0].question)  # so that no question waits for the model
        with cli.progress_bar("Asking") as progress:
            outcomes = evaluate(assistant, settings, questions, progress)
    for table in report.tables(outcomes):
        _show(table)
    if json_file:
        json_file.write_text(json.dumps(report.to_json(outcomes), indent=2) + "\n", "utf-8")
    if markdown_file:
        markdown_file.write_text(report.markdown(outcomes), "utf-8")
    short = report.below_thresholds(outcomes, gold.with_name("thresholds.json"))
    for line in short:
        out.print(line, style="red", markup=False, highlight=False)
    raise typer.Exit(1 if short else 0)


@app.command()
def read(
    data: Annotated[
        Path,
        typer.Option(
            exists=True, file_okay=False, metavar="DIR", help="Folder with dev.jsonl.gz or .jsonl."
        ),
    ],
    limit: Annotated[int, typer.Option(min=0, help="Questions of each source; 0 for all.")] = 0,
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit the confidence in a span and write it down.")
    ] = False,
) -> None:
    """Evaluate the span reader alone, on the dev questions of a folder of training data."""
    from eval import reading
    from index.settings import load_settings
    from rag.calibration import Calibration
    from rag.span import open_span_reader
    from rag.training_data import data_file, read_questions, sample

    file = data_file(data, "dev")
    if not file:
        raise SettingsError(f"{data} has neither dev.jsonl.gz nor dev.jsonl.")
    questions = read_questions(file)[1]
    reader = open_span_reader(load_settings().reader)
    with cli.progress_bar("Reading") as progress:
        found = reading.read_all(reader, sample(questions, limit), progress)
    calibration = Calibration.load()
    if fit:
        calibration = reading.fit_spans(found, calibration, reader.model.weights_hash)
        calibration.save()
    _show(reading.rows(found, calibration))


@app.command()
def records(
    gold: Annotated[Path, typer.Option(metavar="FILE", help="A gold set, JSON lines.")],
    articles: Annotated[Path, typer.Option(metavar="DIR", help="The articles it is about.")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="Written: records, JSON lines.")],
    source: Annotated[str, typer.Option(help="What the records are named by.")] = "own",
) -> None:
    """Turn a gold set into records that `python -m rag train` takes."""
    from eval.gold import load_gold
    from eval.records import records, save
    from rag import Assistant

    questions = load_gold(gold)
    _check_folder(output)
    with (
        _index_of(articles) as settings,
        Assistant.open(settings=settings) as assistant,
        cli.progress_bar("Finding passages") as progress,
    ):
        found = records(assistant, questions, source, progress)
    save(found, output)
    out.print(f"Wrote {len(found)} records of {len(questions)} questions.", highlight=False)


@app.command()
def fit(
    gold: Gold = HERE / "gold.jsonl",
    articles: Articles = HERE.parent / "articles",
    more: Annotated[
        Path,
        typer.Option(metavar="DIR", help="More articles, with their questions in questions.jsonl."),
    ] = HERE / "news" / "dev",
) -> None:
    """Fit the extractive reader on dev questions, and on nothing else, and write it down."""
    from eval.fit import fit, ranked
    from eval.gold import load_gold
    from index.embedder import Embedder
    from index.settings import load_settings
    from rag import Assistant
    from rag.calibration import CALIBRATION_FILE, Calibration
    from rag.extractive import ExtractiveReader
    from rag.span import open_span_reader

    embedder = Embedder(load_settings().embedding_model)
    spans = open_span_reader(load_settings().reader)
    reader = ExtractiveReader(embedder.encode, spans, Calibration.load())
    # What is off the topic of the one set of articles is off that of the other.
    sources = ((articles, gold), (more, more / "questions.jsonl"))
    asked = [[q for q in load_gold(file) if q.split == "dev"] for _, file in sources]
    sets, strangers = [], []
    for (folder, _), own, others in zip(sources, asked, reversed(asked), strict=True):
        with (
            _index_of(folder) as settings,
            Assistant.open(settings=settings) as assistant,
            cli.progress_bar("Asking") as progress,
        ):
            sets.append(ranked(assistant, reader, own, progress))
            off_topic = [question for question in others if question.type == "off_topic"]
            strangers += ranked(assistant, reader, off_topic, progress)
    fitted = dataclasses.replace(
        fit(sets, strangers, Calibration.load()),
        reader_hash=spans.model.weights_hash,
        embedding_hash=embedder.weights_hash,
    )
    fitted.save()
    out.print(f"Wrote {CALIBRATION_FILE}.", markup=False, highlight=False)


@app.command()
def conversations(
    talks: Annotated[
        Path, typer.Option("--conversations", metavar="FILE", help="Conversations, JSON lines.")
    ] = CONVERSATIONS,
    articles: Articles = HERE.parent / "articles",
    split: Annotated[str, typer.Option(help="Only this split: dev or test.")] = "",
    gold: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Complete questions, to see that they are left alone; by default the gold set for "
            "the conversations that come with it, else none.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Ask follow-up questions after the turns before them, and by themselves."""
    from eval import conversations
    from eval.evaluate import evaluate
    from eval.gold import load_gold
    from rag import Assistant

    chosen = [talk for talk in conversations.load_conversations(talks) if split in ("", talk.split)]
    if not chosen:
        raise SettingsError(f"{talks} has no conversations of the split {split}.")
    if gold is None and talks.resolve() == CONVERSATIONS.resolve():
        gold = HERE / "gold.jsonl"
    questions = load_gold(gold) if gold else []
    with _index_of(articles) as settings, Assistant.open(settings=settings) as assistant:
        with cli.progress_bar("Asking") as progress:
            asked = conversations.ask(assistant, settings, chosen, progress)
        _show(conversations.rows(asked))
        with cli.progress_bar("Asking complete questions") as progress:
            outcomes = evaluate(assistant, settings, questions, progress)
    alone = conversations.left_alone(outcomes) if outcomes else None
    _show(conversations.rows_of_understanding(asked, alone))


bench = typer.Typer(help="Measure how fast it is.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@bench.command("index")
def bench_index(
    chunks: Annotated[int, typer.Option(min=100, help="How many chunks.")] = 10_000,
    article_chunks: Annotated[int, typer.Option(min=1, help="Of them in each article.")] = 6,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the index in this new folder.")
    ] = None,
) -> None:
    """Build an index of made-up articles and search it, stage by stage.

    Texts are sentences of this project's articles drawn anew. Vectors are those of real chunks,
    each moved by noise: to encode takes much longer than all else; `bench encode` measures that.
    """
    from eval import bench
    from index.embedder import Embedder

    if keep and keep.exists():
        raise SettingsError(f"{keep} exists. Name a new folder.")
    material = bench.gather(_texts(), Embedder())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        index_dir = keep or Path(folder, "index")
        with cli.progress_bar("Storing") as progress:
            rows = bench.build(index_dir, material, chunks, article_chunks, progress)
        _show([["figure", f"{chunks:,} chunks"], *map(list, rows)])
        # In another process, so that its memory is its own.
        subprocess.run([sys.executable, "-m", "eval", "bench", "search", index_dir], check=True)


@bench.command("search")
def bench_search(
    index_dir: Annotated[Path, typer.Argument(metavar="DIR", help="What `bench index` kept.")],
) -> None:
    """Open an index that `bench index` kept and ask it the gold questions, without reading."""
    from eval import bench
    from eval.gold import load_gold

    rows = bench.search(index_dir, [gold.question for gold in load_gold(HERE / "gold.jsonl")])
    _show([["figure", "measured"], *map(list, rows)])


@bench.command("sync")
def bench_sync(
    articles: Annotated[int, typer.Option(min=10, help="How many articles.")] = 10_000,
    changed: Annotated[int, typer.Option(min=1, help="Of them change.")] = 10,
) -> None:
    """Sync a folder of which a few articles have changed, and one of just those few, in turn."""
    from eval import bench
    from index.embedder import Embedder

    material = bench.gather(_texts(), Embedder())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        rows = bench.change(Path(folder), material, articles, changed)
    _show([["figure", "median of 3"], *map(list, rows)])


@bench.command("encode")
def bench_encode(
    passages: Annotated[int, typer.Option(min=1, help="How many.")] = 5_000,
) -> None:
    """Encode passages as this project does and as LangChain does by default, in turn."""
    from eval import bench
    from index.embedder import Embedder

    rows = bench.encode(bench.gather(_texts(), Embedder()), passages)
    _show([["figure", f"{passages:,} passages"], *map(list, rows)])


@bench.command("batch")
def bench_batch(
    count: Annotated[int, typer.Option(min=1, max=310, help="How many gold questions.")] = 100,
) -> None:
    """Ask gold questions one by one and as `python -m rag --batch` does, in turn."""
    from eval import bench_answers
    from eval.gold import load_gold
    from rag import Assistant

    questions = [gold.question for gold in load_gold(HERE / "gold.jsonl")][:count]
    with (
        _index_of(HERE.parent / "articles") as settings,
        Assistant.open(settings=settings) as assistant,
        cli.progress_bar("Asking") as progress,
    ):
        rows = bench_answers.batch(assistant, questions, progress)
    _show([["figure", f"{count} questions"], *map(list, rows)])


def _texts() -> list[str]:
    """Of all articles that come with this project."""
    from index.loader import load

    folders = (HERE.parent / "articles", HERE / "news" / "train", HERE / "news" / "dev")
    files = sorted(file for folder in folders for file in folder.glob("*.md"))
    return [load(file, max_megabytes=1).text for file in files]


def _show(table: list[list[str]]) -> None:
    shown = Table(*table[0])
    for row in table[1:]:
        shown.add_row(*row)
    out.print(shown)


def _check_folder(file: Path) -> None:
    """Before any work whose outcome the file is to hold."""
    if not file.absolute().parent.is_dir():
        raise SettingsError(f"There is no folder {file.absolute().parent}.")


@contextmanager
def _index_of(
    articles: Path, store: cli.StoreName | None = None, uri: str = ""
) -> Iterator[Settings]:
    """An index of its own for the length of the evaluation; in Milvus the articles are left."""
    from index.syncing import sync

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        chosen = cli.settings_for(None, store or cli.StoreName.LOCAL, uri)
        settings = chosen.model_copy(update={"index_dir": Path(folder)})
        with cli.progress_bar("Reading articles") as progress:
            report = sync(articles, progress=progress, settings=settings)
        for failure in report.failed:
            cli.errors.print(f"Not taken in: {failure.source}: {failure.cause}.", markup=False)
        yield settings


if __name__ == "__main__":
    cli.run(app, "eval")
