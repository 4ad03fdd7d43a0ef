"""The page of articles: which the table shows, how it is shown, and when it is read anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from index.article import Article, source_id
from index.store import StoredArticle
from index.syncing import Failure, SyncReport
from rag import Assistant
from ui import articles, render
from ui.catalogue import View, find, of_id
from ui.render import Result
from ui.window import Shelf


def stored(
    title: str, publisher: str = "", published: date | None = None, characters: int = 9
) -> StoredArticle:
    source = f"/home/ana/{title.lower().replace(' ', '-')}.md"
    return StoredArticle(
        source, title, publisher, published, characters, 1, "2026-01-30 10:00:00", "h", "m"
    )


TIN = stored("Tin", "Xinhua", date(2026, 1, 30), 300)
ZINC = stored("zinc mines", "", date(2025, 8, 31), 20)
ORE = stored("Ore", "Dawn", None, 1000)
ALL = [ORE, TIN, ZINC]


def titles(view: View) -> list[str]:
    return [article.title for article in find(ALL, view).rows]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), ["Ore", "Tin", "zinc mines"]),
        (View(descending=True), ["zinc mines", "Tin", "Ore"]),
        (View(column="length"), ["zinc mines", "Tin", "Ore"]),
        (View(column="published"), ["zinc mines", "Tin", "Ore"]),
        (View(column="published", descending=True), ["Tin", "zinc mines", "Ore"]),
        (View(column="publisher"), ["Ore", "Tin", "zinc mines"]),
        (View(column="publisher", descending=True), ["Tin", "Ore", "zinc mines"]),
        (View(search="XINHUA"), ["Tin"]),
        (View(search="mines zinc"), ["zinc mines"]),
        (View(search="zinc-mines.md"), ["zinc mines"]),
        (View(search="ana"), []),
    ],
)
def test_articles_are_found_and_sorted_and_what_is_not_told_comes_last(
    view: View, expected: list[str]
) -> None:
    assert titles(view) == expected


def test_a_page_has_fifty_articles_and_pages_that_do_not_exist_are_the_nearest() -> None:
    many = [stored(f"Article {number:03}") for number in range(120)]
    last = find(many, View(page=9))
    assert (last.page, last.pages, last.found, last.all) == (3, 3, 120, 120)
    assert [article.title for article in last.rows] == [f"Article {n}" for n in range(100, 120)]
    assert find(many, View(page=0)).page == 1
    assert find([], View()).pages == 1


def test_an_id_names_one_article_and_does_not_tell_where_it_lies() -> None:
    assert of_id(ALL, source_id(ZINC.source)) == ZINC
    assert of_id(ALL, "") is None
    page = render.articles(find(ALL, View()), View(), True)
    assert source_id(ZINC.source) in page
    assert "ana" not in page


def test_the_list_is_read_anew_when_something_changed_or_after_some_seconds(
    bundled_index: Path, assistant_over: Callable[[Path], Assistant]
) -> None:
    with assistant_over(bundled_index) as assistant:
        shelf = Shelf(assistant)
        first = shelf.articles()
        assert len(first) == 5
        assert shelf.articles() is first
        assert shelf.articles(fresh=True) is not first
        hasty = Shelf(assistant, seconds=0.0)
        assert hasty.articles() is not hasty.articles()


def test_sorted_column_says_so_and_foreign_text_is_escaped() -> None:
    view = View(column="length", descending=True, search="<i>")
    hostile = stored("<script>alert(1)</script>", "<b>")
    page = render.articles(find([hostile], View(column="length", descending=True)), view, True)
    assert page.count("aria-sort=") == 1
    assert 'aria-sort="descending"' in page
    page += render.article(Article("/x/<i>.md", "<em>", "<b>", None, "<u>", ""), True, True)
    page += render.results([Result("<i>.md", "refused", "<s>")]) + render.folder("<u>")
    for unwanted in ("<script", "<b>", "<em>", "<u>", "<i>", "<s>"):
        assert unwanted not in page


def test_only_who_may_edit_is_offered_to_delete_and_is_told_what_becomes_of_the_file() -> None:
    shown = Article("/x/tin.md", "Tin", "", None, "Tin rose.", "")
    assert "Delete" not in render.article(shown, False)
    assert "Its file is deleted with it." in render.article(shown, True, True)
    assert "Its file stays in its folder" in render.article(shown, True, False)


def test_what_a_sync_did_is_told_by_file_name() -> None:
    report = SyncReport(
        ("/a/new.md",), ("/a/edited.md",), ("/a/gone.md",), ("/a/same.md",),
        (Failure("/a/broken.pdf", "it is empty"),),
    )  # fmt: skip
    found = articles._of_report(report)
    assert found == [
        Result("broken.pdf", "refused", "it is empty"),
        Result("new.md", "added"),
        Result("edited.md", "updated"),
        Result("gone.md", "deleted"),
        Result("same.md", "unchanged"),
    ]
    assert "1 added, 1 updated, 1 deleted, 1 unchanged, 1 refused." in render.results(found)
    assert "There is nothing to take in." in render.results([])


def test_of_very_many_files_the_unchanged_ones_are_only_counted() -> None:
    same = [Result(f"{number}.md", "unchanged") for number in range(300)]
    page = render.results([*same, Result("new.md", "added")])
    assert "1 added, 300 unchanged." in page
    assert "new.md" in page
    assert "7.md" not in page
    assert "300 more are not named." in page
