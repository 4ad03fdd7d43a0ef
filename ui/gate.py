"""The line in front of the reader: all doors share it. Knows nothing of questions or of doors.

async with gate.join("ana") as ticket:
    async for place in ticket.waiting():
        ...
    answer = await ticket.run(assistant.answer, question)
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from bisect import insort
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from operator import itemgetter
from typing import Any, TypeVar

from index.errors import BusyError

T = TypeVar("T")


class Gate:
    """Lets `at_once` through and keeps a bounded number waiting. Belongs to one event loop.

    Each user's questions come in turn with the other users': who asks twenty at once holds up
    nobody else, and gives up the last place of a full line to somebody who has fewer. Those of one
    user come in the order in which they were asked.
    """

    def __init__(self, *, most_waiting: int = 64, at_once: int = 2) -> None:
        self._most_waiting = most_waiting
        self._free = at_once
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="question")
        self._line: list[Ticket] = []
        self._through = 0
        self.refused = 0  #: how many found no place
        self._arrivals = 0
        self._round = 0  # which is being let through
        self._rounds: dict[str, int] = {}  # of each user's last ticket
        self._closed = False
        self._empty = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    @property
    def is_closed(self) -> bool:
        """Whether nobody may join any more."""
        return self._closed

    @property
    def running(self) -> int:
        """How many have been let through and are not done."""
        return self._through

    @asynccontextmanager
    async def join(self, user: str = "") -> AsyncIterator[Ticket]:
        """A place in the line, which is given up on leaving. Raises BusyError where there is none.

        Work that was begun goes on without whoever left, and gives the place up when it ends.
        """
        if self._closed:
            self.refused += 1
            raise BusyError("The server is stopping. Try again in a moment.")
        if not self._free and len(self._line) >= self._most_waiting:
            self.refused += 1
            self._make_room(user)
        round_ = max(self._round, self._rounds.get(user, 0) + 1)
        self._rounds[user] = round_
        self._arrivals += 1
        ticket = Ticket(self, user, (round_, self._arrivals))
        insort(self._line, ticket, key=lambda ticket: ticket.order)
        self._move_up()
        try:
            yield ticket
        finally:
            ticket.left = True
            if ticket in self._line:
                self._line.remove(ticket)
            self._release(ticket)

    async def close(self, timeout_seconds: float) -> None:
        """Let nobody else join, and wait until all are done, for so long at most."""
        self._closed = True
        if self._through or self._line:
            self._empty.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), timeout_seconds)
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _make_room(self, user: str) -> None:
        """Refuse whoever holds most places the last of them, or, where that is `user`, `user`."""
        held = Counter(ticket.user for ticket in self._line)
        most, count = max(held.items(), key=itemgetter(1), default=("", 0))
        busy = BusyError(f"{len(self._line)} others are waiting already. Try again in a moment.")
        if count <= held[user] + 1:
            raise busy
        last = max((t for t in self._line if t.user == most), key=lambda ticket: ticket.order)
        self._line.remove(last)
        last.refuse(busy)

    def _move_up(self) -> None:
        while self._free and self._line:
            first = self._line.pop(0)
            self._round = first.order[0]
            self._free -= 1
            self._through += 1
            first.move(0)
        for place, ticket in enumerate(self._line, start=1):
            ticket.move(place)
        if not self._line and not self._through:
            self._rounds.clear()
            self._empty.set()

    def _release(self, ticket: Ticket) -> None:
        """What a ticket held is free again, once nobody uses it any more."""
        if ticket.left and not ticket.place and not ticket.working:
            self._free += 1
            self._through -= 1
        self._move_up()

    def start(self, ticket: Ticket, function: Callable[[], T]) -> Future[T]:
        """Begin a ticket's work in a worker thread."""
        loop = asyncio.get_running_loop()
        ticket.working += 1

        def ended() -> None:
            ticket.working -= 1
            self._release(ticket)

        def tell(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(ended)

        future = self._workers.submit(contextvars.copy_context().run, function)
        future.add_done_callback(tell)
        return future


class Ticket:
    """A place in the line, and then the right to work."""

    def __init__(self, gate: Gate, user: str, order: tuple[int, int]) -> None:
        self._gate = gate
        self._refusal: BusyError | None = None
        self.user = user
        self._moved = asyncio.Event()
        self.order = order
        self.place = -1  #: 1 is next, 0 has been let through
        self.working = 0
        self.left = False

    def move(self, place: int) -> None:
        if place != self.place:
            self.place = place
            self._moved.set()

    def refuse(self, busy: BusyError) -> None:
        """The place is somebody else's from now on."""
        self._refusal = busy
        self._moved.set()

    async def waiting(self) -> AsyncIterator[int]:
        """The place in the line, 1 for the next one: now, whenever it changes, till it is 0.

        Raises BusyError where it had to be given up.
        """
        while self.place:
            self._moved.clear()
            if self._refusal:
                raise self._refusal
            yield self.place
            await self._moved.wait()

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What `function(*arguments)` returns, called in a worker thread when it is its turn."""
        async for _ in self.waiting():
            pass
        return await asyncio.wrap_future(self._gate.start(self, lambda: function(*arguments)))

    async def each(
        self, function: Callable[..., Generator[T]], *arguments: Any
    ) -> AsyncGenerator[T]:
        """What `function(*arguments)` yields, likewise. Who stops listening stops it, too: it is
        closed where it next yields. What it yields again only says that it goes on, and is not
        passed on."""
        loop = asyncio.get_running_loop()
        made: asyncio.Queue[tuple[T] | None] = asyncio.Queue()
        unheard = threading.Event()

        def work() -> None:
            with closing(function(*arguments)) as items:
                before = None
                for item in items:
                    if unheard.is_set():
                        return
                    if item != before:
                        loop.call_soon_threadsafe(made.put_nowait, (item,))
                    before = item

        task = asyncio.ensure_future(self.run(work))
        task.add_done_callback(lambda _: made.put_nowait(None))
        try:
            while (item := await made.get()) is not None:
                yield item[0]
            await task
        finally:
            unheard.set()
            task.cancel()
