"""Search by keyword with tantivy's BM25. Knows nothing of articles, of SQLite or of vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

#: Among more texts than this, words that more than half of them hold are not searched for: they
#: weigh nothing by the first form of BM25's weights (Robertson and Sparck Jones 1976), little by
#: tantivy's, and took 12 of 17 ms in a million texts.
_MANY = 20_000

#: Among more ids than this, what is found is looked up in them, instead of they in the texts: of
#: 100,000 ids that took 120 ms.
_MANY_ALLOWED = 1_000

#: tantivy refuses a writer with less memory than this.
_WRITER_BYTES = 15_000_000


def _schema() -> tantivy.Schema:
    schema = tantivy.SchemaBuilder()
    schema.add_unsigned_field("id", indexed=True, fast=True)
    schema.add_text_field("text", tokenizer_name="words", index_option="freq")
    return schema.build()


@cache
def _analyzer() -> tantivy.TextAnalyzer:
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def stems(text: str) -> list[str]:
    """The index terms of `text`, in order: lower case, no accents, English stems."""
    return list(_analyzer().analyze(text))


class KeywordIndex:
    """BM25 over texts with ids of their own."""

    def __init__(self, index: tantivy.Index) -> None:
        index.register_tokenizer("words", _analyzer())
        index.config_reader(reload_policy="manual")  # else a thread watches files that never change
        self._index = index

    @classmethod
    def build(cls, texts: Iterable[tuple[int, str]], folder: Path | None = None) -> KeywordIndex:
        """From ids and texts; in memory, or in `folder`."""
        keyword = cls(tantivy.Index(_schema(), path=str(folder) if folder else None))
        keyword.change([], texts)
        return keyword

    @classmethod
    def load(cls, folder: Path) -> KeywordIndex:
        """From a folder that `build` filled and whose checksums were compared."""
        return cls(tantivy.Index.open(str(folder)))

    def change(self, gone: Sequence[int], texts: Iterable[tuple[int, str]]) -> None:
        """Take out the texts with the ids in `gone`, and put texts in.

        Until tantivy merges the files in which they stand, texts that were taken out still count
        in how rare a word is.
        """
        writer = self._index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        for text_id in gone:
            writer.delete_documents_by_term("id", text_id)
        for text_id, text in texts:
            document = tantivy.Document(text=text)
            document.add_unsigned("id", text_id)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(
        self, question: str, limit: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Ids and BM25 scores of the `limit` best texts that share a word with `question`.

        The question is never parsed as a query: each of its words is one term, whatever it looks
        like. With `among`, only these ids are considered, which stand in their order.
        """
        searcher = self._index.searcher()
        words = list(dict.fromkeys(stems(question)))
        if searcher.num_docs > _MANY:
            half = searcher.num_docs / 2
            words = [word for word in words if searcher.doc_freq("text", word) <= half] or words
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._index.schema, "text", word))
            for word in words
        ]
        if not terms or (among is not None and not len(among)):
            return []
        query = tantivy.Query.boolean_query(terms)
        if among is not None and len(among) > _MANY_ALLOWED:
            # To look each of them up costs more than to leave others out of what is found.
            wide = 2 * limit * max(1, searcher.num_docs // len(among))
            found = _hits(searcher, query, wide)
            ids = np.array([text_id for text_id, _ in found], np.int64)
            places = np.minimum(np.searchsorted(among, ids), len(among) - 1)
            kept = [hit for hit, is_in in zip(found, among[places] == ids, strict=True) if is_in]
            if len(kept) >= limit or len(found) < wide:
                return kept[:limit]
        if among is not None:
            allowed = tantivy.Query.term_set_query(self._index.schema, "id", among.tolist())
            query = tantivy.Query.boolean_query(
                [
                    (tantivy.Occur.Must, query),
                    (tantivy.Occur.Must, tantivy.Query.const_score_query(allowed, 0.0)),
                ]
            )
        return _hits(searcher, query, limit)


def _hits(searcher: tantivy.Searcher, query: tantivy.Query, limit: int) -> list[tuple[int, float]]:
    hits = searcher.search(query, max(1, min(limit, searcher.num_docs)), count=False).hits
    ids = searcher.fast_field_values("id", [address for _, address in hits])
    found = zip(ids, hits, strict=True)
    return [(int(text_id), float(score)) for text_id, (score, _) in found if text_id]
