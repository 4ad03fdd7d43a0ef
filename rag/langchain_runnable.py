"""The assistant as LangChain's `Runnable`. Knows nothing of how a question is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from langchain_core.runnables import Runnable, RunnableLambda

from rag.answers import Answer


def runnable(answer: Callable[[str], Answer]) -> Runnable[str | Mapping[str, str], Answer]:
    """Questions in, answers out; `batch` reads as many at once as there are cores."""

    def asked(question: str | Mapping[str, str]) -> Answer:
        return answer(question if isinstance(question, str) else question.get("question", ""))

    return RunnableLambda(asked, name="answer")
