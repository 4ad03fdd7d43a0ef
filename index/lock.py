"""The right to write to an index, which one process has at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from index.errors import IndexBusy, IndexProblem


def _lock(index_dir: Path, timeout_seconds: float) -> filelock.BaseFileLock:
    return filelock.FileLock(index_dir / "write.lock", timeout=timeout_seconds)


@contextmanager
def writing(index_dir: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the right to write. Raises IndexBusy when another process keeps it too long."""
    lock = _lock(index_dir, timeout_seconds)
    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise IndexBusy(
            f"Another process is writing to the index in {index_dir}. Try again when it is done."
        ) from error
    except OSError as error:
        raise IndexProblem(f"{index_dir} cannot be written to: {error.strerror}.") from error
    try:
        yield
    finally:
        lock.release()


def is_being_written(index_dir: Path) -> bool:
    """Whether another process holds the right to write just now."""
    try:
        with _lock(index_dir, 0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # where nobody can write, nobody does
        return False
