"""A conversation as it is kept, exported and checked again. Knows nothing of where it is kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from index.article import Article, source_id
from index.errors import ConversationError
from rag.answers import Answer, Passage

_FORMAT = "ask-articles conversation 1"


@dataclass(frozen=True, slots=True)
class Quotation:
    """A citation with its article's name instead of its text: `text[start:end]` was `quote`."""

    number: int
    quote: str
    start: int
    end: int
    source: str
    title: str
    publisher: str
    published: date | None


@dataclass(frozen=True, slots=True)
class NearPassage:
    """A passage that was read, with how it was found. Ranks count from 1."""

    source: str
    title: str
    start: int
    end: int
    text: str
    fused_score: float
    dense_rank: int | None  #: None where that search did not return it, like the others
    dense_score: float | None  #: cosine
    keyword_rank: int | None
    keyword_score: float | None  #: BM25
    reader_score: float | None  #: of its best sentence


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with what was answered, or with `error`, which says why nothing was."""

    question: str
    understood: str = ""  #: with what it leans on in earlier turns; "" where it stands alone
    text: str = ""  #: sentences, each followed by the number of its quotation
    short: str = ""
    note: str = ""
    abstained: bool = False
    confidence: float = 0.0  #: in [0, 1]
    margin: float = 0.0  #: how far above the bar for answering
    calibrated: bool = True
    written_by: str = ""  #: the chat model, or "" where sentences are quoted as they stand
    written: int = 0  #: sentences that it wrote
    dropped: int = 0  #: of them, those that no quotation supports
    quotations: tuple[Quotation, ...] = ()
    passages: tuple[NearPassage, ...] = ()  #: best first
    timings: Mapping[str, float] = field(default_factory=dict)  #: seconds by stage
    error: str = ""
    asked: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns, in the order in which they were asked."""

    title: str
    turns: tuple[Turn, ...] = ()
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a quotation still stands in today's articles."""

    turn: Turn
    quotation: Quotation
    #: At its offsets; elsewhere in its article; no longer there; or its article is gone.
    state: Literal["exact", "moved", "stale", "gone"]
    start: int | None = None  #: where it stands today


_turns = TypeAdapter(Turn)
_conversations = TypeAdapter(Conversation)


def keep(answer: Answer) -> Turn:
    """What is kept of an answer."""
    best: dict[int, float] = {}
    for candidate in answer.considered:
        best.setdefault(candidate.passage.id, candidate.score)  # they come best first
    return Turn(
        question=answer.question,
        understood=answer.understood,
        text=answer.text,
        short=answer.short,
        note=answer.note,
        abstained=answer.abstained,
        confidence=answer.confidence,
        margin=answer.margin,
        calibrated=answer.calibrated,
        written_by=answer.written_by,
        written=answer.written,
        dropped=answer.dropped,
        quotations=tuple(
            Quotation(
                citation.number,
                citation.quote,
                citation.start,
                citation.end,
                citation.article.source,
                citation.article.title,
                citation.article.publisher,
                citation.article.published,
            )
            for citation in answer.citations
        ),
        passages=tuple(near_passage(passage, best.get(passage.id)) for passage in answer.passages),
        timings=dict(answer.timings),
    )


def near_passage(passage: Passage, reader_score: float | None = None) -> NearPassage:
    """What is kept of a passage."""
    return NearPassage(
        passage.article.source,
        passage.article.title,
        passage.start,
        passage.end,
        passage.text,
        passage.score,
        passage.dense_rank,
        passage.dense_score,
        passage.keyword_rank,
        passage.keyword_score,
        reader_score,
    )


def turn_to_json(turn: Turn) -> str:
    """One turn, to be kept; `turn_from_json` gives it back."""
    return _turns.dump_json(turn).decode()


def turn_from_json(text: str) -> Turn:
    """Raises ConversationError where `text` is no turn."""
    try:
        return _turns.validate_json(text)
    except ValidationError as error:
        raise ConversationError("A turn of this conversation cannot be read.") from error


def to_json(conversation: Conversation) -> str:
    """The whole conversation as a JSON file, which `python -m rag verify` reads."""
    plain: dict[str, Any] = _conversations.dump_python(conversation, mode="json")
    return json.dumps({"format": _FORMAT, **plain}, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Conversation:
    """Raises ConversationError where `text` is no exported conversation."""
    try:
        plain = json.loads(text)
        if not isinstance(plain, dict) or plain.pop("format", None) != _FORMAT:
            raise ConversationError("It is no conversation that was exported as JSON.")
        return _conversations.validate_python(plain, strict=False)
    except (ValueError, RecursionError) as error:
        cause = ""
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            cause = f" {'.'.join(map(str, first['loc']))}: {first['msg']}."
        raise ConversationError(f"It is no conversation that can be read.{cause}") from error


def without_paths(conversation: Conversation) -> Conversation:
    """With each source's id instead of it, which does not tell where on a computer it lies."""

    def named(turn: Turn) -> Turn:
        return replace(
            turn,
            quotations=tuple(replace(q, source=source_id(q.source)) for q in turn.quotations),
            passages=tuple(replace(p, source=source_id(p.source)) for p in turn.passages),
        )

    return replace(conversation, turns=tuple(map(named, conversation.turns)))


def check(conversation: Conversation, article: Callable[[str], Article | None]) -> list[Check]:
    """Compare each quotation with its article of today, which `article` gives for a source."""
    return [
        _checked(turn, quotation, article(quotation.source))
        for turn in conversation.turns
        for quotation in turn.quotations
    ]


def _checked(turn: Turn, quotation: Quotation, article: Article | None) -> Check:
    if article is None:
        return Check(turn, quotation, "gone")
    if quotation.quote and article.text[quotation.start : quotation.end] == quotation.quote:
        return Check(turn, quotation, "exact", quotation.start)
    start = article.text.find(quotation.quote) if quotation.quote else -1
    if start < 0:
        return Check(turn, quotation, "stale")
    return Check(turn, quotation, "moved", start)
