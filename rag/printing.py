"""Answers as text for a terminal. Knows nothing of where questions come from."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from index.cli import plain
from rag.answers import Answer, Citation


def print_answer(out: Console, answer: Answer) -> None:
    """The short answer, the quotations and their sources, or where the nearest passages are."""
    if answer.understood:
        out.print(Text(f"asked as: {plain(answer.understood)}", "dim"), end="\n\n")
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
    out.print()
    print_sources(out, answer)


def print_sources(out: Console, answer: Answer) -> None:
    """The numbered articles, with the characters that are quoted."""
    out.print("Sources", style="bold")
    for citation in answer.citations:
        out.print(Text(f"[{citation.number}]", "bold cyan"), Text(_source(citation)))
        out.print(
            Text(
                f"    {plain(shortest(citation.article.source))}, "
                f"characters {citation.start} to {citation.end}",
                "dim",
            )
        )


def _source(citation: Citation) -> str:
    article = citation.article
    parts = (article.title, article.publisher, str(article.published or ""))
    return ", ".join(plain(part) for part in parts if part)


def shortest(source: str) -> Path:
    """As short as it can be: from the present folder where the article lies in it."""
    path = Path(source)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def print_trace(out: Console, answer: Answer) -> None:
    """How an answer was found: ranks, scores, confidence and times."""
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
            Text(f"{plain(passage.article.title)}: {beginning(passage.text)}"),
        )
    sentences = Table("score", "sentence", title="Sentences that the reader compared")
    for candidate in answer.considered[:10]:
        sentences.add_row(f"{candidate.score:.3f}", Text(beginning(candidate.text)))
    out.print("", passages, sentences, sep="\n")
    if answer.understood:
        out.print(
            Text(f"It leans on the turn before it, and was asked as: {plain(answer.understood)}")
        )
    if answer.written:
        out.print(
            f"{plain(answer.written_by or 'The chat model')} wrote {answer.written} sentences, of "
            f"which {answer.dropped} had no quotation to support them."
        )
    fitted = "" if answer.calibrated else ", not fitted for these models"
    out.print(f"Confidence {answer.confidence:.3f}{fitted}, {answer.margin:+.3f} from the bar.")
    stages = ", ".join(f"{stage} {1000 * time:.1f} ms" for stage, time in answer.timings.items())
    out.print(f"Time: {stages}.")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def beginning(text: str) -> str:
    """Its first 90 characters, in one line."""
    line = plain(" ".join(text.split()))
    return line if len(line) <= 90 else f"{line[:89]}…"
