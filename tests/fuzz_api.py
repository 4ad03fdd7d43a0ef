"""Random requests to the HTTP API, made by Schemathesis from its description: none may end in 5xx.

python tests/fuzz_api.py --cases 20000
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

from served import running

#: For each operation, in a round.
_EXAMPLES = 300


def fuzz(address: str, *, examples: int, seed: int) -> tuple[int, str]:
    """How many cases a round had, and what it found, "" where that is nothing."""
    schemathesis = shutil.which("schemathesis", path=Path(sys.executable).parent)
    assert schemathesis, "Schemathesis is not installed"
    done = subprocess.run(
        [
            *(schemathesis, "run", f"{address}/v1/openapi.json", "--no-color", "--warnings", "off"),
            *("--checks", "not_a_server_error", "--max-examples", str(examples)),
            *("--seed", str(seed), "--generation-database", "none", "--continue-on-failure"),
            *("--suppress-health-check", "all", "--request-timeout", "300"),
            *("--phases", "coverage,fuzzing"),  # there is nothing to follow from one to the next
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    count = re.search(r"(\d+) generated", done.stdout)
    return int(count[1]) if count else 0, "" if done.returncode == 0 else done.stdout + done.stderr


def statuses(address: str) -> Mapping[str, int]:
    """How many requests to the API ended with each status, as the server counted them."""
    with urlopen(f"{address}/metrics") as response:
        text = response.read().decode()
    found: Counter[str] = Counter()
    counted = r'requests_total{.*route="(?:none|/v1.*)",status="(\d+)"} (\S+)'
    for status, count in re.findall(counted, text):
        found[status] += int(float(count))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    chosen = parser.parse_args()
    cases, seed, found = 0, chosen.seed, ""
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), RAG_MAX_UPLOAD_MEGABYTES_PER_HOUR="100000") as server,
    ):
        while cases < chosen.cases and not found:
            count, found = fuzz(server.address, examples=_EXAMPLES, seed=seed)
            cases += count
            seed += 1
            print(f"{cases:,} cases", dict(sorted(statuses(server.address).items())), flush=True)
            if not count:
                break
    print(found or "No request ended in 5xx.")
    return 1 if found or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
