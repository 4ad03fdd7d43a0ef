"""A question that a page waits for: how far its answer is, and how to stop it.

Knows nothing of what is shown.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from rag.events import Done, Event, Sentence, Stage
from ui.gate import Gate
from ui.render import Pending

T = TypeVar("T")

#: So long at least between two places that one is told, for each four who stand before: an answer
#: moves everybody who waits, and to tell one of them takes Gradio about 10 ms of a core.
_PLACE_SECONDS = 1.0


@dataclass(slots=True)
class Asking:
    """A page that waits for an answer."""

    session: str
    shows: str  #: the conversation that is open now; it may have become another
    stop: asyncio.Event = field(default_factory=asyncio.Event)


async def progress(
    gate: Gate, user: str, now: Pending, stream: Callable[[], Generator[Event]]
) -> AsyncGenerator[Pending | Done]:
    """How far an answer is, whenever that changes, and at last the answer."""
    async with gate.join(user) as ticket:
        said = -math.inf
        async for place in ticket.waiting():
            if time.monotonic() - said > _PLACE_SECONDS * (1 + place // 4):
                yield replace(now, stage="waiting", place=place)
                said = time.monotonic()
        async for event in ticket.each(stream):
            match event:
                case Stage(name=stage):
                    now = replace(now, stage=stage)
                case Sentence():
                    now = replace(now, said=(*now.said, str(event)))
                case Done():
                    yield event
                    return
            yield now


async def unless(stop: asyncio.Event, items: AsyncGenerator[T]) -> AsyncIterator[T]:
    """What comes of `items` until it is stopped."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            coming = asyncio.ensure_future(anext(items))
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                return
            try:
                yield coming.result()
            except StopAsyncIteration:
                return
    finally:
        stopped.cancel()
        coming.cancel()
        await asyncio.wait((coming,))
        await items.aclose()
