"""The assistant as LangChain's `Runnable`. Knows nothing of how a question is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from langchain_core.runnables import Runnable, RunnableLambda

from rag.answers import Answer

if TYPE_CHECKING:
    from index.store import Filters
    from rag.assistant import Assistant


def runnable(
    assistant: Assistant, *, limit: int, filters: Filters | None
) -> Runnable[str | Mapping[str, str], Answer]:
    """Questions in, answers out; `batch` reads as many at once as there are cores."""

    def answer(asked: str | Mapping[str, str]) -> Answer:
        question = asked if isinstance(asked, str) else asked.get("question", "")
        return assistant.answer(question, limit=limit, filters=filters)

    return RunnableLambda(answer, name="answer")
