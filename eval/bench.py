"""How fast an index is built, opened and searched, and how fast texts become vectors.

The texts are those of this project's articles, their sentences drawn anew; the questions are those
of the gold set. To encode a million chunks would take half a day, so vectors are those of real
chunks, each moved by noise. Knows nothing of how figures are shown.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.article import Article, Chunk
from index.bert import fastest_dtype
from index.database import Database
from index.embedder import Embedder
from index.errors import SettingsError
from index.loader import load
from index.local import LocalStore
from index.searches import vector_batches
from index.sentences import sentence_spans
from index.settings import Settings
from index.store import Filters
from index.syncing import maker, sync
from index.vectors import Nearest, VectorIndex
from rag.fusion import reciprocal_rank_fusion

#: Of a varied vector to the real one: about that of two chunks on one subject.
_COSINE = 0.8
_MAKER = "bench"
_FIRST_DAY = date(2026, 1, 1)  #: of a hundred, of which each article has one
_DEPTH, _READ = 50, 8  # as Settings.candidates and Assistant.answer have it
_NEAREST = 10

_ROUNDS = 3
#: Passages that are encoded by the one and then by the other.
_PART = 500

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Material:
    """What articles are made of, and what is asked of them."""

    sentences: tuple[str, ...]
    vectors: NDArray[np.float32]  #: `[chunks, dimension]`, of real chunks


def gather(texts: Sequence[str], embedder: Embedder) -> Material:
    """The sentences of some texts, and the vectors of stretches of eight of them."""
    sentences = [text[a:b] for text in texts for a, b in sentence_spans(text) if b - a > 30]
    stretches = [" ".join(sentences[at : at + 8]) for at in range(0, len(sentences), 8)]
    return Material(tuple(sentences), embedder.encode(stretches))


def made_up(
    material: Material, count: int, chunks: int, draw: np.random.Generator
) -> Iterator[tuple[Article, list[Chunk], NDArray[np.float32]]]:
    """`count` articles of `chunks` chunks, with vectors."""
    width = material.vectors.shape[1]
    spread = np.sqrt(1 / _COSINE**2 - 1) / np.sqrt(width)
    for number in range(count):
        text, spans = "", []
        for _ in range(chunks):
            drawn = draw.choice(len(material.sentences), size=8)
            piece = " ".join(material.sentences[place] for place in drawn)
            spans.append(Chunk(len(text), len(text) + len(piece), piece))
            text += piece + "\n\n"
        vectors = material.vectors[draw.integers(len(material.vectors), size=chunks)]
        vectors = vectors + spread * draw.normal(size=vectors.shape).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        title = f"Report {number}: {material.sentences[number % len(material.sentences)][:60]}"
        name = f"/bench/{draw.integers(2**60):x}.txt"
        day = _FIRST_DAY + timedelta(days=number % 100)
        yield Article(name, title, "Bench", day, text, f"{name} as it is"), spans, vectors


def build(
    index_dir: Path,
    material: Material,
    chunks: int,
    article_chunks: int,
    progress: Callable[[int, int, str], None],
) -> list[Row]:
    """Store `chunks` chunks and open the caches; then change ten articles, and delete one."""
    draw = np.random.default_rng(0)
    articles = max(1, chunks // article_chunks)
    store = LocalStore(index_dir, create=True)
    stored = 0.0
    sources = []
    clock = time.perf_counter
    for number, item in enumerate(made_up(material, articles, article_chunks, draw), start=1):
        started = clock()
        store.put(*item, _MAKER)
        stored += clock() - started
        sources.append(item[0].source)
        progress(number, articles, "")
    started = clock()
    with store.writing():
        pass
    cached = clock() - started
    changed = list(made_up(material, 10, article_chunks, draw))
    started = clock()
    with store.writing():
        for item in changed:
            store.put(*item, _MAKER)
    ten = clock() - started
    started = clock()
    store.remove(sources[0])
    removed = clock() - started
    started = clock()
    with store.writing():
        pass
    refreshed = clock() - started
    store.close()
    size = sum(file.stat().st_size for file in index_dir.rglob("*") if file.is_file())
    return [
        ("stored, no encoding", f"{articles * article_chunks / stored:,.0f} chunks a second"),
        ("caches built", f"{cached:.1f} s"),
        ("ten articles more, caches with them", f"{1000 * ten:.0f} ms"),
        ("one article deleted", f"{1000 * removed:.1f} ms"),
        ("caches after that", f"{1000 * refreshed:.0f} ms"),
        ("on the disk", f"{size / 1e6:,.0f} MB"),
        ("built with, at most", f"{_megabytes():,.0f} MB"),
    ]


def change(folder: Path, material: Material, articles: int, changed: int) -> list[Row]:
    """Sync a folder of which some files have changed, and a folder of just those files, in turn.

    The first sync of the large folder does not encode: what it would store is made up.
    """
    draw = np.random.default_rng(0)
    embedder, settings = Embedder(), Settings()
    embedder.encode(["warm"])
    large, small = folder / "large", folder / "small"
    large.mkdir()
    with LocalStore(folder / "large-index", create=True) as store, store.writing():
        for article, chunks, vectors in made_up(material, articles, 6, draw):
            file = large / Path(article.source).name
            file.write_text(article.text, "utf-8")
            kept = replace(load(file, max_megabytes=1), title=article.title)
            store.put(kept, chunks, vectors, maker(embedder, settings))
    files = sorted(large.iterdir())
    clock = time.perf_counter
    seconds = np.zeros((3, _ROUNDS))
    for attempt in range(_ROUNDS):
        shutil.rmtree(small, ignore_errors=True)
        small.mkdir()
        for file in draw.choice(len(files), size=changed, replace=False):
            files[file].write_text(f"Round {attempt}. " + files[file].read_text("utf-8"), "utf-8")
            shutil.copy(files[file], small)
        for place, (source, index) in enumerate(
            [
                (large, folder / "large-index"),
                (small, folder / f"small-index-{attempt}"),
                (large, folder / "large-index"),
            ]
        ):
            started = clock()
            report = sync(source, index, embedder=embedder, settings=settings)
            seconds[place, attempt] = clock() - started
            assert len(report.added) + len(report.changed) == (changed if place < 2 else 0)
    most, alone, nothing = np.median(seconds, axis=1)
    return [
        (f"{changed} of {articles:,} changed", f"{most:.2f} s"),
        (f"{changed} articles alone", f"{alone:.2f} s"),
        ("ratio", f"{most / alone:.2f}"),
        ("nothing changed", f"{nothing:.2f} s"),
    ]


def search(index_dir: Path, questions: Sequence[str]) -> list[Row]:
    """Open the index and search it. In a process of its own, so that its memory is that of this."""
    clock = time.perf_counter
    embedder = Embedder()
    embedder.encode(["warm"])
    before = _megabytes()
    started = clock()
    store = LocalStore(index_dir, maker=_MAKER)
    opened = clock() - started
    times: dict[str, list[float]] = {}
    vectors: list[NDArray[np.float32]] = []
    found: list[list[int]] = []

    @contextmanager
    def timed(stage: str) -> Iterator[None]:
        started = clock()
        yield
        times.setdefault(stage, []).append(clock() - started)

    for question in questions:
        with timed("embed"):
            vector = embedder.encode([question])[0]
        with store.reading():
            with timed("dense"):
                dense = store.search_vectors(vector, _DEPTH)
            with timed("keyword"):
                keyword = store.search_keywords(question, _DEPTH)
            with timed("fuse"):
                ranks = [[i for i, _ in dense], [i for i, _ in keyword]]
                fused = reciprocal_rank_fusion(ranks, (1.0, 0.5))[:_READ]
            with timed("fetch"):
                store.chunks([i for i, _ in fused])
        vectors.append(vector)
        found.append([i for i, _ in dense[:_NEAREST]])
    memory = _megabytes()
    whole = np.sum([times[stage] for stage in times if stage != "embed"], axis=0)
    for share, days in (("half of the articles", 50), ("one in a hundred", 99)):
        filters = Filters(since=_FIRST_DAY + timedelta(days=days))
        for question, vector in zip(questions, vectors, strict=True):
            with store.reading(), timed(f"both searches among {share}"):
                store.search_vectors(vector, _DEPTH, filters)
                store.search_keywords(question, _DEPTH, filters)
    store.close()
    exact = Nearest(np.stack(vectors), _NEAREST)
    with Database(index_dir) as database:
        for ids, batch in vector_batches(database):
            exact.add(ids, batch)
    recall = exact.recall(np.array(found))
    return [
        ("opened", f"{opened:.2f} s"),
        ("memory, the model's share", f"{memory:,.0f} MB, {before:,.0f} MB"),
        *((stage, _spread(values)) for stage, values in times.items()),
        ("retrieval without embed", _spread(whole)),
        (f"recall@{_NEAREST} of dense", f"{recall:.3f} ({len(questions)} questions)"),
    ]


def encode(material: Material, passages: int) -> list[Row]:
    """Encode and index passages as this project does and as LangChain does by default, in turn.

    The same model, the same passages; the parts alternate, so that a machine that slows down slows
    both.
    """
    try:
        from langchain_community.embeddings import HuggingFaceEmbeddings
        from langchain_community.vectorstores import FAISS
    except ImportError as error:
        raise SettingsError(
            "To compare with LangChain: pip install -c constraints.txt langchain-community"
        ) from error

    draw = np.random.default_rng(0)
    texts = [
        " ".join(draw.choice(material.sentences, size=draw.integers(3, 9))) for _ in range(passages)
    ]
    ours = Embedder()
    theirs = HuggingFaceEmbeddings(model_name=str(ours.folder), model_kwargs={"device": "cpu"})
    for model in (ours.encode, theirs.embed_documents):
        model(texts[:8])
    seconds = np.zeros(2)
    cosines = []
    clock = time.perf_counter
    for at in range(0, passages, _PART):
        part = texts[at : at + _PART]
        started = clock()
        mine = ours.encode(part)
        index = VectorIndex(None, np.empty(0, np.int64))
        index.add(np.arange(len(part)), mine)
        seconds[0] += clock() - started
        started = clock()
        store = FAISS.from_texts(part, theirs)
        seconds[1] += clock() - started
        cosines.append((mine * store.index.reconstruct_n(0, len(part))).sum(axis=1).min())
    rates = passages / seconds
    return [
        ("this project", f"{rates[0]:.1f} passages a second"),
        ("LangChain: HuggingFaceEmbeddings, FAISS.from_texts", f"{rates[1]:.1f}"),
        ("ratio", f"{rates[0] / rates[1]:.2f}"),
        ("least cosine between the two", f"{min(cosines):.4f}"),
        ("numbers", str(fastest_dtype())),
    ]


def _spread(seconds: Sequence[float] | NDArray[np.float64]) -> str:
    middle, high = 1000 * np.percentile(seconds, [50, 95])
    return f"p50 {middle:.2f} ms, p95 {high:.2f} ms"


def _megabytes() -> float:
    """The most memory that this process has had; where there is no telling, none."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1]) / 1000
