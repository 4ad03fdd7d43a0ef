"""Files that were dropped in: they get a name of our own in a folder of our own, and are taken in.

Knows nothing of who dropped them in, or how. What they hold is parsed in the child process that
has limits, as in every sync.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from index.durable import fsync, make_folder
from index.errors import ArticleError, IndexProblem
from index.loader import SUFFIXES, content_hash
from index.syncing import Progress
from rag import Assistant

_log = logging.getLogger(__name__)

FOLDER_NAME = "uploads"

#: A name may have 255 bytes in all; a character has up to four.
_STEM_CHARACTERS = 48


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one file."""

    name: str  #: as it was given
    outcome: Literal["added", "updated", "unchanged", "refused"]
    source: str = ""  #: of the article; "" where it was refused
    cause: str = ""  #: why it was refused


class Uploads:
    """Takes files into the index of an assistant, and deletes articles. Threads may share it."""

    def __init__(self, assistant: Assistant, *, most_files: int = 50) -> None:
        self._assistant = assistant
        self._most_files = most_files
        self._folder = (assistant.settings.index_dir / FOLDER_NAME).resolve()
        self._lock = threading.Lock()

    def owns(self, source: str) -> bool:
        """Whether the file of this article was dropped in, and goes with it."""
        return Path(source).parent == self._folder

    def take_in(
        self, files: Sequence[tuple[str, Path]], progress: Progress | None = None
    ) -> list[Taken]:
        """What becomes of each file, given as its name and where it lies just now.

        A file of a name that was dropped in before takes the place of that one; bytes that an
        article has come from already change nothing. Raises ArticleError for too many files, and
        IndexBusy and IndexProblem, whereupon what is not in the index yet is as it was.
        """
        if len(files) > self._most_files:
            raise ArticleError(
                f"{len(files)} files are too many; at most {self._most_files} are taken at a time."
            )
        make_folder(self._folder)
        with self._lock:
            articles = self._assistant.articles()
            known = {(a.content_hash, Path(a.source).suffix.lower()): a.source for a in articles}
            sources = {article.source for article in articles}
            taken: dict[int, Taken] = {}
            placed: dict[int, Path] = {}
            digests: dict[Path, str] = {}
            try:
                for number, (name, path) in enumerate(files):
                    target = self._folder / safe_name(name)
                    try:
                        digest = self._check(target, path)
                        same = known.get((digest, target.suffix))
                        if same and (same == str(target) or str(target) not in sources):
                            taken[number] = Taken(name, "unchanged", same)
                        elif target in placed.values():
                            raise ArticleError("another file has the same name")
                        else:
                            _place(path, target)
                            placed[number], digests[target] = target, digest
                    except ArticleError as error:
                        taken[number] = Taken(name, "refused", cause=str(error))
                if placed:
                    report = self._assistant.sync(list(placed.values()), progress)
                    causes = {failure.source: failure.cause for failure in report.failed}
                    for number, target in placed.items():
                        name, source = files[number][0], str(target)
                        if source in causes:
                            taken[number] = Taken(name, "refused", cause=causes[source])
                        elif source in report.unchanged:
                            taken[number] = Taken(name, "unchanged", source)
                        else:
                            outcome: Literal["added", "updated"]
                            outcome = "added" if source in report.added else "updated"
                            taken[number] = Taken(name, outcome, source)
            except BaseException:
                # Each article goes in by itself: of those that are in already the file stays.
                stored = self._stored()
                for target in placed.values():
                    _settle(target, keep=stored.get(str(target)) == digests[target])
                raise
            for number, target in placed.items():
                _settle(target, keep=taken[number].outcome != "refused")
        for one in taken.values():
            _log.info("upload", extra={"upload": one.outcome})  # for whoever counts them
        return [taken[number] for number in range(len(files))]

    def _stored(self) -> dict[str, str]:
        """What each article was made of; nothing where the index does not say."""
        with suppress(IndexProblem):
            return {article.source: article.content_hash for article in self._assistant.articles()}
        return {}

    def remove(self, source: str) -> bool:
        """Delete an article, and its file where that was dropped in; whether that was so.

        Another file stays, and the next sync of its folder takes it in again. Raises ArticleError
        where there is no such article, and IndexBusy.
        """
        with self._lock:
            if not self._assistant.remove(source):
                raise ArticleError("There is no such article.")
            if not self.owns(source):
                return False
            Path(source).unlink(missing_ok=True)
            return True

    def _check(self, target: Path, path: Path) -> str:
        if target.suffix not in SUFFIXES:
            raise ArticleError(f"only {', '.join(SUFFIXES)} files are read")
        return content_hash(path, max_megabytes=self._assistant.settings.max_file_megabytes)


def safe_name(name: str) -> str:
    """A name for a file that was called `name`: readable, its own, and fit for any system.

    It has the letters and digits of the stem and a hash, so that it is never hidden, never a path
    and never a device of Windows such as CON.
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    stem, suffix = os.path.splitext(f"_{name}")  # of ".md" that is a suffix, too
    letters = "".join(sign if unicodedata.category(sign)[0] in "LMN" else " " for sign in stem)
    readable = "-".join(letters.split())[:_STEM_CHARACTERS].strip("-") or "article"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{readable}-{digest}{suffix.lower()}"


def _place(path: Path, target: Path) -> None:
    """Put a copy where it belongs; what was there stays beside it until that is settled."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        shutil.copyfile(path, fresh)
        fsync(fresh)
        with suppress(FileNotFoundError):
            os.replace(target, _former(target))
        os.replace(fresh, target)
        fsync(target.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ArticleError(f"it cannot be stored: {error.strerror}") from error


def _settle(target: Path, *, keep: bool) -> None:
    """Forget what was there before, or bring it back."""
    if keep:
        _former(target).unlink(missing_ok=True)
        return
    try:
        os.replace(_former(target), target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)


def _former(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
