"""The line in front of the reader."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from index.errors import BusyError
from ui.gate import Gate


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


async def until_running(gate: Gate, count: int) -> None:
    while gate.running != count:
        await asyncio.sleep(0.001)


def test_first_come_first_served_and_everyone_hears_their_place() -> None:
    async def test() -> None:
        gate = Gate(at_once=1)
        heard: dict[str, list[int]] = {}
        served: list[str] = []

        async def ask(name: str) -> None:
            async with gate.join() as ticket:
                heard[name] = [place async for place in ticket.waiting()]
                served.append(await ticket.run(str.upper, name))

        await asyncio.gather(*(ask(name) for name in "abcd"))
        assert served == ["A", "B", "C", "D"]
        assert heard == {"a": [], "b": [1], "c": [2, 1], "d": [3, 2, 1]}
        assert (gate.waiting, gate.running) == (0, 0)

    run(test())


def test_who_holds_most_places_of_a_full_line_gives_up_the_last() -> None:
    async def test() -> None:
        gate = Gate(at_once=1, most_waiting=3)
        ended: list[str] = []

        async def ask(user: str, name: str) -> None:
            try:
                async with gate.join(user) as ticket:
                    ended.append(await ticket.run(str, name))
            except BusyError:
                ended.append(f"{name} refused")

        ana = [ask("ana", f"ana {count}") for count in range(1, 6)]
        bo = [ask("bo", f"bo {count}") for count in range(1, 4)]
        await asyncio.gather(*ana, *bo)
        # One of ana's is let through and three of her others wait, so that her fifth finds no
        # place. Bo's first takes that of her last, and then each holds as many as is fair.
        assert ended[0] == "ana 5 refused"
        assert sorted(ended[1:]) == [
            "ana 1", "ana 2", "ana 3", "ana 4 refused", "bo 1", "bo 2 refused", "bo 3 refused"
        ]  # fmt: skip
        assert gate.refused == 4
        assert (gate.waiting, gate.running) == (0, 0)

    run(test())


def test_who_asks_much_holds_up_nobody_else() -> None:
    async def test() -> None:
        gate = Gate(at_once=1)
        served: list[str] = []

        async def ask(user: str, name: str) -> None:
            async with gate.join(user) as ticket:
                served.append(await ticket.run(str, name))

        ana = [ask("ana", f"ana {count}") for count in range(1, 5)]
        bo = [ask("bo", f"bo {count}") for count in range(1, 3)]
        await asyncio.gather(*ana, *bo, ask("cy", "cy 1"))
        assert served == ["ana 1", "bo 1", "cy 1", "ana 2", "bo 2", "ana 3", "ana 4"]

    run(test())


def test_one_too_many_is_refused_and_a_place_given_up_is_free_again() -> None:
    async def test() -> None:
        gate = Gate(most_waiting=1, at_once=1)
        async with gate.join():
            async with gate.join():
                with pytest.raises(BusyError, match=r"^1 others are waiting already\. Try"):
                    async with gate.join():
                        pass
                assert (gate.waiting, gate.running) == (1, 1)
            assert (gate.waiting, gate.running) == (0, 1)
            async with gate.join():
                assert gate.waiting == 1
        assert (gate.waiting, gate.running) == (0, 0)

    run(test())


def test_who_leaves_the_line_moves_the_others_up() -> None:
    async def test() -> None:
        gate = Gate(at_once=1)
        heard: list[int] = []

        async def wait() -> None:
            async with gate.join() as ticket:
                heard.extend([place async for place in ticket.waiting()])

        async with gate.join():
            first = asyncio.create_task(wait())
            second = asyncio.create_task(wait())
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert gate.waiting == 1
        await second
        assert heard == [2, 1]

    run(test())


def test_place_stays_taken_until_the_work_of_who_left_has_ended() -> None:
    async def test() -> None:
        gate = Gate(at_once=1)
        go_on = threading.Event()

        async def ask() -> None:
            async with gate.join() as ticket:
                await ticket.run(go_on.wait)

        gone = asyncio.create_task(ask())
        await until_running(gate, 1)
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert gate.running == 1
        async with gate.join() as ticket:
            assert ticket.place == 1
            go_on.set()
            assert await ticket.run(lambda: "answered") == "answered"
        assert gate.running == 0

    run(test())


def test_no_more_run_at_once_than_may() -> None:
    async def test() -> None:
        gate = Gate(most_waiting=100, at_once=3)
        lock = threading.Lock()
        now, most = 0, 0

        def work() -> None:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            threading.Event().wait(0.002)
            with lock:
                now -= 1

        async def ask() -> None:
            async with gate.join() as ticket:
                await ticket.run(work)

        await asyncio.gather(*(ask() for _ in range(60)))
        assert most == 3

    run(test())


def test_error_of_the_work_reaches_who_waits_for_it() -> None:
    async def test() -> None:
        gate = Gate()
        with pytest.raises(ZeroDivisionError):
            async with gate.join() as ticket:
                await ticket.run(divmod, 1, 0)
        assert gate.running == 0

    run(test())


def test_what_is_made_bit_by_bit_comes_bit_by_bit() -> None:
    async def test() -> None:
        gate = Gate()
        go_on = threading.Event()

        def stages() -> Generator[str]:
            yield "found"
            go_on.wait()
            yield "read"

        async with gate.join() as ticket:
            came = []
            async for stage in ticket.each(stages):
                came.append((stage, go_on.is_set()))
                go_on.set()
        assert came == [("found", False), ("read", True)]
        assert gate.running == 0

    run(test())


def test_what_is_made_again_is_not_passed_on() -> None:
    async def test() -> None:
        gate = Gate()
        async with gate.join() as ticket:
            came = [item async for item in ticket.each(lambda: (item for item in "aabba"))]
        assert came == ["a", "b", "a"]

    run(test())


def test_who_stops_listening_stops_the_work() -> None:
    async def test() -> None:
        gate = Gate(at_once=1)
        closed = threading.Event()

        def endless() -> Generator[int]:
            try:
                while True:
                    yield 1
                    threading.Event().wait(0.001)
            finally:
                closed.set()

        async with gate.join() as ticket:
            heard = ticket.each(endless)
            assert await anext(heard) == 1
            await heard.aclose()
        await until_running(gate, 0)
        assert closed.is_set()

    run(test())


def test_closed_gate_lets_the_last_ones_finish_and_nobody_in() -> None:
    async def test() -> None:
        gate = Gate(at_once=1)
        served: list[int] = []

        async def ask(number: int) -> None:
            async with gate.join() as ticket:
                served.append(await ticket.run(int, number))

        asked = [asyncio.create_task(ask(number)) for number in (1, 2)]
        await asyncio.sleep(0)
        await gate.close(timeout_seconds=5)
        await asyncio.gather(*asked)
        assert served == [1, 2]
        with pytest.raises(BusyError, match="stopping"):
            await ask(3)

    run(test())
