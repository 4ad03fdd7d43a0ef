"""The command `python -m eval`: ask the gold questions and report how well they were answered."""

from __future__ import annotations

import json
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

HERE = Path(__file__).parent

app = typer.Typer(
    cls=cli.default_command("run", bare=True),
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ask the gold questions and report how well they were answered.",
)
out = Console(soft_wrap=True)

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
) -> None:
    """Evaluate; exit status 1 when below the thresholds.json beside the gold set."""
    from eval import report
    from eval.evaluate import evaluate
    from eval.gold import load_gold
    from rag import Assistant

    questions = load_gold(gold)
    for file in (json_file, markdown_file):
        if file and not file.absolute().parent.is_dir():
            raise SettingsError(f"There is no folder {file.absolute().parent}.")
    with _index_of(articles) as index_dir, Assistant.open(index_dir) as assistant:
        assistant.answer(questions[0].question)  # so that no question waits for the model
        with cli.progress_bar("Asking") as progress:
            outcomes = evaluate(assistant, index_dir, questions, progress)
    for table in (report.rows(outcomes), report.rows_by_type(outcomes)):
        shown = Table(*table[0])
        for row in table[1:]:
            shown.add_row(*row)
        out.print(shown)
    if json_file:
        json_file.write_text(json.dumps(report.to_json(outcomes), indent=2) + "\n", "utf-8")
    if markdown_file:
        markdown_file.write_text(report.markdown(outcomes), "utf-8")
    short = report.below_thresholds(outcomes, gold.with_name("thresholds.json"))
    for line in short:
        out.print(line, style="red", markup=False, highlight=False)
    raise typer.Exit(1 if short else 0)


@app.command()
def fit(gold: Gold = HERE / "gold.jsonl", articles: Articles = HERE.parent / "articles") -> None:
    """Fit the extractive reader on the gold set's dev split and write its calibration."""
    from eval.fit import fit, save, untrained
    from eval.gold import load_gold
    from index.embedder import Embedder
    from index.settings import load_settings
    from rag import Assistant
    from rag.extractive import CALIBRATION_FILE, ExtractiveReader
    from rag.span import SpanReader

    if not CALIBRATION_FILE.is_file():
        save(untrained(), CALIBRATION_FILE)
    embedder = Embedder(load_settings().embedding_model)
    reader = ExtractiveReader(
        embedder.encode_few, SpanReader(Embedder()), untrained(), most_sentences=3
    )
    with _index_of(articles) as index_dir, Assistant.open(index_dir) as assistant:
        calibration = fit(assistant, reader, load_gold(gold))
    save(calibration, CALIBRATION_FILE)
    out.print(f"Wrote {CALIBRATION_FILE}.", markup=False, highlight=False)


@contextmanager
def _index_of(articles: Path) -> Iterator[Path]:
    """An index of its own for the length of the evaluation."""
    from index.syncing import sync

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with cli.progress_bar("Reading articles") as progress:
            report = sync(articles, folder, progress=progress)
        for failure in report.failed:
            cli.errors.print(f"Not taken in: {failure.source}: {failure.cause}.", markup=False)
        yield Path(folder)


if __name__ == "__main__":
    cli.run(app, "eval")
