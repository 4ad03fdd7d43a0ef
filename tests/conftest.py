"""What the tests share: one model, one index over the bundled articles, one open assistant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from http_client import Client, Serve
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect, sync_playwright
from served import chromium, served

from index.article import Article, Chunk
from index.embedder import Embedder
from index.local import LocalStore
from index.settings import Settings
from index.syncing import maker, sync
from rag import Assistant
from rag.calibration import Calibration
from rag.extractive import ExtractiveReader
from rag.retriever import Retriever
from rag.span import SpanReader, open_span_reader

ROOT = Path(__file__).parents[1]

# The same examples in every run, and no deadline: the machine is shared.
settings.register_profile(
    "calm",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("calm")


class CountingEmbedder(Embedder):
    """The real model; remembers which texts it was given to encode."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded.extend(texts)
        return super().encode(texts)


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_user() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RAG_")]:
            patch.delenv(name)
        yield


@pytest.fixture(autouse=True)
def _index_dir_of_its_own(
    _no_settings_of_the_user: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_INDEX_DIR", str(tmp_path / "default-index"))


@pytest.fixture(scope="session")
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture(scope="session")
def bundled_articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the articles that come with the project. Leave it as it is."""
    folder = tmp_path_factory.mktemp("bundled") / "articles"
    shutil.copytree(ROOT / "articles", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def bundled_index(
    bundled_articles: Path,
    embedder: CountingEmbedder,
    tmp_path_factory: pytest.TempPathFactory,
    _no_settings_of_the_user: None,
) -> Path:
    """An index over the bundled articles. Copy it before you change it."""
    folder = tmp_path_factory.mktemp("bundled-index")
    report = sync(bundled_articles, folder, embedder=embedder)
    assert len(report.added) == 5
    return folder


@pytest.fixture(scope="session")
def spans(embedder: CountingEmbedder) -> SpanReader:
    """The span reader that comes with the project."""
    return open_span_reader(embedder=embedder)


@pytest.fixture(scope="session")
def assistant_over(
    embedder: CountingEmbedder, spans: SpanReader, _no_settings_of_the_user: None
) -> Callable[[Path], Assistant]:
    """As `Assistant.open`, with the models that are loaded already."""

    def open_assistant(index_dir: Path) -> Assistant:
        options = Settings(index_dir=index_dir)
        store = LocalStore(index_dir, maker=maker(embedder, options))
        return Assistant(
            store,
            Retriever(store, embedder, options.candidates),
            ExtractiveReader(embedder.encode, spans, Calibration.load()),
            options,
        )

    return open_assistant


@pytest.fixture(scope="session")
def assistant(
    bundled_index: Path, assistant_over: Callable[[Path], Assistant]
) -> Iterator[Assistant]:
    with assistant_over(bundled_index) as opened:
        yield opened


@pytest.fixture(scope="session")
def serve(
    bundled_index: Path,
    tmp_path_factory: pytest.TempPathFactory,
    assistant_over: Callable[[Path], Assistant],
) -> Serve:
    """Run a server with such settings, over a copy of the bundled index."""
    from ui.serving import Address, opened  # brings Gradio, which few tests need

    @contextmanager
    def start(**settings: Any) -> Iterator[Client]:
        folder = tmp_path_factory.mktemp("server") / "index"
        shutil.copytree(bundled_index, folder)
        assistant = assistant_over(folder)
        assistant.settings = assistant.settings.model_copy(update=settings)
        with opened(assistant, Address(port=0)) as (server, address):
            thread = threading.Thread(target=server.listen)
            thread.start()
            with Client(address, server, folder) as client:
                yield client
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()

    return start


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[Client]:
    """Of a server with default settings, which the tests share."""
    with serve() as client:
        yield client


@pytest.fixture(scope="session")
def empty_milvus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local Milvus with empty collections for vectors of two numbers. Copy it: to make one takes
    four seconds."""
    pytest.importorskip("pymilvus", reason="the Milvus store is not installed")
    from index.milvus import MilvusStore

    path = tmp_path_factory.mktemp("milvus") / "empty.db"
    with MilvusStore(str(path), create=True) as store:
        article = Article("/a.md", "", "", None, "Tin.", "")
        store.put(article, [Chunk(0, 4, "Tin.")], np.array([[1, 0]], np.float32), "maker")
        store.remove("/a.md")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium. While it is open its event loop runs, and no test can run another."""
    with sync_playwright() as playwright:
        opened = chromium(playwright)
        if opened is None:
            if os.environ.get("CI"):
                pytest.fail("there is no Chromium")
            pytest.skip("there is no Chromium; install one, or run: playwright install chromium")
        expect.set_options(timeout=20_000)  # the machine is shared
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of it."""
    tab = browser.new_page(viewport={"width": 1280, "height": 850})
    tab.set_default_timeout(60_000)
    yield tab
    tab.close()


@pytest.fixture(scope="session")
def bundled_window(
    tmp_path_factory: pytest.TempPathFactory, _no_settings_of_the_user: None
) -> Iterator[str]:
    """The address of the window as a first start makes it, over the bundled articles."""
    with served(tmp_path_factory.mktemp("window") / "index") as address:
        yield address


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file into the test's folder `articles` and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / "articles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python ARGUMENTS...` in the project's folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
        )

    return run
