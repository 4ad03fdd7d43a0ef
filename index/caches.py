"""Folders that can be thrown away: stamped with the store's state and a checksum of every file.

A cache is written under a temporary name, synced to the disk and then renamed to a name that says
which state of the database it was made of, so that a half-written one is never opened. Knows
nothing of what is inside.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from index.durable import fsync, make_folder

_STAMP = "stamp.json"

#: A temporary folder that nobody has touched for so long is of a process that was killed.
_ABANDONED_SECONDS = 3600


def has_cache(index_dir: Path, name: str, state: str) -> bool:
    """Whether there is a cache `name` that was made of `state`, whole or not."""
    return (index_dir / "caches" / f"{name}-{state}").is_dir()


def newest_cache(index_dir: Path, name: str) -> Path | None:
    """The folder of the newest cache `name` that is whole; None where there is none.

    It may show another state than today's, or one of another database that was put in this one's
    place: whoever opens it compares what it says it holds.
    """
    try:
        folders = sorted((index_dir / "caches").glob(f"{name}-*"), key=_age)
    except OSError:
        return None
    return next((folder for folder in folders if _is_whole(folder)), None)


def _is_whole(folder: Path) -> bool:
    try:
        stamp = json.loads((folder / _STAMP).read_text("utf-8"))
        return bool(stamp == _stamp(folder, folder.name))
    except (OSError, ValueError):
        return False


def delete_caches(index_dir: Path, name: str) -> None:
    """Delete every cache `name`, as far as possible."""
    for folder in (index_dir / "caches").glob(f"{name}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def link_files(source: Path, target: Path) -> None:
    """Have `target` hold the files of the cache in `source`, which nobody changes, at no cost."""
    for file in source.iterdir():
        if file.name != _STAMP and not file.name.endswith(".lock"):
            try:
                os.link(file, target / file.name)
            except OSError:  # a file system without links
                shutil.copyfile(file, target / file.name)


def write_cache(index_dir: Path, name: str, state: str, write: Callable[[Path], None]) -> bool:
    """Have `write` fill a folder and make it the cache `name` for `state`; delete older ones.

    False where the folder cannot be written to: a cache is never worth an error.
    """
    caches = index_dir / "caches"
    temporary: Path | None = None
    try:
        make_folder(caches)
        temporary = Path(tempfile.mkdtemp(prefix=f"{name}.tmp-", dir=caches))
        write(temporary)
        final = caches / f"{name}-{state}"
        (temporary / _STAMP).write_text(json.dumps(_stamp(temporary, final.name)), "utf-8")
        for file in temporary.iterdir():
            fsync(file)
        fsync(temporary)
        shutil.rmtree(final, ignore_errors=True)
        temporary.replace(final)
        fsync(caches)
    except BaseException as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        # FAISS and tantivy have errors of their own for a full disk.
        if not isinstance(error, OSError | RuntimeError | ValueError):
            raise
        return False
    for folder in caches.glob(f"{name}[.-]*"):
        # Another process may be filling a temporary folder just now.
        if folder != final and (".tmp-" not in folder.name or _age(folder) > _ABANDONED_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)
    return True


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


def _stamp(folder: Path, name: str) -> dict[str, str]:
    """The name that the folder is meant for, and the SHA-256 of each file in it."""
    sums = {"cache": name}
    for file in sorted(folder.iterdir()):
        if file.name != _STAMP and not file.name.endswith(".lock"):
            with file.open("rb") as stream:
                sums[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return sums
