"""Bring an index in line with folders of articles: only what changed is read and encoded.

Knows nothing of questions. Each article is one transaction, so that a sync that was interrupted
has done a part of its work, and the next one does the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index import chunker
from index.article import Article, Chunk
from index.embedder import Embedder
from index.errors import ArticleError, SettingsError
from index.loader import SUFFIXES, content_hash, load
from index.opening import open_store
from index.settings import Settings, load_settings
from index.store import Store, check_maker

#: The title goes in front of every chunk that is embedded; no more of it than this.
_TITLE_TOKENS = 32

#: Called with the number of articles done, the number to do, and the source of the last one.
Progress = Callable[[int, int, str], None]

#: What comes of a file: an article with its chunks and their vectors, or why there is none.
Encoded = tuple[Article, list[Chunk], NDArray[np.float32]] | ArticleError

#: Reads and encodes files; yields each once, in any order. Here, or on many machines.
EncodeFiles = Callable[[Sequence[Path], Embedder, Settings], Iterator[tuple[Path, Encoded]]]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that did not go in. What was stored of it before is kept."""

    source: str
    cause: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, as sources. A renamed article counts as changed."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: tuple[Failure, ...]


def maker(embedder: Embedder, settings: Settings) -> str:
    """What decides how an article is stored: the model's weights and the chunker."""
    return (
        f"model {embedder.weights_hash[:16]} with chunker {chunker.VERSION} "
        f"at {_chunk_tokens(embedder, settings)} tokens"
    )


def encode_files(
    paths: Sequence[Path], embedder: Embedder, settings: Settings
) -> Iterator[tuple[Path, Encoded]]:
    """Read and encode files one after the other, in this process."""
    for path in paths:
        encoded: Encoded
        try:
            article = load(path, max_megabytes=settings.max_file_megabytes)
            encoded = article, *encode(article, embedder, settings)
        except ArticleError as error:
            encoded = error
        yield path, encoded


def sync(
    articles: Path | str | Sequence[Path | str],
    index_dir: Path | str | None = None,
    *,
    progress: Progress | None = None,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    encode_files: EncodeFiles = encode_files,
) -> SyncReport:
    """Make an index hold what the files and folders `articles` hold now.

    It is the one that `settings` name, or the one in `index_dir`.
    Articles that came from elsewhere are left alone. A file that cannot be read is in the report,
    with the cause, and the others go in. Raises SettingsError where a path does not exist,
    IndexBusy while another process writes, IndexMismatch where another model made the index.
    """
    paths = [articles] if isinstance(articles, str | Path) else articles
    roots = [_existing(Path(path)) for path in paths]
    settings = settings or load_settings()
    embedder = embedder or Embedder(settings.embedding_model)
    current = maker(embedder, settings)
    with (
        open_store(settings, index_dir, create=True) as store,
        store.writing(),
    ):
        check_maker(store, current)
        plan = _plan(roots, store, settings)
        failed = list(plan.failed)
        stored = []
        for old, new in plan.renamed:
            store.rename(old, new)
        for source in plan.removed:
            store.remove(source)
        for done, (path, encoded) in enumerate(
            encode_files(plan.to_load, embedder, settings), start=1
        ):
            try:
                if isinstance(encoded, ArticleError):
                    raise encoded
                store.put(*encoded, current)
                stored.append(str(path))
            except ArticleError as error:
                failed.append(Failure(str(path), str(error)))
            if progress:
                progress(done, len(plan.to_load), str(path))
    return SyncReport(
        added=tuple(source for source in stored if source not in plan.known),
        changed=tuple(
            [source for source in stored if source in plan.known] + [new for _, new in plan.renamed]
        ),
        removed=plan.removed,
        unchanged=plan.unchanged,
        failed=tuple(failed),
    )


def rebuild(
    index_dir: Path | str | None = None,
    *,
    progress: Progress | None = None,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
) -> int:
    """Split and encode anew, from the stored texts, every article that something else made.

    Returns how many. The files are not needed. What an interrupted rebuild did stays done.
    """
    settings = settings or load_settings()
    embedder = embedder or Embedder(settings.embedding_model)
    current = maker(embedder, settings)
    with open_store(settings, index_dir) as store, store.writing():
        outdated = [stored.source for stored in store.articles() if stored.made_by != current]
        for done, source in enumerate(outdated, start=1):
            article = store.article(source)
            if article is None:  # others may write to a Milvus store meanwhile
                continue
            store.put(article, *encode(article, embedder, settings), current)
            if progress:
                progress(done, len(outdated), source)
    return len(outdated)


