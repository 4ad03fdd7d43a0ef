"""Questions asked one after another. Knows nothing of how they are answered, kept or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rag.conversation import Conversation, Turn, keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from index.store import Filters
    from rag.answers import Answer

_TITLE_CHARACTERS = 80


class Answers(Protocol):
    """As `Assistant.answer`."""

    def __call__(
        self,
        question: str,
        *,
        limit: int = 8,
        filters: Filters | None = None,
        history: Sequence[Turn] = (),
    ) -> Answer: ...


class Talk:
    """A conversation that goes on: each question is asked in the light of those before it.

    Make one with `Assistant.conversation`. One thread asks at a time.
    """

    def __init__(self, answer: Answers) -> None:
        self._answer = answer
        self._begun = Conversation("")

    def ask(self, question: str, filters: Filters | None = None, *, limit: int = 8) -> Answer:
        """What the articles say. Raises what `Assistant.answer` raises; then no turn is added."""
        answer = self._answer(question, limit=limit, filters=filters, history=self.turns)
        conversation = self._begun
        self._begun = Conversation(
            conversation.title or answer.question[:_TITLE_CHARACTERS],
            (*conversation.turns, keep(answer)),
            conversation.started,
            conversation.id,
        )
        return answer

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What was asked and answered, oldest first."""
        return self._begun.turns

    @property
    def conversation(self) -> Conversation:
        """As it is now, to be kept or exported. Its title is the first question."""
        return self._begun
