"""What a Milvus store does where a folder would not: be cut short, away, or shared."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval.gold import load_gold
from index.article import Article, Chunk
from index.embedder import Embedder
from index.errors import ArticleError, IndexBusy, IndexMismatch, IndexProblem, SettingsError
from index.local import LocalStore
from index.settings import Settings
from index.store import Filters
from index.syncing import maker, sync
from rag.retriever import Retriever

pytest.importorskip("pymilvus", reason="the Milvus store is not installed")

from pymilvus import MilvusClient, MilvusException

from index import milvus_server
from index.milvus import MilvusStore

ROOT = Path(__file__).parents[1]
COPPER = Article("/a.md", "Copper", "Andina", date(2026, 1, 30), "Copper rose. Tin fell.", "hash")
CHUNKS = [Chunk(0, 12, "Copper rose."), Chunk(13, 22, "Tin fell.")]
EDITED = replace(COPPER, text="Copper rose. Zinc sank.", content_hash="other")
EDITED_CHUNKS = [Chunk(0, 12, "Copper rose."), Chunk(13, 23, "Zinc sank.")]
NORTH, EAST = np.array([0, 1], np.float32), np.array([1, 0], np.float32)
VECTORS = np.stack([NORTH, EAST])

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def uri(empty_milvus: Path, tmp_path: Path) -> str:
    return str(shutil.copytree(empty_milvus, tmp_path / "store.db"))


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_server, "_WAITS_SECONDS", (0.0, 0.0, 0.0))


class Watched:
    """A client; `before` and `after` are called around each call that reaches the server."""

    def __init__(self, client: Any, before: Callable[[str], None], after: Callable[[str], None]):
        self._client, self._before, self._after = client, before, after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if name in {"close", "has_collection", "describe_collection", "load_collection"}:
            return method

        def call(*arguments: Any, **options: Any) -> Any:
            self._before(name)
            found = method(*arguments, **options)
            self._after(name)
            return found

        return call


def nothing(name: str) -> None:
    pass


def watched(
    before: Callable[[str], None] = nothing, after: Callable[[str], None] = nothing
) -> Callable[..., Any]:
    """To connect with: the clients that it makes are watched."""
    return lambda *arguments, **options: Watched(MilvusClient(*arguments, **options), before, after)


def found(store: MilvusStore) -> list[str]:
    """The chunks that vector search and keyword search both find, by their text."""
    with store.reading():
        near = store.chunks([chunk for chunk, _ in store.search_vectors(EAST, 9)])
        said = store.chunks([chunk for chunk, _ in store.search_keywords("copper", 9)])
    assert sorted(near, key=lambda one: one.id) == sorted(said, key=lambda one: one.id)
    return sorted(one.chunk.text for one in near)


def rows(store: MilvusStore) -> dict[str, int]:
    return {name: store._server.count(name, "") for name in ("articles", "texts", "chunks")}


# Cut short


def put_edited(store: MilvusStore) -> None:
    store.put(EDITED, EDITED_CHUNKS, VECTORS, "maker")


def rename(store: MilvusStore) -> None:
    store.rename("/a.md", "/b.md")


def remove(store: MilvusStore) -> None:
    store.remove("/a.md")


OLD, NEW = ["Copper rose.", "Tin fell."], ["Copper rose.", "Zinc sank."]


class CutShort(BaseException):
    """As KeyboardInterrupt: nothing here may catch it."""


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done, but nobody told"])
@pytest.mark.parametrize(
    ("act", "outcomes"), [(put_edited, [OLD, NEW]), (rename, [OLD]), (remove, [OLD, []])]
)
def test_cut_short_at_any_call_leaves_the_old_or_the_new_and_nothing_between(
    uri: str, act: Callable[[MilvusStore], None], outcomes: list[list[str]], done: bool
) -> None:
    last: list[list[str]] = []
    for call in range(1, 99):
        calls = 0

        def count(name: str, call: int = call) -> None:
            nonlocal calls
            calls += 1
            if calls == call:
                raise CutShort

        with MilvusStore(uri, create=True) as store:
            for one in store.articles():
                store.remove(one.source)
            store.put(COPPER, CHUNKS, VECTORS, "maker")
        connect = watched(after=count) if done else watched(before=count)
        finished = False
        with suppress(CutShort), MilvusStore(uri, connect=connect) as store:
            calls = 0
            act(store)
            finished = True
        with MilvusStore(uri, maker="maker", abandoned_seconds=-1) as store:
            last.append(found(store))
            assert last[-1] in outcomes
            assert len(store.articles()) == bool(last[-1])
            for one in store.articles():
                article = store.article(one.source)
                assert article in (COPPER, EDITED, replace(COPPER, source="/b.md"))
                assert article.text == " ".join(last[-1])
            assert store.problems() == []
            with store.writing():
                pass
            assert found(store) == last[-1]
            assert rows(store) == (
                {"articles": 1, "texts": 1, "chunks": 2}
                if last[-1]
                else {"articles": 0, "texts": 0, "chunks": 0}
            )
            assert store.problems() == []
        if finished:
            break
    assert finished
    assert [one for one, _ in zip(last, [[], *last], strict=False) if one != _] == outcomes


def test_what_a_writer_at_work_has_begun_is_left_alone(uri: str) -> None:
    calls: list[str] = []

    def stop(name: str) -> None:
        calls.append(name)
        if calls.count("upsert") == 4:  # all but the article's record is written
            raise CutShort

    with suppress(CutShort), MilvusStore(uri, connect=watched(before=stop)) as store:
        store.put(COPPER, CHUNKS, VECTORS, "maker")
    with MilvusStore(uri, maker="maker") as store:
        with store.writing():
            pass
        assert found(store) == []
        assert rows(store) == {"articles": 1, "texts": 1, "chunks": 2}
        assert store.problems() == []
        store.put(COPPER, CHUNKS, VECTORS, "maker")
        assert found(store) == OLD
        assert rows(store) == {"articles": 1, "texts": 1, "chunks": 2}


def test_two_writers_of_one_article_come_to_the_same_end(uri: str) -> None:
    """At each call of the one the other puts the whole of its version."""
    for call in range(1, 20):
        calls = 0
        with MilvusStore(uri, abandoned_seconds=-1) as other:
            other.put(COPPER, CHUNKS, VECTORS, "maker")

            def intrude(name: str, other: MilvusStore = other, call: int = call) -> None:
                nonlocal calls
                calls += 1
                if calls == call:
                    other.put(EDITED, EDITED_CHUNKS, VECTORS, "maker")

            with MilvusStore(uri, connect=watched(before=intrude)) as store:
                calls = 0
                store.put(EDITED, EDITED_CHUNKS, VECTORS, "maker")
            with other.writing():
                pass
            assert found(other) == NEW
            assert rows(other) == {"articles": 1, "texts": 1, "chunks": 2}
            assert other.problems() == []


# Away


@pytest.mark.usefixtures("_impatient")
def test_call_that_fails_is_made_again(uri: str) -> None:
    failed = 0

    def fail(name: str) -> None:
        nonlocal failed
        failed += 1
        if failed % 3:
            raise MilvusException(2, "Fail connecting to server")

    with MilvusStore(uri, maker="maker", connect=watched(before=fail)) as store:
        store.put(COPPER, CHUNKS, VECTORS, "maker")
        assert found(store) == OLD
        assert store.problems() == []
    assert failed > 30


@pytest.mark.usefixtures("_impatient")
def test_server_that_stays_away_is_named_without_the_token() -> None:
    def refuse(*arguments: Any, token: str, **options: Any) -> Any:
        raise MilvusException(2, f"no connection\nfor {token}")

    with pytest.raises(IndexProblem) as caught:
        MilvusStore("http://127.0.0.1:1", "root:s3cret", connect=refuse)
    assert str(caught.value) == (
        "The Milvus server at http://127.0.0.1:1 cannot be used: no connection for ***. Check that "
        "it is running and that RAG_STORE_URI and RAG_STORE_TOKEN are right, then run this again; "
        "what was stored is intact."
    )


@contextmanager
def server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(folder)]
    with subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def test_server_killed_in_mid_write_and_started_again_has_everything(uri: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    texts = [f"Mine {number} sold copper." for number in range(12)]
    articles = [replace(COPPER, source=f"/{text}", text=text) for text in texts]
    with server(Path(uri), port) as first, MilvusStore(address) as store:
        others: list[Any] = []

        def restart() -> None:
            first.kill()
            first.wait()
            time.sleep(0.3)
            others.append(server(Path(uri), port))
            others[0].__enter__()

        thread = threading.Thread(target=restart)
        for number, article in enumerate(articles):
            if number == 6:
                thread.start()
            store.put(article, [Chunk(0, len(article.text), article.text)], EAST[None], "maker")
        thread.join()
        try:
            assert [one.source for one in store.articles()] == sorted(f"/{text}" for text in texts)
            assert len(found(store)) == 9
            assert store.problems() == []
        finally:
            others[0].__exit__(None, None, None)


def test_server_that_hangs_is_given_up_and_named(uri: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (
        server(Path(uri), port) as process,
        MilvusStore(address, timeout_seconds=2) as store,
    ):
        store.put(COPPER, CHUNKS, VECTORS, "maker")
        process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(IndexProblem, match=f"The Milvus server at {address} cannot be used"):
            store._server.count("articles", "")
        assert time.monotonic() - started < 20
        process.send_signal(signal.SIGCONT)


# What does not fit


def test_vectors_of_another_length_are_a_mismatch(uri: str) -> None:
    with MilvusStore(uri) as store:
        with pytest.raises(IndexMismatch, match="have 2 numbers; the embedding model makes 3"):
            store.put(COPPER, CHUNKS, np.eye(3, dtype=np.float32)[:2], "maker")
        with pytest.raises(IndexMismatch, match="RAG_STORE_COLLECTION"):
            store.search_vectors(np.ones(3, np.float32), 9)
        assert store.articles() == []


def test_collection_of_another_program_is_a_mismatch(tmp_path: Path) -> None:
    uri = str(tmp_path / "other.db")
    client = MilvusClient(uri)
    client.create_collection("ask_articles_articles", dimension=2)
    with pytest.raises(IndexMismatch, match=r"ask_articles_articles at .* another program"):
        MilvusStore(uri, create=True)
    with MilvusStore(uri, collection="mine", create=True) as store:
        assert store.articles() == []
    client.close()


def test_collection_whose_making_was_cut_short_is_finished(tmp_path: Path) -> None:
    uri = str(tmp_path / "half.db")

    class CutShortIndex(MilvusClient):
        def create_index(self, *_: object, **__: object) -> None:
            raise CutShort

        _create_index = create_index

    with pytest.raises(CutShort):
        MilvusStore(uri, create=True, connect=CutShortIndex)
    with MilvusStore(uri, create=True) as store:
        store.put(COPPER, CHUNKS, VECTORS, "maker")
        assert found(store) == OLD
        assert store.problems() == []


def test_title_that_is_too_long_is_cut_and_a_source_is_refused(uri: str) -> None:
    with MilvusStore(uri) as store:
        store.put(replace(COPPER, title="锡" * 30_000), CHUNKS, VECTORS, "maker")
        assert store.articles()[0].title == "锡" * 21_845
        assert store.problems() == []
        with pytest.raises(ArticleError, match="its source is longer"):
            store.put(replace(COPPER, source="s" * 65_536), CHUNKS, VECTORS, "maker")


@pytest.mark.parametrize(
    ("collection", "change", "said"),
    [
        ("chunks", {"start": 1}, "/a.md is not what was stored."),
        ("chunks", {"vector": [1.0, 1.0]}, "A vector of /a.md is not a unit vector."),
        ("texts", {"text": "Copper rose. Tan fell."}, "/a.md is not what was stored."),
        ("articles", {"title": "Tin"}, "/a.md is not what was stored."),
        (
            "chunks",
            {"id": 7, "version": "7"},
            "1 rows of the collection of chunks are of no article.",
        ),
        ("texts", {"key": "7", "version": "7"}, "1 rows of the collection of texts are of no"),
    ],
)
def test_change_behind_the_stores_back_is_found(
    uri: str, collection: str, change: dict[str, Any], said: str
) -> None:
    with MilvusStore(uri) as store:
        store.put(COPPER, CHUNKS, VECTORS, "maker")
        client, name = store._server._client, f"ask_articles_{collection}"
        fields = {field["name"] for field in client.describe_collection(name)["fields"]}
        where = "id > 0" if "id" in fields else 'key > ""'
        (row, *_) = client.query(name, filter=where, output_fields=sorted(fields - {"sparse"}))
        client.upsert(name, [dict(row) | change])
        assert [line[: len(said)] for line in store.problems()] == [said]


def test_local_file_that_another_process_has_open_is_busy(
    uri: str, monkeypatch: pytest.MonkeyPatch, python: Python
) -> None:
    with MilvusStore(uri):
        done = python(
            "-c",
            "import sys\nfrom index import milvus_server\nmilvus_server._WAITS_SECONDS = ()\n"
            "from index.errors import IndexBusy\nfrom index.milvus import MilvusStore\n"
            "try:\n    MilvusStore(sys.argv[1])\nexcept IndexBusy as error:\n    print(error)",
            uri,
        )
    assert done.stdout.startswith(f"The store in {uri} cannot be opened. Another process may")
    assert done.stderr == ""
    assert IndexBusy.__doc__


@pytest.mark.parametrize("uri", ["", "milvus", "ftp://a:1", "http://root:secret@host:1", "/a"])
def test_address_that_is_none_is_named_without_what_it_holds(uri: str) -> None:
    with pytest.raises(SettingsError, match="RAG_STORE_URI is http://HOST:PORT") as caught:
        MilvusStore(uri)
    assert "secret" not in str(caught.value)


# As a whole


def test_command_takes_the_store_and_its_address(
    python: Python, tmp_path: Path, write: Callable[[str, str | bytes], Path]
) -> None:
    folder = write("copper.md", "# Copper\n\nThe Toquepala mine sold 40 tonnes of copper.\n").parent
    options = ("--store", "milvus", "--uri", str(tmp_path / "store.db"))
    missing = python("-m", "index", "list", *options)
    assert missing.returncode == 2
    assert missing.stderr.startswith("Error: There is no index in")
    assert python("-m", "index", str(folder), *options).stdout == (
        f"1 added, 0 changed, 0 removed, 0 unchanged, 0 not taken in: {tmp_path / 'store.db'}\n"
    )
    assert python("-m", "index", "verify", *options).stdout == "Everything agrees.\n"
    asked = python("-m", "rag", "How many tonnes of copper did the mine sell?", *options)
    assert asked.stdout.startswith("40\n"), asked.stderr
    mixed = python("-m", "index", "status", "--index", str(tmp_path), *options)
    assert (mixed.returncode, mixed.stderr.count("\n")) == (2, 1)
    assert mixed.stderr.startswith("Error: --index is a folder of the local store")
    alone = python("-m", "rag", "What?", "--uri", "http://localhost:1")
    assert alone.stderr == "Error: --uri is the address of Milvus; say --store milvus, too.\n"


def test_same_passages_are_found_as_in_the_local_store(
    bundled_articles: Path, bundled_index: Path, embedder: Embedder, tmp_path: Path
) -> None:
    settings = Settings(store="milvus", store_uri=str(tmp_path / "store.db"))
    made_by = maker(embedder, settings)
    assert len(sync(bundled_articles, settings=settings, embedder=embedder).added) == 5
    assert len(sync(bundled_articles, settings=settings, embedder=embedder).unchanged) == 5
    questions = [gold.question for gold in load_gold(ROOT / "eval" / "gold.jsonl")[::6]]
    with (
        LocalStore(bundled_index, maker=made_by) as local,
        MilvusStore(settings.store_uri, maker=made_by) as milvus,
    ):
        assert milvus.problems() == []
        same = 0
        for question in questions:
            passages = []
            for store in (local, milvus):
                with store.reading():
                    passages.append(
                        Retriever(store, embedder, settings.candidates).retrieve(
                            question, filters=Filters(until=date(2027, 1, 1))
                        )
                    )
            places = [[(p.article.source, p.start, p.end) for p in found] for found in passages]
            assert all(p.article.text[p.start : p.end] == p.text for p in passages[1])
            same += len(set(places[0]) & set(places[1]))
    assert same / (8 * len(questions)) > 0.95
