"""The retriever as LangChain's `BaseRetriever`. Knows nothing of answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from index.store import Filters
from rag.answers import Passage


class ArticleRetriever(BaseRetriever):
    """Passages as LangChain documents: `page_content` is the text that stands in the article.

    `metadata` has title, publisher, published (ISO 8601 or ""), source, start, end and score.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    retrieve: Callable[..., Sequence[Passage]]  #: as `Assistant.retrieve`
    limit: int = 8
    filters: Filters | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        passages = self.retrieve(query, limit=self.limit, filters=self.filters)
        return [
            Document(
                id=str(passage.id),
                page_content=passage.text,
                metadata={
                    "title": passage.article.title,
                    "publisher": passage.article.publisher,
                    "published": str(passage.article.published or ""),
                    "source": passage.article.source,
                    "start": passage.start,
                    "end": passage.end,
                    "score": passage.score,
                },
            )
            for passage in passages
        ]
