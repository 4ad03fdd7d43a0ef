"""Many people at once over real HTTP: none is lost, and who finds no place is told so.

python tests/load.py                              # 20 and 200 at once, over the API and as pages do
python tests/load.py memory --questions 10000     # one process answers so many
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from served import ROOT, running

#: What became of a question, and how many seconds it took.
Outcome = tuple[str, float]
Ask = Callable[[httpx.AsyncClient, str], Awaitable[str]]


def questions(count: int) -> list[str]:
    """Gold questions, each another where there are so many."""
    lines = (ROOT / "eval" / "gold.jsonl").read_text("utf-8").splitlines()
    gold = [json.loads(line)["question"] for line in lines]
    return [gold[number % len(gold)] for number in range(count)]


async def ask_api(client: httpx.AsyncClient, question: str, passages: int = 8) -> str:
    """As a program does."""
    asked = {"question": question, "limit": passages}
    response = await client.post("/v1/answer", json=asked)
    if response.status_code == 503 and "waiting already" in response.json()["detail"]:
        return "refused"
    return "answered" if response.status_code == 200 else f"status {response.status_code}"


def ask_page(page: str) -> Ask:
    """As a page does: join Gradio's queue, then listen to it until the last event.

    `page` is its HTML, which says how.
    """
    config = json.JSONDecoder().raw_decode(page.split("window.gradio_config = ", 1)[1])[0]
    submitted = next(
        one
        for one in config["dependencies"]
        if any(target[1] == "submit" for target in one["targets"])
    )

    async def ask(client: httpx.AsyncClient, question: str) -> str:
        name = uuid.uuid4().hex[:11]
        data = [question] + [None] * (len(submitted["inputs"]) - 1)
        asked = {"data": data, "fn_index": submitted["id"], "session_hash": name}
        joined = await client.post("/gradio_api/queue/join", json=asked)
        if joined.status_code != 200:
            return f"status {joined.status_code}"
        text = ""
        async with client.stream("GET", f"/gradio_api/queue/data?session_hash={name}") as events:
            async for line in events.aiter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line[6:])
                text += json.dumps(event.get("output", ""))
                if event["msg"] == "process_completed":
                    break
        if "waiting already" in text:
            return "refused"
        return "answered" if "quote" in text or "do not say" in text else "lost"

    return ask


async def at_once(address: str, count: int, ask: Ask) -> list[Outcome]:
    """So many different questions, all asked at the same moment."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=None, limits=limits) as client:

        async def timed(question: str) -> Outcome:
            started = time.perf_counter()
            outcome = await ask(client, question)
            return outcome, time.perf_counter() - started

        return await asyncio.gather(*(timed(question) for question in questions(count)))


async def with_page_load(address: str, count: int, ask: Ask) -> tuple[list[Outcome], float]:
    """The same, and how long a page takes meanwhile."""
    asking = asyncio.ensure_future(at_once(address, count, ask))
    await asyncio.sleep(1)
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        started = time.perf_counter()
        (await client.get("/")).raise_for_status()
        seconds = time.perf_counter() - started
    return await asking, seconds


def tell(name: str, outcomes: list[Outcome]) -> None:
    times = sorted(seconds for outcome, seconds in outcomes if outcome == "answered")
    counts = dict(Counter(outcome for outcome, _ in outcomes))
    middle, late = times[len(times) // 2], times[min(len(times) - 1, int(0.95 * len(times)))]
    print(f"{name}: {counts}, p50 {middle:.2f} s, p95 {late:.2f} s", flush=True)


def load(only: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        address = server.address
        doors: list[tuple[str, Ask]] = [
            ("API", ask_api),
            ("page", ask_page(httpx.get(address).text)),
        ]
        for name, ask in doors:
            if only not in {None, name}:
                continue
            asyncio.run(at_once(address, 4, ask))
            tell(f"{name}, 20 at once", asyncio.run(at_once(address, 20, ask)))
            outcomes, seconds = asyncio.run(with_page_load(address, 200, ask))
            tell(f"{name}, 200 at once", outcomes)
            print(f"  a page took {seconds:.2f} s meanwhile", flush=True)
            time.sleep(5)
            tell("  5 s later, one", asyncio.run(at_once(address, 1, ask)))


def memory(count: int, passages: int) -> None:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        process = server.process.pid
        asked = questions(count)

        async def ask_all(some: list[str]) -> Counter[str]:
            async with httpx.AsyncClient(base_url=server.address, timeout=None) as client:
                found: Counter[str] = Counter()
                for question in some:
                    found[await ask_api(client, question, passages)] += 1
                return found

        asyncio.run(ask_all(asked[:300]))
        before = used(process)
        print("after 300 questions:", before, flush=True)
        step = max(1, count // 10)
        for done in range(0, count, step):
            found = asyncio.run(ask_all(asked[done : done + step]))
            print(done + step, dict(found), used(process), flush=True)
        after = used(process)
        print(f"grew by {after['MB'] - before['MB']} MB, {after['files'] - before['files']} files")


def used(process: int) -> dict[str, int]:
    """Memory and open files of a process; on Linux."""
    status = Path(f"/proc/{process}/status").read_text()
    kilobytes = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    files = len(os.listdir(f"/proc/{process}/fd"))
    return {"MB": int(kilobytes) // 1000, "files": files}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=["load", "memory"], default="load")
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--passages", type=int, default=8, help="Read for each of them.")
    parser.add_argument("--door", choices=["API", "page"], help="Only this one.")
    chosen = parser.parse_args()
    if chosen.what == "memory":
        memory(chosen.questions, chosen.passages)
    else:
        load(chosen.door)


if __name__ == "__main__":
    sys.exit(main())
