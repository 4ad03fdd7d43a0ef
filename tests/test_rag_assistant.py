"""The assistant over the bundled articles, with bad questions, and while its index changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rag
from index.embedder import Embedder
from index.errors import IndexBusy, IndexMissing, QuestionError, SettingsError
from index.settings import Settings
from index.syncing import sync
from rag import Answer, Assistant

Write = Callable[[str, str | bytes], Path]


def check(answer: Answer) -> None:
    """What holds for every answer."""
    assert 0 <= answer.confidence <= 1
    assert answer.abstained == (not answer.citations)
    assert [citation.number for citation in answer.citations] == list(
        range(1, len(answer.citations) + 1)
    )
    for citation in answer.citations:
        assert citation.article.text[citation.start : citation.end] == citation.quote
    if answer.citations:
        assert answer.text == " ".join(f"{c.quote} [{c.number}]" for c in answer.citations)
        assert len({citation.quote for citation in answer.citations}) == len(answer.citations)
        assert answer.short in answer.citations[0].quote
    else:
        assert (answer.text, answer.short) == ("The articles do not say.", "")


@pytest.mark.parametrize(
    ("question", "file", "quote"),
    [
        (
            "How many people attended the mineral forum?",
            "pak-china-mineral-forum.md",
            "About 900 people from the two countries came to the forum, among them government "
            "officials, experts on mining and representatives of business.",
        ),
        (
            "How much has been invested in the recycled aluminium project in Pakistan?",
            "sco-temp-recycled-aluminium.md",
            "The sum invested in the Pakistani project is 5.5 billion yuan, which equals USD "
            "767.8 million.",
        ),
        (
            "When was the SCO founded?",
            "china-kazakhstan-sco-trade.md",
            "The SCO was founded in 2001 and began with six members.",
        ),
        (
            "Which vaccine did Russia and India produce together?",
            "sco-industrial-cooperation.md",
            "Russia and India jointly produced the Sputnik V vaccine, which ranks among the "
            "largest projects in biotechnology.",
        ),
    ],
)
def test_question_is_answered_with_the_sentence_that_says_it(
    assistant: Assistant, question: str, file: str, quote: str
) -> None:
    answer = assistant.answer(question)
    check(answer)
    assert answer.question == question
    assert (file, quote) in [(Path(c.article.source).name, c.quote) for c in answer.citations]
    assert len(answer.citations) <= 3
    assert set(answer.timings) == {"retrieve", "read"}
    assert answer.margin >= 0


@pytest.mark.parametrize(
    "question", ["How do I bake sourdough bread?", "Who won the chess Olympiad of 1972?"]
)
def test_off_topic_question_is_declined_with_the_nearest_passages(
    assistant: Assistant, question: str
) -> None:
    answer = assistant.answer(question)
    check(answer)
    assert answer.abstained
    assert len(answer.passages) == 8
    assert answer.margin < 0


def test_limit_is_the_number_of_passages_that_are_read(assistant: Assistant) -> None:
    assert len(assistant.answer("Who attended the forum?", limit=2).passages) == 2
    with pytest.raises(QuestionError, match="At least one passage"):
        assistant.answer("Who attended the forum?", limit=0)


@pytest.mark.parametrize("question", ["", " \n\t ", "\x00\x07\x1b", "\ud800", "\u2028\x85"])
def test_question_without_text_is_refused(assistant: Assistant, question: str) -> None:
    with pytest.raises(QuestionError, match="The question is empty"):
        assistant.answer(question)


def test_question_of_100000_characters_is_refused(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="has 100,000 characters; at most 2,000 are read"):
        assistant.answer("x" * 100_000)


@pytest.mark.parametrize(
    "question",
    [
        'AND OR NOT NEAR(forum, 5) "forum" +forum -forum forum* forum~2 forum^3 title:forum',
        "(((((", "))", "[a TO z]", "{a TO *}", "IN [forum]", "*:*", "*", "?", "/.*/", "\\", '"',
        "forum'; DROP TABLE article; --", "<script>alert(1)</script>", "[/b] [red]forum",
        "forum\x00\x1b[31m\ud800?", "\u202eforum?", "😀" * 1000, "钢铁", "x" * 2000, "a " * 1000,
    ],
)  # fmt: skip
def test_whatever_is_asked_is_answered_or_declined(assistant: Assistant, question: str) -> None:
    check(assistant.answer(question))


def test_control_characters_and_surrogates_change_no_answer(assistant: Assistant) -> None:
    plain = assistant.answer("How many people attended the mineral forum?")
    strange = assistant.answer("\ufeffHow many\x00people\nattended \ud800the mineral\x1bforum?")
    assert strange.citations == plain.citations


@settings(max_examples=25)
@given(st.text(st.characters(), max_size=60) | st.text("AND OR:()\"'*~^[]{}+-/\\", max_size=40))
def test_random_text_is_an_answer_or_a_question_error(assistant: Assistant, question: str) -> None:
    try:
        answer = assistant.answer(question)
    except QuestionError:
        assert not any(sign.isprintable() and not sign.isspace() for sign in question)
    else:
        check(answer)


FIRST = "The Toquepala mine sold exactly 40 tonnes of copper in the year 1999."
SECOND = "The Toquepala mine sold exactly 55 tonnes of copper in the year 1999."
QUESTION = "How many tonnes of copper did the Toquepala mine sell in 1999?"


@pytest.fixture
def index_dir(tmp_path: Path, write: Write, embedder: Embedder) -> Path:
    """An index over two articles in the folder `articles`."""
    folder = write("copper.md", FIRST).parent
    write("salt.md", "The Uyuni flats are where most of the salt of the country comes from.")
    sync(folder, tmp_path / "index", embedder=embedder)
    return tmp_path / "index"


@pytest.fixture
def running(index_dir: Path, assistant_over: Callable[[Path], Assistant]) -> Iterator[Assistant]:
    with assistant_over(index_dir) as assistant:
        yield assistant


def quotes(answer: Answer) -> list[str]:
    check(answer)
    return [citation.quote for citation in answer.citations]


def test_running_assistant_follows_edits_and_deletions(
    running: Assistant, index_dir: Path, write: Write, embedder: Embedder
) -> None:
    assert quotes(running.answer(QUESTION)) == [FIRST]
    edited = write("copper.md", SECOND)
    sync(edited.parent, index_dir, embedder=embedder)
    assert quotes(running.answer(QUESTION)) == [SECOND]
    edited.unlink()
    sync(edited.parent, index_dir, embedder=embedder)
    answer = running.answer(QUESTION)
    assert quotes(answer) == []
    assert [passage.text for passage in answer.passages if "Toquepala" in passage.text] == []
    assert [article.source for article in running.articles()] == [str(edited.parent / "salt.md")]


def test_deleted_text_is_not_cited_while_a_sync_is_still_running(
    running: Assistant, index_dir: Path, write: Write, embedder: Embedder
) -> None:
    """The store is ahead of its caches then: the assistant says so rather than that nobody says."""
    write("copper.md", SECOND)
    folder = write("zinc.md", "Zinc was mined.").parent
    seen: list[int] = []

    def ask_meanwhile(done: int, *_: object) -> None:
        with pytest.raises(IndexBusy, match="Ask again"):
            running.answer(QUESTION)
        seen.append(done)

    sync(folder, index_dir, embedder=embedder, progress=ask_meanwhile)
    assert seen == [1, 2]
    assert quotes(running.answer(QUESTION)) == [SECOND]


def test_langchain_retriever_follows_edits_too(
    running: Assistant, index_dir: Path, write: Write, embedder: Embedder
) -> None:
    retriever = running.as_retriever(limit=1)
    assert retriever.invoke(QUESTION)[0].page_content == FIRST
    sync(write("copper.md", SECOND).parent, index_dir, embedder=embedder)
    assert [document.page_content for document in retriever.invoke(QUESTION)] == [SECOND]


def test_threads_share_an_assistant(assistant: Assistant) -> None:
    questions = ["Who is Ahsan Iqbal?", "When was the SCO founded?", QUESTION]
    alone = 2 * [assistant.answer(question).to_dict()["citations"] for question in questions]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(assistant.answer, 2 * questions))
    together = [answer.to_dict()["citations"] for answer in answers]
    assert together == alone


def test_closed_assistant_answers_no_more(
    index_dir: Path, assistant_over: Callable[[Path], Assistant]
) -> None:
    with assistant_over(index_dir) as assistant:
        pass
    assistant.close()
    with pytest.raises(Exception, match="closed"):
        assistant.answer(QUESTION)


def test_answer_without_an_index_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing) as caught:
        rag.answer(QUESTION)
    assert f"python -m index PATH --index {tmp_path / 'default-index'}" in str(caught.value)


def test_over_a_folder_syncs_it_into_an_index_of_its_own(write: Write, tmp_path: Path) -> None:
    """With the model loaded anew: the whole of what a newcomer does in Python."""
    folder = write("copper.md", FIRST).parent
    with Assistant.over(folder) as assistant:
        assert quotes(assistant.answer(QUESTION)) == [FIRST]
    assert Settings().index_dir == tmp_path / "default-index"
    assert len(list(tmp_path.glob("default-index-*/articles.sqlite"))) == 1
    assert not (tmp_path / "default-index").exists()
    sync(folder, tmp_path / "default-index")
    assert quotes(rag.answer(QUESTION)) == [FIRST]


def test_chat_model_that_cannot_be_used_is_said_before_the_folder_is_synced(
    write: Write, tmp_path: Path
) -> None:
    folder = write("copper.md", FIRST).parent
    with pytest.raises(SettingsError, match="PROVIDER:NAME"):
        Assistant.over(folder, settings=Settings(model="gpt"))
    assert [path.name for path in tmp_path.iterdir()] == ["articles"]
