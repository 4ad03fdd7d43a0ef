"""The one place that turns answers into HTML. Pure; every value is escaped by its template."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from eval.kept import GOOD, Kept
from index.article import Article, source_id
from index.store import StoredArticle
from rag.conversation import Conversation, NearPassage, Quotation, Turn
from ui.catalogue import COLUMNS, Found, View
from ui.charts import HEIGHT, WIDTH
from ui.evaluating import Running
from ui.feedback import gold_lines
from ui.reporting import Charts, Comparison, Questions, tenths
from ui.storage import LISTED, Evaluation, Feedback, Listed

_HEADING = re.compile(r"^#{1,6}[ \t]+([^\n]*)$", re.MULTILINE)
_MARKER = re.compile(r"\[(\d{1,4})\]")

_PAGES = (
    ("chat", "/", "Ask"),
    ("articles", "/articles", "Articles"),
    ("evaluation", "/evaluation", "Evaluation"),
)

#: A welcome names so many articles.
_NAMED_ARTICLES = 5


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that is being answered, and how far it is."""

    question: str
    stage: Literal["waiting", "searching", "reading", "writing"]
    place: int = 0  #: in the line, while it is waiting
    said: tuple[str, ...] = ()  #: sentences that have been verified so far


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of an article's text: quoted under a number, a passage, a heading, or none."""

    text: str
    number: int | None = None
    heading: bool = False


Outcome = Literal["added", "updated", "deleted", "unchanged", "refused"]

_OUTCOMES: tuple[Outcome, ...] = ("added", "updated", "deleted", "unchanged", "refused")

#: What is shown of each type of question.
_TYPE_MEASURES = ("hit@5", "answer recall", "citation hit", "short F1", "abstention recall")

#: Of a folder with many articles so many are named.
_NAMED_RESULTS = 200


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file or article."""

    name: str
    outcome: Outcome
    cause: str = ""  #: why it was refused


def _file_name(source: str) -> str:
    return Path(source).name


def _beginning(text: str, characters: int) -> str:
    """Of a passage, without the signs that make headings."""
    plain = " ".join(_HEADING.sub(r"\1", text).split())
    return plain if len(plain) <= characters else f"{plain[:characters].rsplit(' ', 1)[0]}…"


def _kind(schema: Mapping[str, Any]) -> str:
    """A JSON schema in a few words."""
    match schema:
        case {"$ref": name}:
            return str(name).rpartition("/")[2]
        case {"anyOf": kinds}:
            return " or ".join(map(_kind, kinds))
        case {"type": "array", "items": items}:
            return f"list of {_kind(items)}"
        case {"enum": choices}:
            return " or ".join(map(repr, choices))
        case {"contentMediaType": _}:
            return "file"
        case {"type": kind, "format": form}:
            return f"{kind} ({form})"
        case {"type": kind}:
            return str(kind)
    return ""


_templates = Environment(
    loader=PackageLoader("ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters["file_name"] = _file_name
_templates.filters["source_id"] = source_id
_templates.filters["kind"] = _kind
_templates.filters["beginning"] = _beginning


def _fill(template: str, **values: Any) -> str:
    return _templates.get_template(f"{template}.html").render(**values)


def masthead(here: str, user: str = "") -> str:
    """The head of the page `here`, with the way to the others."""
    return _fill("masthead", here=here, user=user, pages=_PAGES)


def notice(text: str) -> str:
    """A message that is read out."""
    return _fill("notice", text=text)


def signin(message: str, name: str, to: str) -> str:
    """The whole page where one signs in, with what was wrong the last time; `to` comes after it."""
    return _fill("signin", message=message, name=name, to=to)


def api(described: Mapping[str, Any]) -> str:
    """The whole page that tells people what the HTTP API's OpenAPI description tells programs."""
    return _fill("api", described=described)


# Asking


def welcome(
    articles: Sequence[StoredArticle], examples: Sequence[str], lasting: bool, sent_to: str = ""
) -> str:
    """What this is, what is in it, what to ask, and who else gets to see it."""
    dates = sorted(article.published for article in articles if article.published)
    return _fill(
        "welcome",
        count=len(articles),
        titles=[article.title for article in articles[:_NAMED_ARTICLES]],
        publishers=sorted({article.publisher for article in articles} - {""}),
        first=dates[0] if dates else None,
        last=dates[-1] if dates else None,
        examples=examples,
        lasting=lasting,
        sent_to=sent_to,
    )


def finder() -> str:
    """What stands above the list of conversations."""
    return _fill("finder")


def conversations(listed: Sequence[Listed], current: str, search: str) -> str:
    """The list of conversations, `current` being the one that is open."""
    is_full = len(listed) >= LISTED
    return _fill("conversations", listed=listed, current=current, search=search, is_full=is_full)


def conversation(
    shown: Conversation, feedback: Mapping[str, Feedback], instead: Sequence[str] = ()
) -> str:
    """All turns, with what was thought of them, and what could be asked instead of the last."""
    return _fill(
        "conversation",
        conversation=shown,
        feedback=feedback,
        instead=instead,
        pieces={turn.id: pieces(turn) for turn in shown.turns},
    )


def pending(now: Pending) -> str:
    """A question that is being answered."""
    return _fill("pending", now=now)


