"""The store on a Milvus server or cluster, for more articles than one machine holds.

Milvus has neither transactions nor snapshots. In their place, everything stored for an article
belongs to a version, and one row, the article's record, names the version that is current. A put
writes the new version, then replaces the record, then deletes the old version. What no record names
is never returned, and a later writer clears it away. Versions and ids follow from the content, so
that doing a put again changes nothing and two writers of the same articles come to the same end.

What it does not promise: a search while others write may miss an article that was replaced between
its steps, and an article that two writers put in two forms has the form of the one who came last.

Nothing that comes from articles or questions stands in a condition that Milvus parses: sources and
publishers are looked up by their hash. Words are split and stemmed here, by the rules of the local
store, so that both find the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.errors import ArticleError, IndexDamaged, IndexMismatch, IndexMissing
from index.milvus_rows import (
    ARTICLES,
    CHUNKS,
    IS_BEGUN,
    IS_RECORD,
    RECORD_FIELDS,
    TEXTS,
    UNUSED,
    Record,
    chunk_rows,
    condition,
    cut,
    hash_of,
    now,
    parts_of,
    spans_of,
    text_rows,
    version_of,
    words_of,
)
from index.milvus_server import MOST_BYTES, MilvusServer, any_of
from index.store import Filters, StoredArticle, StoredChunk, check_maker

#: A version that was begun and, after so long, is not current will not be any more. A writer
#: needs less for one article; clocks of two writers must not differ by as much.
_ABANDONED_SECONDS = 3600
#: How often a search is made anew because it met versions that are not current.
_SEARCHES = 5


class MilvusStore:
    """The index on a server, or in a local file; see `index.store.Store` for what it promises.

    Takes what `MilvusServer` takes. With a `maker`, `reading` checks that it made everything.
    Raises IndexMissing where there is none and `create` is false.
    """

    def __init__(
        self,
        uri: str,
        token: str = "",
        *,
        collection: str = "ask_articles",
        maker: str = "",
        create: bool = False,
        timeout_seconds: float = 10.0,
        abandoned_seconds: float = _ABANDONED_SECONDS,
        **options: Callable[..., Any],
    ) -> None:
        self.address = uri
        self.options = f"--store milvus --uri {uri}"
        self.is_behind = False  # what was written is found at once
        self._maker = maker
        self._abandoned = timedelta(seconds=abandoned_seconds)
        if uri.endswith(".db"):
            if not create and not Path(uri).exists():
                raise self._missing()
            Path(uri).absolute().parent.mkdir(parents=True, exist_ok=True)
        self._server = MilvusServer(
            uri, token, collection=collection, timeout_seconds=timeout_seconds, **options
        )
        try:
            for name, fields in (("texts", TEXTS), ("articles", ARTICLES)):
                if not self._server.open(name, fields):
                    if not create:
                        raise self._missing()
                    self._server.create(name, fields, len(UNUSED))
            self._dimension = self._server.open("chunks", CHUNKS)
            if maker:
                with self.reading():
                    pass
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> MilvusStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.close()

    def _missing(self) -> IndexMissing:
        return IndexMissing(
            f"There is no index in {self.address} yet. "
            f"Make one with: python -m index PATH {self.options}"
        )

    # Reading

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything that was written until a search begins is searched; there is no snapshot."""
        if self._maker:
            others = f'{IS_RECORD} and maker != "{hash_of(self._maker)}"'
            if next(self._server.rows("articles", others, ["key"]), None):
                check_maker(self, self._maker)
        self._dimension = self._dimension or self._server.open("chunks", CHUNKS)
        yield

    def makers(self) -> set[str]:
        return {
            str(row["made_by"]) for row in self._server.rows("articles", IS_RECORD, ["made_by"])
        }

    def hashes(self) -> dict[str, str]:
        return {
            record.stored.source: record.stored.content_hash for record in self._records(IS_RECORD)
        }

    def articles(self) -> list[StoredArticle]:
        stored = (record.stored for record in self._records(IS_RECORD))
        return sorted(stored, key=lambda article: (article.title, article.source))

    def article(self, source: str) -> Article | None:
        for _ in range(2):  # it may be replaced between two steps
            found = self._from(source)
            if not found:
                return None
            texts = self._texts(found[:1])
            if texts:
                return found[0].article(texts[found[0].version])
        raise IndexDamaged(
            f"{source} is not what was stored. Remove it and take it in again: "
            f"python -m index remove SOURCE {self.options}"
        )

    def chunk_spans(self, source: str) -> list[tuple[int, int, int]]:
        fields = ["id", "start", "end"]
        return [
            span
            for record in self._from(source)[:1]
            for span in spans_of(self._chunk_rows(record.version, fields))
        ]

    def publishers(self) -> list[str]:
        rows = self._server.rows("articles", IS_RECORD, ["publisher"])
        return sorted({row["publisher"] for row in rows} - {""})

    def search_vectors(
        self, vector: NDArray[np.float32], limit: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        if self._dimension not in (0, vector.shape[0]):
            raise self._mismatch(vector.shape[0])
        return self._search("vector", vector.tolist(), limit, filters)

    def search_keywords(
        self, question: str, limit: int, filters: Filters | None = None
    ) -> list[tuple[int, float]]:
        words = " ".join(dict.fromkeys(words_of(question)))
        # Milvus Lite gives BM25 scores with a minus in front, a server without.
        return [
            (chunk_id, abs(score))
            for chunk_id, score in self._search("sparse", words, limit, filters)
        ]

    def _search(
        self, field: str, value: Any, limit: int, filters: Filters | None
    ) -> list[tuple[int, float]]:
        """The best chunks of current versions."""
        if not self._dimension or not value:
            return []
        conditions = [condition(filters)] if filters else []
        stale: set[str] = set()
        for _ in range(_SEARCHES):
            without = [f"not ({any_of('version', sorted(stale))})"] if stale else []
            where = " and ".join([*conditions, *without])
            hits = self._server.search("chunks", field, value, limit, where, ["version"])
            versions = {hit["entity"]["version"] for hit in hits}
            met = versions - {record.version for record in self._current(versions)}
            stale |= met
            if not met:
                break
        return [
            (hit["id"], hit["distance"]) for hit in hits if hit["entity"]["version"] not in stale
        ]

    def chunks(self, ids: Sequence[int]) -> list[StoredChunk]:
        if not self._dimension or not ids:
            return []
        fields = ["id", "version", "start", "end"]
        rows = {row["id"]: row for row in self._server.rows("chunks", any_of("id", ids), fields)}
        records = self._current({row["version"] for row in rows.values()})
        texts = self._texts(records)
        articles = {
            record.version: record.article(texts[record.version])
            for record in records
            if record.version in texts
        }
        found = []
        for row in (rows[chunk_id] for chunk_id in dict.fromkeys(ids) if chunk_id in rows):
            if article := articles.get(row["version"]):
                start, end = row["start"], row["end"]
                chunk = Chunk(start, end, article.text[start:end])
                found.append(StoredChunk(row["id"], article, chunk))
        return found

    def figures(self) -> dict[str, str]:
        return {}

    def problems(self) -> list[str]:
        found = []
        begun = {row["version"] for row in self._server.rows("articles", IS_BEGUN, ["version"])}
        rows = Counter({"texts": 0, "chunks": 0})  # that belong to an article
        sources: Counter[str] = Counter()
        for record in self._records(IS_RECORD):
            source = record.stored.source
            sources[source] += 1
            begun.discard(record.version)
            text = self._texts([record]).get(record.version, "")
            chunks = list(self._chunk_rows(record.version, ["id", "start", "end", "vector"]))
            rows.update(texts=sum(1 for _ in parts_of(text)), chunks=len(chunks))
            spans = [(start, end) for _, start, end in spans_of(chunks)]
            made_by = record.stored.made_by
            if record.version != version_of(record.key, record.article(text), spans, made_by):
                found.append(f"{source} is not what was stored.")
            elif not all(abs(np.linalg.norm(row["vector"]) - 1) < 0.02 for row in chunks):
                found.append(f"A vector of {source} is not a unit vector.")
        found += [f"{source} is stored twice." for source, times in sources.items() if times > 1]
        for name, expected in rows.items():
            if name == "chunks" and not self._dimension:
                continue
            unfinished = self._server.count(name, any_of("version", sorted(begun))) if begun else 0
            if strangers := self._server.count(name, "") - unfinished - expected:
                found.append(f"{strangers} rows of the collection of {name} are of no article.")
        return found

    def _records(self, where: str) -> Iterator[Record]:
        for row in self._server.rows("articles", where, RECORD_FIELDS):
            yield Record.of(row)

    def _from(self, source: str) -> list[Record]:
        """The record of the article from `source`; two, where two writers renamed at a time."""
        return list(self._records(f'owner == "{hash_of(source)}"'))

    def _current(self, versions: Collection[str]) -> list[Record]:
        """The records that name one of these versions."""
        if not versions:
            return []
        return list(self._records(f"{IS_RECORD} and {any_of('version', sorted(versions))}"))

    def _texts(self, records: Sequence[Record]) -> dict[str, str]:
        """The records' texts by version, but for those that are not whole just now."""
        parts: dict[str, dict[str, str]] = {record.version: {} for record in records}
        if records:
            where = any_of("version", sorted(parts))
            for row in self._server.rows("texts", where, ["key", "version", "text"]):
                parts[row["version"]][row["key"]] = row["text"]
        texts = {
            version: "".join(text for _, text in sorted(found.items()))
            for version, found in parts.items()
        }
        return {
            record.version: texts[record.version]
            for record in records
            if len(texts[record.version]) == record.stored.characters
        }

    def _chunk_rows(self, version: str, fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        if self._dimension:
            yield from self._server.rows("chunks", any_of("version", [version]), fields)

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Clears away first what writers that were cut short have left. Others may write, too."""
        before = now(self._abandoned)
        begun = list(self._server.rows("articles", IS_BEGUN, ["version", "added"]))
        self._clear([row["version"] for row in begun if row["added"] <= before])
        yield

    def put(
        self,
        article: Article,
        chunks: Sequence[Chunk],
        vectors: NDArray[np.float32],
        made_by: str,
    ) -> None:
        """Titles and publishers of more than 65,535 bytes are cut.

        Raises ArticleError for a source as long, and IndexMismatch for vectors of another length
        than those before.
        """
        if len(article.source.encode()) > MOST_BYTES:
            raise ArticleError(f"its source is longer than {MOST_BYTES:,} bytes")
        article = replace(article, title=cut(article.title), publisher=cut(article.publisher))
        found = self._from(article.source)
        key = found[0].key if found else self._free_key(article.source)
        version = version_of(key, article, [(c.start, c.end) for c in chunks], made_by)
        rows = chunk_rows(article, version, chunks, vectors)
        stored = StoredArticle(
            article.source,
            article.title,
            article.publisher,
            article.published,
            len(article.text),
            len(chunks),
            now(),
            article.content_hash,
            made_by,
        )
        if chunks:
            self._open_chunks(vectors.shape[1])
        versions = [version, *(record.version for record in found if record.version != version)]
        self._begin(versions)
        self._server.upsert("texts", text_rows(article.text, version))
        self._server.upsert("chunks", rows)
        self._server.upsert("articles", [Record(key, version, stored).row()])  # now it is stored
        if twins := [record.key for record in found[1:]]:
            self._server.delete("articles", any_of("key", twins))
        self._clear(versions)

    def rename(self, old_source: str, new_source: str) -> None:
        self._server.upsert(
            "articles",
            [
                replace(record, stored=replace(record.stored, source=new_source)).row()
                for record in self._from(old_source)
            ],
        )

    def remove(self, source: str) -> bool:
        found = self._from(source)
        if found:
            versions = [record.version for record in found]
            self._begin(versions)
            self._server.delete("articles", any_of("key", [record.key for record in found]))
            self._clear(versions)
        return bool(found)

    def _begin(self, versions: Sequence[str]) -> None:
        """Write down that rows of these versions may have to be cleared away."""
        nothing = StoredArticle("", "", "", None, 0, 0, now(), "", "")
        rows = [Record(version, version, nothing).row() | {"owner": ""} for version in versions]
        self._server.upsert("articles", rows)

    def _clear(self, versions: Sequence[str]) -> None:
        """Delete those of these versions that are not current, and forget that they were begun."""
        current = {record.version for record in self._current(versions)}
        if stale := [version for version in versions if version not in current]:
            for name in ("chunks", "texts") if self._dimension else ("texts",):
                self._server.delete(name, any_of("version", stale))
        if versions:
            self._server.delete("articles", any_of("key", versions))

    def _free_key(self, source: str) -> str:
        """A key for a new article: that of its source, but where a renamed one has kept it."""
        keys = (hash_of(source, attempt) for attempt in count())
        return next(
            key
            for key in keys
            if next(self._server.rows("articles", any_of("key", [key]), ["key"]), None) is None
        )

    def _open_chunks(self, dimension: int) -> None:
        self._dimension = self._dimension or self._server.open("chunks", CHUNKS)
        if not self._dimension:
            self._server.create("chunks", CHUNKS, dimension)
            self._dimension = dimension
        if self._dimension != dimension:
            raise self._mismatch(dimension)

    def _mismatch(self, dimension: int) -> IndexMismatch:
        return IndexMismatch(
            f"The vectors at {self.address} have {self._dimension} numbers; the embedding model "
            f"makes {dimension}. Choose another name in RAG_STORE_COLLECTION for this model."
        )
