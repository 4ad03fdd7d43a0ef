"""What the HTTP API takes and gives, with bounds.

An article is named by an id, never by its path. Knows nothing of requests.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from index.article import Article, source_id
from index.store import StoredArticle
from rag.conversation import Turn
from ui.uploads import Taken

ArticleId = Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="Of an article.")]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Earlier(_Value):
    """An earlier question of the conversation, as what it was understood, and its answer."""

    question: str = Field(max_length=10_000)
    understood: str = Field(default="", max_length=10_000)
    short: str = Field(default="", max_length=10_000)
    text: str = Field(default="", max_length=100_000)


class Asked(_Value):
    """A question, and which articles may answer it."""

    question: str = Field(min_length=1, max_length=100_000)
    limit: int = Field(default=8, ge=1, le=100, description="Passages to read.")
    publisher: str = Field(default="", max_length=1000)
    since: date | None = None
    until: date | None = None
    history: list[Earlier] = Field(
        default=[], max_length=20, description="What was asked before, oldest first."
    )
    keep: bool = Field(
        default=False, description="Keep the answer as a conversation, so that it can be judged."
    )

    def turns(self) -> list[Turn]:
        """What was asked before, as the assistant takes it."""
        return [Turn(**earlier.model_dump()) for earlier in self.history]


class QuotationGiven(_Value):
    """`text[start:end]` of the article is `quote`; offsets count characters."""

    number: int
    quote: str
    start: int
    end: int
    article: ArticleId
    title: str
    publisher: str
    published: date | None


class PassageGiven(_Value):
    """A passage that was read."""

    article: ArticleId
    title: str
    start: int
    end: int
    text: str
    fused_score: float
    reader_score: float | None


class AnswerGiven(_Value):
    """What the articles say, quoted, or `abstained` with the nearest passages."""

    id: str
    question: str
    understood: str = Field(description="With what it leans on in the history; else empty.")
    text: str = Field(description="Its sentences, each with the numbers of its quotations: `[1]`.")
    short: str = Field(description="The answer in a few words, where there is one; else empty.")
    note: str = Field(description="What one should know beside it; else empty.")
    abstained: bool = Field(description="Whether the articles do not say.")
    confidence: float = Field(description="From 0 to 1.")
    margin: float = Field(
        description="Confidence above what an answer needs; below 0 where declined."
    )
    calibrated: bool = Field(description="Whether confidence was fitted for the reader in use.")
    quotations: list[QuotationGiven]
    passages: list[PassageGiven]
    timings: dict[str, float] = Field(description="Seconds of each stage.")

    @classmethod
    def of(cls, turn: Turn) -> Self:
        return cls(
            id=turn.id,
            question=turn.question,
            understood=turn.understood,
            text=turn.text,
            short=turn.short,
            note=turn.note,
            abstained=turn.abstained,
            confidence=turn.confidence,
            margin=turn.margin,
            calibrated=turn.calibrated,
            quotations=[
                QuotationGiven(
                    number=q.number,
                    quote=q.quote,
                    start=q.start,
                    end=q.end,
                    article=source_id(q.source),
                    title=q.title,
                    publisher=q.publisher,
                    published=q.published,
                )
                for q in turn.quotations
            ],
            passages=[
                PassageGiven(
                    article=source_id(p.source),
                    title=p.title,
                    start=p.start,
                    end=p.end,
                    text=p.text,
                    fused_score=p.fused_score,
                    reader_score=p.reader_score,
                )
                for p in turn.passages
            ],
            timings=dict(turn.timings),
        )


class ArticleListed(_Value):
    """An article without its text."""

    id: ArticleId
    title: str
    publisher: str
    published: date | None
    characters: int
    file: str
    added: str

    @classmethod
    def of(cls, stored: StoredArticle) -> Self:
        return cls(
            id=source_id(stored.source),
            title=stored.title,
            publisher=stored.publisher,
            published=stored.published,
            characters=stored.characters,
            file=Path(stored.source).name,
            added=stored.added,
        )


class ArticleGiven(_Value):
    """An article with its text."""

    id: ArticleId
    title: str
    publisher: str
    published: date | None
    text: str
    file: str

    @classmethod
    def of(cls, article: Article) -> Self:
        return cls(
            id=source_id(article.source),
            title=article.title,
            publisher=article.publisher,
            published=article.published,
            text=article.text,
            file=Path(article.source).name,
        )


class FileTaken(_Value):
    """What became of one file; `cause` says why it was refused."""

    name: str
    outcome: Literal["added", "updated", "unchanged", "refused"]
    article: ArticleId | None
    cause: str

    @classmethod
    def of(cls, taken: Taken) -> Self:
        return cls(
            # A file's name may hold what is no text; it is only shown.
            name=taken.name.encode("utf-8", "replace").decode(),
            outcome=taken.outcome,
            article=source_id(taken.source) if taken.source else None,
            cause=taken.cause,
        )


class ArticleDeleted(_Value):
    """Where the file stays, the next sync of its folder takes the article in again."""

    file_deleted: bool


class Judged(_Value):
    """What someone thinks of an answer that is kept."""

    answer_id: str = Field(max_length=64)
    helpful: bool
    reason: str = Field(default="", max_length=2000)
    right_answer: str = Field(default="", max_length=2000)


class ProblemGiven(BaseModel):
    """RFC 9457's problem details; the log knows more under `request_id`."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
