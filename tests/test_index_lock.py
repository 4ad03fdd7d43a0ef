"""One process writes at a time, and the others are told which."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.errors import IndexBusy
from index.lock import is_being_written, writing

HOLD = """
import sys, time
from pathlib import Path
from index.lock import writing

with writing(Path(sys.argv[1]), 0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the right to write."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_busy_names_the_process_that_writes_and_since_when(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    assert is_being_written(tmp_path)
    said = rf"\(process {holder.pid}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\)"
    with pytest.raises(IndexBusy, match=said), writing(tmp_path, 0):
        pass


def test_killed_holder_neither_blocks_nor_is_named(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    holder.kill()
    holder.wait()
    assert not is_being_written(tmp_path)
    with writing(tmp_path, 0):
        assert f"process {os.getpid()}, " in (tmp_path / "write.holder").read_text()
    assert not (tmp_path / "write.holder").exists()
