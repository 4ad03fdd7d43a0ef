"""Crash the index on purpose and see that nothing is lost: python tests/crash.py COMMAND.

Each trial is numbered and draws its own chances from the seed, so that `--seed S --first N
--count 1` runs the one that failed again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

from crash_tracer import why_not

#: Each with its number of trials; of `syscalls` there are as many as a sync has.
COMMANDS = {
    "kill": 1000,
    "syscalls": 10**6,
    "power": 500,
    "full": 200,
    "mutate": 10000,
    "writers": 10,
    "again": 200,
}
_FOLLOWING = {"syscalls", "power", "full"}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("command", choices=COMMANDS)
    options.add_argument("--count", type=float, help="trials; for writers minutes, for again steps")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--first", type=int, default=0, help="number of the first trial")
    options.add_argument(
        "--large", action="store_true", help="caches are changed, as those of many chunks are"
    )
    chosen = options.parse_args()
    if chosen.command in _FOLLOWING and (cause := why_not()):
        print(f"{chosen.command} is skipped: {cause}.")
        return 0
    for name in [name for name in os.environ if name.startswith("RAG_")]:
        del os.environ[name]
    # Threads do not outlive a fork, and one that was cut off may hold a lock for ever; how many
    # there are is read when the libraries are loaded.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1")
    sys.path.insert(0, str(Path(__file__).parents[1]))  # this project rather than an installed one
    trials = import_module(f"crash_{chosen.command}").trials
    if chosen.large:
        import_module("index.searches")._MOST_INDEXED_ANEW = 0
    count = chosen.count or COMMANDS[chosen.command]
    counts: Counter[str] = Counter()
    failures: list[str] = []
    started = time.monotonic()
    # In memory where there is such a place: no trial depends on what a real disk would have kept.
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=memory if memory.is_dir() else None))
    try:
        for number, (counted, wrong) in trials(folder, chosen.seed, chosen.first, count):
            counts.update(counted)
            for line in wrong:
                failures.append(line)
                print(f"\nFAILED {chosen.command} --seed {chosen.seed} --first {number}: {line}")
            if sys.stdout.isatty() or not number % 100:
                seconds = time.monotonic() - started
                print(f"\rtrial {number}, {seconds:.0f} s ", end="", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\r{chosen.command} --seed {chosen.seed}: {time.monotonic() - started:.0f} s", end="")
    for name, value in sorted(counts.items()):
        print(f"; {value} {name}", end="")
    print(f"; {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
