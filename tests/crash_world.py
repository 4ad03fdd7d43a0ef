"""What the crash tests share: articles that change, a sync that can be killed, and what must hold.

Only the embedding model is replaced; the store, its caches, its lock and the sync are real.
Processes are forked from one that imported everything and never opens a store itself, so that no
thread of FAISS's or tantivy's is alive when it forks.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.article import Article
from index.embedder import Embedder
from index.errors import IndexMissing, RagError
from index.local import LocalStore
from index.settings import Settings
from index.syncing import maker, sync

#: A store is ready for questions within this, whatever happened to it.
READY_SECONDS = 2.0
_HANGING_SECONDS = 60

_DIMENSION = 32
_SYLLABLES = ["ba", "do", "fe", "gu", "ki", "lo", "mi", "na", "pe", "ru", "sa", "te", "vo", "zu"]
_WORDS = [first + second for first in _SYLLABLES for second in _SYLLABLES]


class WordHashes(Embedder):
    """A token is a word, and a vector adds up what the words hash to."""

    max_tokens = 256

    def __init__(self) -> None:
        self.weights_hash = "hashes of words"

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def shorten(self, text: str, tokens: int) -> str:
        return " ".join(text.split()[:tokens])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), _DIMENSION), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.casefold().split():
                hashed = zlib.crc32(word.encode())
                row[hashed % _DIMENSION] += 1 + hashed % 97 / 97
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


EMBEDDER = WordHashes()
SETTINGS = Settings(chunk_tokens=48)
MAKER = maker(EMBEDDER, SETTINGS)


# Articles


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(_WORDS, k=chance.randint(5, 12))).capitalize() + "."


def article_text(chance: random.Random) -> str:
    """A title and some sentences: one to four chunks."""
    body = " ".join(sentence(chance) for _ in range(chance.randint(3, 14)))
    return f"# {sentence(chance)[:-1]} {chance.randrange(10**9)}\n\n{body}\n"


def fill(folder: Path, chance: random.Random, count: int = 24) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.md").write_text(article_text(chance))


def change(folder: Path, chance: random.Random, steps: int = 6) -> None:
    """Edit, rename, delete and add articles."""
    for _ in range(steps):
        files = sorted(folder.iterdir())
        deed = chance.choice(["edit", "rename", "delete", "add"])
        new = folder / f"{chance.randrange(10**9)}.md"
        if deed == "add" or len(files) < 4:
            new.write_text(article_text(chance))
        elif deed == "edit":
            file = chance.choice(files)
            file.write_text(file.read_text() + sentence(chance))
        elif deed == "rename":
            chance.choice(files).rename(new)
        else:
            chance.choice(files).unlink()


# What an index shows


@dataclass(frozen=True, slots=True)
class View:
    """All that is stored, and what some questions find; in values that JSON keeps as they are."""

    articles: dict[str, list[Any]]  #: by source: the article's fields, and its chunks' spans
    dense: list[list[list[Any]]]  #: for each question its hits: chunk, article, score; best first
    keyword: list[list[list[Any]]]


def questions() -> list[str]:
    chance = random.Random("questions")
    return [" ".join(chance.choices(_WORDS, k=4)) for _ in range(6)]


def view(store: LocalStore) -> View:
    with store.reading():
        return View(listing(store), *answers(store))


def listing(store: LocalStore) -> dict[str, list[Any]]:
    """Every article by its source. Raises AssertionError where one is listed twice."""
    listed = {}
    for source in [stored.source for stored in store.articles()]:
        if source in listed:
            raise AssertionError(f"{source} is there twice.")
        article = store.article(source)
        assert article is not None
        spans = [[start, end] for _, start, end in store.chunk_spans(source)]
        listed[source] = [*_fields(article), article.content_hash, spans]
    return listed


def answers(store: LocalStore) -> tuple[list[list[list[Any]]], list[list[list[Any]]]]:
    """What the questions find by vector and by keyword."""

    def hits(found: list[tuple[int, float]]) -> list[list[Any]]:
        chunks = store.chunks([chunk_id for chunk_id, _ in found])
        if len(chunks) != len(found):
            raise AssertionError("What was found is not there.")
        return [
            [*_fields(hit.article), hit.chunk.start, hit.chunk.end, hit.chunk.text, score]
            for hit, (_, score) in zip(chunks, found, strict=True)
        ]

    asked = questions()
    return (
        [hits(store.search_vectors(row, 10)) for row in EMBEDDER.encode(asked)],
        [hits(store.search_keywords(question, 9999)) for question in asked],
    )


def _fields(article: Article) -> list[str]:
    published = str(article.published)
    return [article.source, article.title, article.publisher, published, article.text]


def opened_view(index_dir: Path) -> View:
    """What an index shows once it is opened. Raises AssertionError where it takes too long."""
    started = time.monotonic()
    with LocalStore(index_dir, maker=MAKER) as store:
        if (seconds := time.monotonic() - started) > READY_SECONDS:
            raise AssertionError(f"It took {seconds:.1f} s to open.")
        return view(store)


def difference(found: View, clean: View) -> str:
    """How what an index shows differs from what a clean one shows; "" where it does not.

    By keyword only which chunks are found counts: an index that was updated may weigh words by
    chunks that are gone, which turns near ties round. See `reordered`.
    """
    if found.articles != clean.articles:
        differing = {
            source
            for source in found.articles.keys() | clean.articles.keys()
            if found.articles.get(source) != clean.articles.get(source)
        }
        named = ", ".join(sorted(Path(source).name for source in differing)[:3])
        return f"{len(differing)} articles differ, among them {named}"
    for name in ("dense", "keyword"):
        for question, one, other in zip(
            questions(), getattr(found, name), getattr(clean, name), strict=True
        ):
            found_hits, clean_hits = [hit[:-1] for hit in one], [hit[:-1] for hit in other]
            if name == "keyword":
                found_hits, clean_hits = sorted(found_hits), sorted(clean_hits)
            if found_hits != clean_hits:
                return f"{name} search for {question!r} finds other chunks"
            if name == "dense" and not np.allclose(
                [hit[-1] for hit in one], [hit[-1] for hit in other], atol=1e-5, rtol=0
            ):
                return f"{name} search for {question!r} gives other scores"
    return ""


def reordered(found: View, clean: View) -> int:
    """For how many questions the ten best by keyword are others, or in another order."""
    return sum(
        [hit[:-1] for hit in one[:10]] != [hit[:-1] for hit in other[:10]]
        for one, other in zip(found.keyword, clean.keyword, strict=True)
    )


# Processes


@dataclass(frozen=True, slots=True)
class Died:
    """A process that ended without an answer: what is known of its end."""

    cause: str


def forked(action: Callable[[], Any]) -> Any:
    """What `action` returns in a process of its own, as JSON keeps it; Died where it does not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        said = ""
        signal.alarm(_HANGING_SECONDS)
        try:
            said = json.dumps({"value": action()})
        except RagError as error:
            said = json.dumps({"cause": f"{type(error).__name__}: {error}"})
        except BaseException:
            said = json.dumps({"cause": traceback.format_exc()})
        finally:
            with open(writing, "w") as stream:
                stream.write(said)
            os._exit(0)
    os.close(writing)
    with open(reading) as stream:
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    if not said:
        return Died(f"ended by {ending(status)}")
    answer = json.loads(said)
    return Died(answer["cause"]) if "cause" in answer else answer["value"]


def ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


#: "begin" or "done", of which change, to which sources; and for a put or a rename the content hash.
#: First is ("held", "lock", ...), and last ("end", the kind of its error, its message, "").
Deed = tuple[str, str, list[str], str]


@contextmanager
def announced(say: Callable[[str, str, list[str], str], None]) -> Iterator[None]:
    """Have each change to a LocalStore, and the making of its caches, said before and after it."""
    originals = {name: getattr(LocalStore, name) for name in ("put", "rename", "remove", "writing")}

    def announcing(name: str) -> Callable[..., Any]:
        def changed(self: LocalStore, *arguments: Any) -> Any:
            article = arguments[0] if name == "put" else self.article(arguments[0])
            content_hash = "" if name == "remove" or article is None else article.content_hash
            sources = [article.source] if name == "put" else arguments
            say("begin", name, [*sources], content_hash)
            value = originals[name](self, *arguments)
            say("done", name, [*sources], content_hash)
            return value

        return changed

    @contextmanager
    def writing(self: LocalStore) -> Iterator[None]:
        with originals["writing"](self):
            say("held", "lock", [], "")
            try:
                yield
            finally:
                say("begin", "caches", [], "")
        say("done", "caches", [], "")

    for name in ("put", "rename", "remove"):
        setattr(LocalStore, name, announcing(name))
    LocalStore.writing = writing
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(LocalStore, name, original)


