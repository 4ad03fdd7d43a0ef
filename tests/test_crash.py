"""A short run of each crash test; `python tests/crash.py COMMAND` runs it in full."""

from __future__ import annotations

import sys
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

Python = Callable[..., CompletedProcess[str]]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and traced as on Linux")
@pytest.mark.parametrize(
    ("command", "count", "options"),
    [
        ("kill", 8, []),
        ("kill", 8, ["--large"]),
        ("syscalls", 16, []),
        ("power", 16, []),
        ("full", 16, []),
        ("mutate", 60, []),
        ("mutate", 20, ["--large"]),
        ("writers", 0.05, []),
        ("again", 6, ["--large"]),
    ],
)
def test_index_survives(python: Python, command: str, count: float, options: list[str]) -> None:
    run = python("tests/crash.py", command, "--count", str(count), *options)
    if " is skipped: " in run.stdout:
        pytest.skip(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 failures" in run.stdout
