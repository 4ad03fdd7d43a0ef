"""A run of the gold set: it belongs to the server, whichever pages watch it. Knows no HTML.

The questions stand in the line with everybody's, one at a time: who asks waits for one of them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from eval import kept
from eval.evaluate import Outcome, evaluate_each
from eval.gold import load_gold
from index.errors import BusyError, RagError, SettingsError
from ui.problems import unforeseen
from ui.storage import Evaluation
from ui.window import Window

#: How often a run is looked at, and how long it waits where the line is full.
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Running:
    """How far a run is."""

    owner: str
    done: int = 0
    total: int = 0

    @property
    def is_asked(self) -> bool:
        """Whether only the figures are still to be added up."""
        return 0 < self.total == self.done


class Evaluating:
    """At most one run at a time. Belongs to one event loop."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._task: asyncio.Task[None] | None = None
        self.now: Running | None = None
        self.said = ""  #: how the last run ended, where it ended early

    def start(self, owner: str) -> None:
        """Begin a run. Raises BusyError while there is one."""
        if self.now:
            raise BusyError("The gold set is being asked already. Wait for its end, or cancel it.")
        self.said = ""
        self.now = Running(owner)
        self._task = asyncio.create_task(self._run(owner))

    def cancel(self, owner: str) -> None:
        """End this owner's run, unless all was asked; nothing is kept of it."""
        if self._task and self.now and self.now.owner == owner and not self.now.is_asked:
            self._task.cancel()

    async def watch(self) -> AsyncIterator[Running]:
        """How far the run is, now and then, till it ends."""
        while self.now:
            yield self.now
            await asyncio.sleep(_LOOK_SECONDS)

    async def _run(self, owner: str) -> None:
        outcomes: list[Outcome] = []
        try:
            await self._ask(owner, outcomes)
            await asyncio.to_thread(self._keep, owner, outcomes)
        except asyncio.CancelledError:
            self.said = f"Cancelled with {len(outcomes)} asked; nothing was kept of it."
        except RagError as error:
            self.said = str(error)
        except Exception:
            self.said = unforeseen()
        finally:
            self.now = None

    async def _ask(self, owner: str, outcomes: list[Outcome]) -> None:
        window = self._window
        if not window.about.gold:
            raise SettingsError("There is no gold set for these articles.")
        questions = await asyncio.to_thread(load_gold, window.about.gold)
        each = evaluate_each(window.assistant, window.assistant.settings, questions)
        self.now = Running(owner, 0, len(questions))
        while len(outcomes) < len(questions):
            try:
                async with window.gate.join("the gold set") as ticket:
                    outcomes.append(await ticket.run(next, each))
                self.now = Running(owner, len(outcomes), len(questions))
            except BusyError:
                await asyncio.sleep(_LOOK_SECONDS)

    def _keep(self, owner: str, outcomes: list[Outcome]) -> None:
        settings = self._window.assistant.settings
        makers = {article.made_by for article in self._window.assistant.articles()}
        reader = settings.reader or "the reader that comes with this project"
        run = kept.keep(outcomes, [f"read by {reader}", *sorted(makers)])
        self._window.storage.keep_evaluation(
            owner, Evaluation(uuid.uuid4().hex, datetime.now(UTC), kept.to_json(run))
        )
