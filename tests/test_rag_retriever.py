"""Passages for a question: by vector, by keyword, filtered, and as LangChain's retriever."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from langchain_core.retrievers import BaseRetriever

from index.errors import QuestionError
from rag import Assistant, Filters

QUESTION = "How many people attended the mineral forum?"
FORUM, CONFERENCE = "pak-china-mineral-forum.md", "pakistan-xinjiang-online-conference.md"


def files(assistant: Assistant, filters: Filters) -> set[str]:
    passages = assistant.retrieve(QUESTION, limit=50, filters=filters)
    return {Path(passage.article.source).name for passage in passages}


def test_best_passage_holds_the_fact_and_stands_in_its_article(assistant: Assistant) -> None:
    passages = assistant.retrieve(QUESTION, limit=4)
    assert len(passages) == 4
    assert "About 900 people" in passages[0].text
    assert (passages[0].dense_rank, passages[0].keyword_rank) == (1, 1)
    assert passages == sorted(passages, key=lambda passage: -passage.score)
    for passage in passages:
        assert passage.article.text[passage.start : passage.end] == passage.text


def test_every_passage_has_the_rank_of_one_search_at_least(assistant: Assistant) -> None:
    for passage in assistant.retrieve("zirconium", limit=50):
        assert passage.dense_rank is not None
        assert (passage.keyword_rank, passage.keyword_score) == (None, None)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(publisher="Xinhua"), {FORUM}),
        (Filters(publisher="xinHUA"), {FORUM}),
        (Filters(publisher="Gwadar Pro / China Economic Net"), {CONFERENCE}),
        (Filters(since=date(2026, 1, 30)), {FORUM}),
        (Filters(until=date(2025, 8, 31)), {"sco-industrial-cooperation.md"}),
        (Filters(since=date(2025, 9, 1), until=date(2026, 1, 29)), set()),
        (Filters(publisher="ORIENT", since=date(2026, 1, 1)), set()),
    ],
)
def test_filters_keep_what_they_name(
    assistant: Assistant, filters: Filters, expected: set[str]
) -> None:
    assert files(assistant, filters) == expected


def test_filters_of_nothing_keep_everything(assistant: Assistant) -> None:
    assert len(files(assistant, Filters())) == 5


def test_unknown_publisher_is_answered_with_the_known_ones(assistant: Assistant) -> None:
    with pytest.raises(QuestionError) as caught:
        assistant.retrieve(QUESTION, filters=Filters(publisher="Reuters"))
    assert str(caught.value) == (
        "No article is by Reuters. "
        "The publishers are: Gwadar Pro / China Economic Net, ORIENT, Xinhua."
    )


@pytest.mark.parametrize("limit", [0, -1])
def test_less_than_one_passage_is_refused(assistant: Assistant, limit: int) -> None:
    with pytest.raises(QuestionError, match="At least one passage"):
        assistant.retrieve(QUESTION, limit=limit)


def test_dates_in_the_wrong_order_are_refused(assistant: Assistant) -> None:
    with pytest.raises(QuestionError, match="2026-01-31 is after 2026-01-30"):
        files(assistant, Filters(since=date(2026, 1, 31), until=date(2026, 1, 30)))


def test_langchain_retriever_gives_documents_that_say_where_they_stand(
    assistant: Assistant,
) -> None:
    retriever = assistant.as_retriever(limit=3, filters=Filters(publisher="Xinhua"))
    assert isinstance(retriever, BaseRetriever)
    documents = retriever.invoke(QUESTION)
    assert len(documents) == 3
    first = documents[0]
    assert "About 900 people" in first.page_content
    assert (first.metadata["publisher"], first.metadata["published"]) == ("Xinhua", "2026-01-30")
    text = assistant.retrieve(QUESTION, limit=1)[0].article.text
    assert text[first.metadata["start"] : first.metadata["end"]] == first.page_content


def test_langchain_retriever_takes_any_text(assistant: Assistant) -> None:
    assert len(assistant.as_retriever(limit=2).invoke("copper \ud800 AND (\x00")) == 2
