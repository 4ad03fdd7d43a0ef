"""The one place that turns answers into HTML. Pure; every value is escaped by its template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rag import Answer, Citation

_templates = Environment(
    loader=PackageLoader("ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_HEADING = re.compile(r"^#{1,6}[ \t]+([^\n]*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer, or with the message that says why there is none."""

    question: str
    answer: Answer | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of an article's text: quoted under a number, a heading, or neither."""

    text: str
    number: int | None = None
    heading: bool = False


def conversation(turns: Sequence[Turn], article_count: int) -> str:
    """All turns, or a welcome where there is none yet."""
    return _templates.get_template("conversation.html").render(
        turns=turns, article_count=article_count
    )


def source(answer: Answer | None, number: int = 1) -> str:
    """The article of one citation, with all of the answer's quotations from it marked."""
    cited = answer.citations if answer else ()
    current = next((citation for citation in cited if citation.number == number), None)
    beside = [c for c in cited if current and c.article == current.article]
    return _templates.get_template("source.html").render(
        current=current,
        citations=cited,
        segments=segments(current.article.text, beside) if current else [],
        file_name=Path(current.article.source).name if current else "",
    )


def segments(text: str, citations: Sequence[Citation]) -> list[Segment]:
    """`text` in stretches, in order. Of quotations that overlap the one that starts first counts.

    The stretches of one number, put together, are its quotation.
    """
    headings = {match.span(): match[1] for match in _HEADING.finditer(text)}
    edges = {0, len(text)} | {edge for c in citations for edge in (c.start, c.end)}
    edges |= {edge for span in headings for edge in span}
    found = []
    for start, end in pairwise(sorted(edges)):
        covering = [c for c in citations if c.start <= start and end <= c.end]
        if covering:
            first = min(covering, key=lambda citation: citation.start)
            found.append(Segment(text[start:end], first.number))
        elif (start, end) in headings:
            found.append(Segment(headings[start, end], heading=True))
        else:
            found.append(Segment(text[start:end]))
    return found
