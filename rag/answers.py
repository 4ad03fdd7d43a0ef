"""The values that a question turns into. Knows nothing of how they are found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from index.article import Article

#: What is said when the articles do not say.
ABSTENTION = "The articles do not say."


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was retrieved: `article.text[start:end] == text`. Ranks count from 1."""

    id: int
    article: Article
    start: int
    end: int
    text: str
    score: float  #: of the fusion
    dense_rank: int | None  #: None where that search did not return it
    dense_score: float | None  #: cosine
    keyword_rank: int | None
    keyword_score: float | None  #: BM25


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch `[start, end)` of a text that answers a question."""

    text: str
    start: int
    end: int
    score: float  #: how much more it looks like the answer than no answer does
    confidence: float  #: in [0, 1]; the chance that it is right


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that the reader considered, with the passage that it stands in."""

    passage: Passage
    start: int  #: in the article's text, like `end`
    end: int
    score: float
    short: str = ""  #: the best span in it
    span_score: float = -math.inf  #: of that; above 0 where it rather answers than not

    @property
    def text(self) -> str:
        return self.passage.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of the passages. Nothing quoted means that it abstains."""

    quoted: tuple[Candidate, ...]  #: best first
    short: str  #: the shortest right answer, or ""
    confidence: float  #: in [0, 1]
    margin: float  #: how far above the bar for answering; negative means below
    considered: tuple[Candidate, ...]  #: best first
    passages: tuple[Passage, ...]  #: all that were read, best first
    withheld: tuple[Candidate, ...] = ()  #: what would have been quoted, had it been surer
    note: str = ""  #: what must be said beside the quotations, such as that they differ
    calibrated: bool = True  #: False where confidence was fitted for other models
    written_by: str = ""  #: the chat model, or "" where sentences are quoted as they stand
    written: int = 0  #: sentences that a chat model wrote, also where none is shown
    dropped: int = 0  #: of them, those that no quotation supports


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of an answer, with the quotations that support it."""

    text: str
    quoted: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered quotation: `article.text[start:end] == quote`, or ValueError."""

    number: int
    quote: str
    start: int
    end: int
    article: Article

    def __post_init__(self) -> None:
        if not self.quote or self.article.text[self.start : self.end] != self.quote:
            raise ValueError("the quotation does not stand in its article at these offsets")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the articles say to a question, or `abstained` with the nearest passages."""

    question: str
    text: str  #: sentences, each followed by the number of its citation: `... [1]`
    short: str  #: the shortest right answer, or ""
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]  #: all that were read, best first
    confidence: float  #: in [0, 1]
    abstained: bool
    margin: float  #: how far above the bar for answering; negative means below
    considered: tuple[Candidate, ...]  #: the sentences that the reader compared, best first
    withheld: tuple[Candidate, ...] = ()  #: what would have been quoted, had it been surer
    note: str = ""  #: what must be said beside the quotations, such as that they differ
    calibrated: bool = True  #: False where confidence was fitted for other models
    written_by: str = ""  #: the chat model, or "" where sentences are quoted as they stand
    written: int = 0  #: sentences that a chat model wrote, also where none is shown
    dropped: int = 0  #: of them, those that no quotation supports
    timings: Mapping[str, float] = field(default_factory=dict)  #: seconds by stage
    understood: str = ""  #: with what it leans on in earlier turns; "" where it stands alone

    def __post_init__(self) -> None:
        object.__setattr__(self, "timings", MappingProxyType(dict(self.timings)))

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values. Passages and candidates name their article by its source."""
        return {
            "question": self.question,
            "understood": self.understood,
            "text": self.text,
            "short": self.short,
            "note": self.note,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "margin": self.margin,
            "calibrated": self.calibrated,
            "written_by": self.written_by,
            "written": self.written,
            "dropped": self.dropped,
            "citations": [_plain(citation) for citation in self.citations],
            "passages": [
                {**_plain(passage), "article": passage.article.source} for passage in self.passages
            ],
            "considered": [_plain_candidate(candidate) for candidate in self.considered],
            "withheld": [_plain_candidate(candidate) for candidate in self.withheld],
            "timings": dict(self.timings),
        }


def cite(quoted: Sequence[Candidate], before: Sequence[Citation] = ()) -> tuple[Citation, ...]:
    """Number the quotations on from those `before`; one that is among these keeps its number.

    One that does not stand in its article is left out.
    """
    known = {(c.article.source, c.start, c.end): c for c in before}
    citations: list[Citation] = []
    for candidate in quoted:
        article = candidate.passage.article
        place = (article.source, candidate.start, candidate.end)
        with suppress(ValueError):
            if place not in known:
                known[place] = Citation(
                    len(known) + 1, candidate.text, candidate.start, candidate.end, article
                )
            citations.append(known[place])
    return tuple(citations)


def _plain_candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "source": candidate.passage.article.source,
        "start": candidate.start,
        "end": candidate.end,
        "text": candidate.text,
        "score": candidate.score,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in dataclasses.fields(value)}
    return value
