"""Crash the index on purpose and see that nothing is lost: python tests/crash.py COMMAND.

Each trial is numbered and draws its own chances from the seed, so that `--seed S --first N
--count 1` runs the one that failed again.
"""

from __future__ import annotations

import os
import sys

for name in [name for name in os.environ if name.startswith("RAG_")]:
    del os.environ[name]
# Threads do not outlive a fork, and one that was cut off may hold a lock for ever.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", RAYON_NUM_THREADS="1")

import argparse
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import crash_again
import crash_full
import crash_kill
import crash_mutate
import crash_power
import crash_syscalls
import crash_writers
from crash_tracer import why_not
from crash_world import REORDERED

#: Each with its number of trials when all are run.
COMMANDS = {
    "kill": (crash_kill.trials, 1000),
    "syscalls": (crash_syscalls.trials, 10**6),
    "power": (crash_power.trials, 500),
    "full": (crash_full.trials, 200),
    "mutate": (crash_mutate.trials, 10000),
    "writers": (crash_writers.trials, 10),
    "again": (crash_again.trials, 200),
}
_FOLLOWING = {"syscalls", "power", "full"}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("command", choices=COMMANDS)
    options.add_argument("--count", type=float, help="trials; for writers minutes, for again steps")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--first", type=int, default=0, help="number of the first trial")
    chosen = options.parse_args()
    trials, full_count = COMMANDS[chosen.command]
    if chosen.command in _FOLLOWING and (cause := why_not()):
        print(f"{chosen.command} is skipped: {cause}.")
        return 0
    count = chosen.count or full_count
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
                if line.startswith(REORDERED):
                    counts["keyword orders that differ"] += int(line.removeprefix(REORDERED))
                    continue
                failures.append(line)
                print(f"\nFAILED {chosen.command} --seed {chosen.seed} --first {number}: {line}")
            if sys.stdout.isatty() or not number % 100:
                seconds = time.monotonic() - started
                print(f"\r{number} of {count:g}, {seconds:.0f} s ", end="", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\r{chosen.command} --seed {chosen.seed}: {time.monotonic() - started:.0f} s", end="")
    for name, value in sorted(counts.items()):
        print(f"; {value} {name}", end="")
    print(f"; {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
