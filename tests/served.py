"""The window as people start it, for the tests that open it in a browser or over HTTP."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]


@contextmanager
def served(index_dir: Path, *options: str, **environment: str) -> Iterator[str]:
    """The address of `python -m ui` with these options, until the block ends."""
    command = [sys.executable, "-m", "ui", "--no-browser", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "RAG_INDEX_DIR": str(index_dir), **environment},
    )
    assert process.stderr is not None
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"https?://[\w.]+:\d+", line):
                yield found[0]
                break
        else:
            raise AssertionError(f"it ended before it said its address: {''.join(said)}")
    finally:
        process.terminate()
        process.communicate(timeout=20)
