"""The assistant: retrieve, read, cite. Knows nothing of screens."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import IndexBusy, IndexProblem
from rag.answers import ABSTENTION, Answer, Citation, Line, Passage, cite
from rag.events import Done, Event, Sentence, Stage
from rag.follow_up import understand
from rag.questions import clean_question

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

    from index.article import Article
    from index.embedder import Embedder
    from index.settings import Settings
    from index.store import Filters, Store, StoredArticle
    from index.syncing import Progress, SyncReport
    from rag.chat_model import ChatModel
    from rag.conversation import Turn
    from rag.reader import Reader
    from rag.retriever import Retriever
    from rag.talk import Talk

_log = logging.getLogger(__name__)


class Assistant:
    """Answers questions over one index. Threads may share it: the index is searched for one
    question at a time, and as many are read at once as there are cores.

    What a chat model writes is waited for side by side.

    Make one with `Assistant.open` or `Assistant.over`; close it when done, or use it as a context
    manager.
    """

    def __init__(
        self, store: Store, retriever: Retriever, reader: Reader, settings: Settings
    ) -> None:
        self._store = store
        self._retriever = retriever
        self._reader = reader
        self.settings = settings  #: what it was opened with; where the index is, too
        self._lock = threading.Lock()
        self._readers = threading.BoundedSemaphore(os.cpu_count() or 1)
        self._closed = False

    @classmethod
    def open(
        cls, index_dir: Path | str | None = None, *, settings: Settings | None = None
    ) -> Assistant:
        """Over an index that exists; over the default one where none is given.

        Raises IndexMissing, IndexMismatch, IndexDamaged and SettingsError.
        """
        from index.embedder import Embedder
        from index.settings import load_settings

        settings = settings or load_settings()
        if index_dir is not None:
            settings = _with_index(settings, index_dir)
        model = _chat_model(settings)
        return cls._with(settings, Embedder(settings.embedding_model), model)

    @classmethod
    def over(
        cls,
        articles_dir: Path | str,
        index_dir: Path | str | None = None,
        *,
        progress: Progress | None = None,
        settings: Settings | None = None,
    ) -> Assistant:
        """Over a folder of articles: bring its index in line with it, then open that.

        Without `index_dir` the folder gets an index of its own, beside the default one; where the
        settings name another store than the local one, it goes into that.
        Files that cannot be read are left out; `index.sync` tells which.
        """
        from index.embedder import Embedder
        from index.settings import load_settings
        from index.syncing import sync

        settings = settings or load_settings()
        if index_dir is None and settings.store == "local":
            address = str(Path(articles_dir).resolve()).encode("utf-8", "surrogateescape")
            name = hashlib.sha256(address).hexdigest()[:12]
            index_dir = settings.index_dir.with_name(f"{settings.index_dir.name}-{name}")
        if index_dir is not None:
            settings = _with_index(settings, index_dir)
        model = _chat_model(settings)
        embedder = Embedder(settings.embedding_model)
        sync(articles_dir, progress=progress, settings=settings, embedder=embedder)
        return cls._with(settings, embedder, model)

    @classmethod
    def _with(cls, settings: Settings, embedder: Embedder, model: ChatModel | None) -> Assistant:
        from index.opening import open_store
        from index.syncing import maker
        from rag.calibration import Calibration
        from rag.extractive import ExtractiveReader
        from rag.retriever import Retriever
        from rag.span import open_span_reader

        # Our span reader was trained on the installed model's tokens and embeddings.
        spans = open_span_reader(settings.reader, None if settings.embedding_model else embedder)
        calibration = Calibration.load()
        calibrated = calibration.fits(spans.model.weights_hash, embedder.weights_hash)
        if not calibrated:
            _log.warning(
                "Confidence was not fitted for %s with %s: it may answer too often or too seldom. "
                "RAG_CAUTION sets how sure it must be.",
                spans.model.name,
                embedder.name,
            )
        store = open_store(settings, maker=maker(embedder, settings))
        reader: Reader
        reader = own = ExtractiveReader(
            embedder.encode,
            spans,
            calibration,
            calibrated=calibrated,
            most_sentences=settings.answer_sentences,
            caution=settings.caution,
        )
        if model:
            from rag.chat_reader import ChatReader

            reader = ChatReader(own, model, mark=settings.unsupported == "mark")
        return cls(store, Retriever(store, embedder, settings.candidates), reader, settings)

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the index. An assistant that was closed answers no more."""
        with self._lock:
            self._closed = True
            self._store.close()

    def warm_up(self) -> None:
        """Load what the first question would wait for. Contacts no chat model.

        Raises IndexProblem where the index cannot be read.
        """
        question = "Is everything ready?"
        self._reader.read(question, self.retrieve(question))

    def answer(
        self,
        question: str,
        *,
        limit: int = 8,
        filters: Filters | None = None,
        history: Sequence[Turn] = (),
    ) -> Answer:
        """What the articles say, or an abstention with the nearest passages.

        Every sentence is a quotation, or, written by a chat model, held to one. `limit` passages
        are read. `history` has the earlier turns of the conversation, oldest first: a question that
        leans on them is asked as `Answer.understood`. Raises QuestionError where there is nothing
        to ask, where the question is too long, where `limit` is below 1, and where no article is by
        the publisher that `filters` names; IndexBusy instead of an abstention while another process
        is changing the index.
        """
        for event in self.stream(question, limit=limit, filters=filters, history=history):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("a stream ends with Done")

    def stream(
        self,
        question: str,
        *,
        limit: int = 8,
        filters: Filters | None = None,
        history: Sequence[Turn] = (),
    ) -> Generator[Event, None, None]:
        """What `answer` gives, as it comes about: stages, verified sentences and, last, Done.

        Raises what `answer` raises, with the first events. Close it to stop, also a chat model that
        is writing; others may ask while one is. Its stage is told again every now and then, so that
        one that has nothing to show yet can be stopped, too.
        """
        question = clean_question(question, self.settings.max_question_characters)
        yield Stage("searching")
        started = time.perf_counter()
        understood = understand(question, history)
        asked = understood or question
        with self._reading():
            passages = self._retriever.retrieve(asked, limit=limit, filters=filters)
            is_behind = self._store.is_behind
        timings = {"retrieve": time.perf_counter() - started}
        yield Stage("reading")
        started = time.perf_counter()
        with self._readers:
            reading = self._reader.read(asked, passages)
        timings["read"] = time.perf_counter() - started
        sentences: list[Sentence] = []
        citations: tuple[Citation, ...] = ()
        with closing(self._reader.write(asked, reading)) as parts:
            for part in parts:
                if isinstance(part, Stage):
                    if "write" not in timings:
                        started, timings["write"] = time.perf_counter(), 0.0
                    yield part
                elif isinstance(part, Line):
                    cited = cite(part.quoted, citations)
                    if len(cited) == len(part.quoted):  # else it would say what nothing supports
                        citations += tuple(c for c in cited if c not in citations)
                        sentences.append(Sentence(part.text, cited))
                        yield sentences[-1]
                else:
                    reading = part
        if "write" in timings:
            timings["write"] = time.perf_counter() - started
        if not citations and is_behind:
            raise IndexBusy("Articles are being taken in. Ask again when that is done.")
        answer = Answer(
            question=question,
            understood=understood,
            text=" ".join(map(str, sentences)) if citations else ABSTENTION,
            short=reading.short if citations else "",
            withheld=reading.withheld,
            # It names quotations by their numbers, so that none may be missing.
            note=reading.note if len(citations) == len(reading.quoted) else "",
            citations=citations,
            passages=reading.passages,
            confidence=reading.confidence,
            abstained=not citations,
            margin=reading.margin,
            considered=reading.considered,
            calibrated=reading.calibrated,
            written_by=reading.written_by,
            written=reading.written,
            dropped=reading.dropped,
            timings=timings,
        )
        _log.info("answer", extra={"answer": answer})  # for whoever counts them
        yield Done(answer)

    def conversation(self) -> Talk:
        """A conversation that begins: its questions are asked in the light of those before them."""
        from rag.talk import Talk

        return Talk(self.answer)

    def retrieve(
        self, question: str, *, limit: int = 8, filters: Filters | None = None
    ) -> list[Passage]:
        """The `limit` best passages for a question, best first, without reading them.

        Raises QuestionError as `answer` does.
        """
        question = clean_question(question, self.settings.max_question_characters)
        with self._reading():
            return self._retriever.retrieve(question, limit=limit, filters=filters)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One search at a time, over one state of the index."""
        with self._lock:
            if self._closed:
                raise IndexProblem("This assistant was closed.")
            with self._store.reading():
                yield

    def articles(self) -> list[StoredArticle]:
        """Every article, by title."""
        with self._reading():
            return self._store.articles()

    def article(self, source: str) -> Article | None:
        """The article that came from `source`; None where it is not in the index."""
        with self._reading():
            return self._store.article(source)

    def sync(self, articles: Sequence[Path | str], progress: Progress | None = None) -> SyncReport:
        """As `index.sync`, into this index and with its model. Questions are answered meanwhile."""
        from index.syncing import sync

        embedder = self._retriever.embedder
        return sync(articles, progress=progress, settings=self.settings, embedder=embedder)

    def remove(self, source: str) -> bool:
        """Delete an article from the index. False where there is none from `source`.

        Raises IndexBusy while another process writes.
        """
        from index.opening import open_store

        with open_store(self.settings) as store, store.writing():
            return store.remove(source)

    def as_runnable(
        self, *, limit: int = 8, filters: Filters | None = None
    ) -> Runnable[str | Mapping[str, str], Answer]:
        """This assistant as LangChain's, for use in any chain: a question in, its answer out.

        It takes the question as it is, or as the value of "question". Where LANGSMITH_TRACING is
        set, LangChain sends what goes in and out of a chain to LangSmith, also of this part of it.
        """
        from rag.langchain_runnable import runnable

        return runnable(partial(self.answer, limit=limit, filters=filters))

    def as_retriever(self, *, limit: int = 8, filters: Filters | None = None) -> BaseRetriever:
        """The retriever as LangChain's, for use in any chain."""
        from rag.langchain_retriever import ArticleRetriever

        return ArticleRetriever(retrieve=self.retrieve, limit=limit, filters=filters)


def _with_index(settings: Settings, index_dir: Path | str) -> Settings:
    return settings.model_copy(update={"store": "local", "index_dir": Path(index_dir)})


def _chat_model(settings: Settings) -> ChatModel | None:
    """Opened before all that takes long, so that what is amiss is said at once."""
    if not settings.model:
        return None
    from rag.chat_model import open_chat_model

    return open_chat_model(settings)


def answer(question: str, *, limit: int = 8) -> Answer:
    """Ask the default index. It is opened by the first question and stays open.

    Raises IndexMissing, which names the command that makes one, where there is none yet.
    """
    from index.settings import load_settings

    return _default_assistant(load_settings()).answer(question, limit=limit)


@lru_cache(maxsize=1)
def _default_assistant(settings: Settings) -> Assistant:
    return Assistant.open(settings=settings)
