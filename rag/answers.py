"""The values that a question turns into. Knows nothing of how they are found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from index.article import Article


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
            "citations": [_plain(citation) for citation in self.citations],
            "passages": [
                {**_plain(passage), "article": passage.article.source} for passage in self.passages
            ],
            "considered": [_plain_candidate(candidate) for candidate in self.considered],
            "withheld": [_plain_candidate(candidate) for candidate in self.withheld],
            "timings": dict(self.timings),
        }


def cite(quoted: Sequence[Candidate]) -> tuple[Citation, ...]:
    """Number the quotations from 1; one that does not stand in its article is left out."""
    citations: list[Citation] = []
    for candidate in quoted:
        try:
            citations.append(
                Citation(
                    number=len(citations) + 1,
                    quote=candidate.text,
                    start=candidate.start,
                    end=candidate.end,
                    article=candidate.passage.article,
                )
            )
        except ValueError:
            continue
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