def encode(
    article: Article, embedder: Embedder, settings: Settings
) -> tuple[list[Chunk], NDArray[np.float32]]:
    """An article's chunks and their vectors `[chunks, dimension]`.

    What is embedded begins with the article's title; what a chunk holds does not.
    """
    limit = _chunk_tokens(embedder, settings)
    title = embedder.shorten(article.title, min(_TITLE_TOKENS, limit // 2))
    room = limit - embedder.count_tokens(f"{title}\n")
    while True:
        chunks = chunker.chunk(article.text, lambda span: len(embedder.tokens(span)[0]), room)
        texts = [f"{title}\n{chunk.text}" for chunk in chunks]
        above = max(map(embedder.count_tokens, texts), default=0) - limit
        if above <= 0:
            return chunks, embedder.encode(texts)
        # Tokens of sentences do not always add up: of a word that was cut, and in some models.
        room -= above
        if room < 1:
            raise SettingsError(
                f"The model {embedder.name} reads {limit} tokens, which is too few."
            )


def _chunk_tokens(embedder: Embedder, settings: Settings) -> int:
    return min(settings.chunk_tokens, embedder.max_tokens)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise SettingsError(f"There is no file or folder {path}.")
    return path.resolve()


@dataclass(frozen=True, slots=True)
class _Plan:
    known: frozenset[str]
    unchanged: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    removed: tuple[str, ...]
    to_load: tuple[Path, ...]
    failed: tuple[Failure, ...]


def _plan(roots: Sequence[Path], store: Store, settings: Settings) -> _Plan:
    """Compare the files' hashes with the stored ones."""
    known = store.hashes()
    failed: list[Failure] = []
    hashes: dict[str, str] = {}
    seen = set()
    for path, cause in sorted(_files(roots)):
        seen.add(str(path))
        try:
            if cause:
                raise ArticleError(cause)
            str(path).encode()  # SQLite keeps text in UTF-8
            hashes[str(path)] = content_hash(path, max_megabytes=settings.max_file_megabytes)
        except UnicodeEncodeError:
            failed.append(Failure(ascii(str(path)), "its name is not valid UTF-8"))
        except ArticleError as error:
            failed.append(Failure(str(path), str(error)))
    within = {str(root) for root in roots}
    gone = {
        source: digest
        for source, digest in known.items()
        for places in [{source, *map(str, Path(source).parents)}]
        # What lies in a folder that could not be read is not gone.
        if places & within and not places & seen
    }
    # The same bytes under another suffix are parsed otherwise, and so are another article.
    by_content = {(digest, Path(source).suffix.lower()): source for source, digest in gone.items()}
    renamed = []
    for source in [source for source in hashes if source not in known]:
        old = by_content.pop((hashes[source], Path(source).suffix.lower()), None)
        if old is not None:
            renamed.append((old, source))
            del gone[old], hashes[source]
    unchanged = {source: None for source, digest in hashes.items() if known.get(source) == digest}
    return _Plan(
        known=frozenset(known),
        unchanged=tuple(unchanged),
        renamed=tuple(renamed),
        removed=tuple(gone),
        to_load=tuple(Path(source) for source in hashes if source not in unchanged),
        failed=tuple(failed),
    )


def _files(roots: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Every file that could be an article, and why it is none ("" where it may be one).

    A file that was named is always in; in a folder, files of other kinds and hidden ones are left
    out without a word, and links are not followed.
    """
    for root in roots:
        if not root.is_dir():
            yield root, ""
            continue
        unreadable: list[OSError] = []
        for folder, folders, names in os.walk(root, onerror=unreadable.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            files = [
                name
                for name in names
                if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
            ]
            for kind, found in (("file", files), ("folder", folders)):
                for path in (Path(folder, name) for name in found):
                    if not path.is_symlink():
                        if kind == "file":
                            yield path, ""
                    elif not Path(os.path.realpath(path)).is_relative_to(root):
                        yield path, "it is a link that leads out of the folder"
        for error in unreadable:
            yield Path(error.filename), f"it cannot be opened: {error.strerror}"
