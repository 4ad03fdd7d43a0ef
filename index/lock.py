"""The right to write to an index, which one process has at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import filelock

from index.durable import make_folder
from index.errors import IndexBusy, IndexProblem


def _lock(index_dir: Path, timeout_seconds: float) -> filelock.BaseFileLock:
    return filelock.FileLock(index_dir / "write.lock", timeout=timeout_seconds)


@contextmanager
def writing(index_dir: Path, timeout_seconds: float) -> Iterator[None]:
    """Hold the right to write. Raises IndexBusy, naming who holds it, when that is for too long."""
    lock = _lock(index_dir, timeout_seconds)
    # Beside the lock, which Windows lets nobody read. The note of a holder that was killed stays,
    # holds nobody up, and is replaced by the next one's.
    note = index_dir / "write.holder"
    try:
        make_folder(index_dir)
        lock.acquire()
    except filelock.Timeout as error:
        raise IndexBusy(
            f"Another process is writing to the index in {index_dir}{_written(note)}. "
            "Try again when it is done."
        ) from error
    except OSError as error:
        raise IndexProblem(f"{index_dir} cannot be written to: {error.strerror}.") from error
    try:
        with suppress(OSError):
            note.unlink(missing_ok=True)  # on a full disk, at least nobody else is named
            note.write_text(f"process {os.getpid()}, since {datetime.now():%Y-%m-%d %H:%M:%S}")
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def _written(note: Path) -> str:
    try:
        said = note.read_text("utf-8")
    except OSError:  # the holder is just coming or going
        return ""
    return f" ({said})" if said else ""


def is_being_written(index_dir: Path) -> bool:
    """Whether another process holds the right to write just now."""
    try:
        with _lock(index_dir, 0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # where nobody can write, nobody does
        return False