def pieces(turn: Turn) -> list[tuple[str, Quotation | None]]:
    """An answer's text in stretches, each followed by the quotation that its marker names."""
    quotations = {quotation.number: quotation for quotation in turn.quotations}
    # What an article has in brackets is no marker.
    quoted = [
        found.span()
        for quotation in turn.quotations
        for found in re.finditer(re.escape(quotation.quote), turn.text)
    ]
    found: list[tuple[str, Quotation | None]] = []
    done = 0
    for marker in _MARKER.finditer(turn.text):
        within = any(first <= marker.start() < last for first, last in quoted)
        if int(marker[1]) in quotations and not within:
            found.append((turn.text[done : marker.start()].strip(), quotations[int(marker[1])]))
            done = marker.end()
    rest = turn.text[done:].strip()
    return [*found, (rest, None)] if rest else found


# Sources


def source(
    turn: Turn | None, current: Quotation | None = None, article: Article | None = None
) -> str:
    """The article of one quotation with all of the turn's quotations from it marked.

    Without an article, which may have been deleted, the quotation alone.
    """
    if turn is None or current is None:
        return _fill("source_empty")
    beside = [q for q in turn.quotations if q.source == current.source]
    stands = [q for q in beside if article and article.text[q.start : q.end] == q.quote]
    return _fill(
        "source",
        turn=turn,
        current=current,
        article=article,
        stale=current not in stands,
        found=next(
            (
                (rank, passage)
                for rank, passage in enumerate(turn.passages, start=1)
                if passage.source == current.source and passage.start <= current.start < passage.end
            ),
            None,
        ),
        segments=segments(article.text, stands) if article else [],
    )


def passage(near: NearPassage, article: Article | None) -> str:
    """The article of a passage that was read, with the passage marked."""
    place = Quotation(1, near.text, near.start, near.end, near.source, near.title, "", None)
    stands = article is not None and article.text[near.start : near.end] == near.text
    return _fill(
        "passage",
        near=near,
        article=article,
        stale=not stands,
        segments=segments(article.text, [place] if stands else []) if article else [],
    )


def why(turn: Turn) -> str:
    """How an answer was found: the passages with their scores, the bar, the times."""
    return _fill(
        "why",
        turn=turn,
        bar=turn.confidence - turn.margin,
        shares=[_shares(turn.passages, passage) for passage in turn.passages],
        seconds=sum(turn.timings.values()),
    )


def _shares(passages: Sequence[NearPassage], passage: NearPassage) -> dict[str, float]:
    """How long a bar is for each score of a passage: its share of the greatest, in [0, 1]."""
    names = ("reader_score", "fused_score", "dense_score", "keyword_score")
    found = {}
    for name in names:
        scores = [getattr(other, name) for other in passages]
        most = max((score for score in scores if score is not None), default=0.0)
        score = getattr(passage, name)
        found[name] = max(0.0, min(1.0, score / most)) if score is not None and most > 0 else 0.0
    return found


def segments(text: str, citations: Sequence[Quotation]) -> list[Segment]:
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


# Tending articles


def articles_finder() -> str:
    """What stands above the table of articles."""
    return _fill("articles_finder")


def folder(name: str) -> str:
    """The control that takes in what changed in the folder of this name, or "" for none."""
    return _fill("folder", name=name)


def articles(found: Found, view: View, may_edit: bool) -> str:
    """A page of the table of articles."""
    return _fill("articles", found=found, view=view, columns=COLUMNS, may_edit=may_edit)


def article(shown: Article | None, may_edit: bool = False, own_file: bool = False) -> str:
    """An article to read; `own_file` is whether its file goes when it is deleted."""
    return _fill(
        "article",
        article=shown,
        segments=segments(shown.text, []) if shown else [],
        may_edit=may_edit,
        own_file=own_file,
    )


def progress(what: str, done: int = 0, total: int = 0, place: int = 0) -> str:
    """Work that goes on, or waits in this place of a line."""
    return _fill("progress", what=what, done=done, total=total, place=place)


def results(found: Sequence[Result]) -> str:
    """What became of files, each by its own name."""
    counts = {name: sum(result.outcome == name for result in found) for name in _OUTCOMES}
    many = len(found) > _NAMED_RESULTS
    named = [result for result in found if not many or result.outcome != "unchanged"]
    return _fill(
        "results",
        counts={name: count for name, count in counts.items() if count},
        named=named[:_NAMED_RESULTS],
        left_out=len(found) - len(named[:_NAMED_RESULTS]),
    )


# Evaluating


def running(now: Running | None, *, said: str, has_gold: bool, own: bool) -> str:
    """The head of the page: a run that goes on, or how to begin one."""
    return _fill("running", now=now, said=said, has_gold=has_gold, own=own)


def no_report() -> str:
    """Where no run was kept yet."""
    return _fill("no_report")


def report(
    shown: Kept,
    run: Evaluation,
    runs: Sequence[Evaluation],
    comparison: Comparison | None,
    charts: Charts,
) -> str:
    """A run: its figures, its charts, and what changed since another."""
    return _fill(
        "report",
        shown=shown,
        run=run,
        runs=runs,
        comparison=comparison,
        charts=charts,
        type_measures=_TYPE_MEASURES,
        tenths=tenths(charts.points),
        width=WIDTH,
        height=HEIGHT,
    )


def gold_questions(found: Questions) -> str:
    """The questions of a run with their answers and evidence."""
    return _fill("gold_questions", found=found, good=GOOD)


def feedback(judged: Sequence[tuple[Turn, Feedback]]) -> str:
    """What people thought of answers, to download as gold questions."""
    return _fill("feedback", judged=len(judged), gold=gold_lines(judged))