class Victim:
    """A sync in a process of its own, which says through a pipe what it does.

    It waits until it is let go, so that one can take hold of it.
    """

    def __init__(self, articles: Path, index_dir: Path) -> None:
        self._pipe, writing = os.pipe()
        held, self._release = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self._release)
            os.read(held, 1)

            def say(*words: Any) -> None:
                os.write(writing, (json.dumps(words) + "\n").encode())

            try:
                with announced(say):
                    sync(articles, index_dir, settings=SETTINGS, embedder=EMBEDDER)
                say("end", "", [], "")
            except RagError as error:
                say("end", type(error).__name__, [str(error)], "")
            except BaseException:
                say("end", "traceback", [traceback.format_exc()], "")
            finally:
                os._exit(0)
        os.close(held)
        os.close(writing)
        self._said = b""

    def let_go(self) -> None:
        os.write(self._release, b"!")
        os.close(self._release)

    def hear(self) -> bool:
        """Wait for it to say something. False when it has ended."""
        heard = os.read(self._pipe, 65536)
        self._said += heard
        return bool(heard)

    @property
    def said(self) -> list[Deed]:
        return deeds(self._said)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def bury(self, *, reaped: bool = False) -> list[Deed]:
        """Wait for its end; all that it said."""
        while self.hear():
            pass
        os.close(self._pipe)
        if not reaped:
            os.waitpid(self.pid, 0)
        return self.said


def deeds(said: bytes) -> list[Deed]:
    return [tuple(json.loads(line)) for line in said.splitlines()]


# What must hold


@dataclass(frozen=True, slots=True)
class Case:
    """Articles that changed, the index as it was before, and what a sync must make of them."""

    articles: Path
    start: Path  #: the index before; may not exist
    before: View
    clean: View

    def index(self, target: Path) -> Path:
        """A copy of the index as it was before, in place of anything in `target`."""
        shutil.rmtree(target, ignore_errors=True)
        if self.start.exists():
            shutil.copytree(self.start, target)
        return target


def make_case(
    folder: Path, chance: random.Random, *, first: bool = False, count: int = 24, steps: int = 6
) -> Case:
    """A case in `folder`; with `first` nothing has been indexed yet."""
    shutil.rmtree(folder, ignore_errors=True)
    articles, start = folder / "articles", folder / "start"
    fill(articles, chance, count)
    before = View({}, [], []) if first else synced_view(articles, start)
    if not first:
        change(articles, chance, steps)
    return Case(articles, start, before, synced_view(articles, folder / "clean"))


def synced_view(articles: Path, index_dir: Path) -> View:
    def action() -> dict[str, Any]:
        sync(articles, index_dir, settings=SETTINGS, embedder=EMBEDDER)
        return asdict(opened_view(index_dir))

    answer = forked(action)
    if isinstance(answer, Died):
        raise RuntimeError(answer.cause)
    return View(**answer)


def possible(case: Case, said: Sequence[Deed]) -> list[dict[str, list[Any]]]:
    """What may be stored when this was said: all that was done, and maybe what was begun."""

    def after(articles: dict[str, list[Any]], deed: Deed) -> dict[str, list[Any]]:
        _, name, sources, _ = deed
        if name == "remove" or name == "rename":
            articles = {source: one for source, one in articles.items() if source != sources[0]}
        if name == "put" or name == "rename":
            articles = {**articles, sources[-1]: case.clean.articles[sources[-1]]}
        return articles

    states = [case.before.articles]
    for deed in said:
        if deed[0] == "begin":
            states.append(after(states[0], deed))
        elif deed[0] == "done":
            states = [after(states[0], deed)]
    return states


def wrongs(case: Case, index_dir: Path, said: Sequence[Deed], *, finish: bool = True) -> list[str]:
    """What does not hold of the index after a fault and, with `finish`, after another sync.

    In a process of its own, so that its death is one more wrong.
    """
    answer = forked(lambda: _wrongs(case, index_dir, said, finish))
    return [answer.cause] if isinstance(answer, Died) else answer


def _wrongs(case: Case, index_dir: Path, said: Sequence[Deed], finish: bool) -> list[str]:
    wrong = []
    allowed = possible(case, said)
    try:
        found = opened_view(index_dir).articles
        with LocalStore(index_dir) as store:
            wrong += [f"After the fault: {problem}" for problem in store.problems()]
    except IndexMissing:
        found = {}
    if found not in allowed:
        wrong.append(
            f"After the fault there are {len(found)} articles, not what was acknowledged: "
            f"{difference(View(found, [], []), View(allowed[-1], [], []))}"
        )
    if finish:
        sync(case.articles, index_dir, settings=SETTINGS, embedder=EMBEDDER)
        again = opened_view(index_dir)
        if differs := difference(again, case.clean):
            wrong.append(f"After the next sync {differs}.")
        elif turned := reordered(again, case.clean):
            wrong.append(f"{REORDERED}{turned}")
        with LocalStore(index_dir) as store:
            wrong += [f"After the next sync: {problem}" for problem in store.problems()]
    return wrong


#: A line that begins like this counts questions and is no failure.
REORDERED = "keyword order differs: "
