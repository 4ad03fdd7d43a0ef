"""The pages of articles and of evaluation in a real Chromium, served by the real command."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served import ROOT, served

QUESTION = "How many tonnes of tin did the Orvalia mine make in 2025?"
TIN = "# Tin in Orvalia\n\nThe Orvalia mine made 4,512 tonnes of tin in 2025.\n"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a window over a folder of two articles, with three gold questions."""
    folder = tmp_path_factory.mktemp("pages")
    articles = folder / "articles"
    articles.mkdir()
    for name in ("pak-china-mineral-forum.md", "sco-temp-recycled-aluminium.md"):
        (articles / name).write_bytes((ROOT / "articles" / name).read_bytes())
    lines = (ROOT / "eval" / "gold.jsonl").read_text("utf-8").splitlines()
    (folder / "gold.jsonl").write_text("\n".join([*lines[:2], lines[-1]]), "utf-8")
    options = ("--articles", str(articles), "--gold", str(folder / "gold.jsonl"))
    with served(folder / "index", "--index", str(folder / "index"), *options) as address:
        yield address


def ask(page: Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .answer")).to_have_count(1, timeout=60_000)


def drop(page: Page, *files: Path) -> None:
    page.locator("#drop input[type=file]").set_input_files([str(file) for file in files])


def test_article_is_dropped_in_asked_about_read_and_deleted(
    page: Page, window: str, tmp_path: Path
) -> None:
    tin, broken, oil = tmp_path / "Tin (2025).md", tmp_path / "broken.pdf", tmp_path / "oil.md"
    tin.write_text(TIN)
    broken.write_bytes(b"%PDF-1.7 nothing")
    oil.write_text("---\ntitle: הנפט של אורבליה\n---\n\nבשנת 2024 הופקו 300 חביות נפט.\n", "utf-8")
    page.goto(f"{window}/articles")
    expect(page.locator("#listing .count")).to_have_text("2 articles")
    drop(page, tin, broken, oil)
    results = page.locator(".results li")
    expect(results).to_have_text(
        [
            "Tin (2025).md added",
            "broken.pdf refused: it is not a whole PDF: its end is missing",
            "oil.md added",
        ]
    )
    expect(page.locator("#listing .count")).to_have_text("4 articles")
    title = page.get_by_role("button", name="הנפט של אורבליה")
    assert title.evaluate("element => getComputedStyle(element).direction") == "rtl"
    drop(page, tin)
    expect(results).to_have_text(["Tin (2025).md unchanged"])

    page.goto(window)
    ask(page, QUESTION)
    expect(page.locator(".answer .short")).to_contain_text("4,512")
    conversation = page.url

    page.goto(f"{window}/articles")
    page.get_by_role("button", name="Tin in Orvalia").click()
    expect(page.locator("#reading h2")).to_be_focused()
    expect(page.locator("#reading .text")).to_contain_text("made 4,512 tonnes of tin")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Delete it")).to_be_hidden()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete it").click()
    expect(results).to_have_text(["Tin in Orvalia deleted"])
    expect(page.locator("#listing .count")).to_have_text("3 articles")
    expect(page.locator("#reading")).to_contain_text("Choose an article")

    page.goto(conversation)
    expect(page.locator("#source")).to_contain_text("This article has been deleted since.")
    page.goto(window)
    ask(page, QUESTION)
    expect(page.locator("#conversation")).not_to_contain_text("4,512")


def test_articles_are_found_and_sorted_from_the_keyboard(page: Page, window: str) -> None:
    page.goto(f"{window}/articles")
    count = page.locator("#listing .count")
    expect(count).to_contain_text("articles")
    page.get_by_label("Search articles").fill("pilot LINKS")
    expect(count).to_contain_text("1 of ")
    page.get_by_label("Search articles").fill("")
    expect(count).not_to_contain_text("of")
    page.get_by_role("button", name="Length").focus()
    page.keyboard.press("Enter")
    head = page.locator("th[aria-sort]")
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("button", name="Length")).to_be_focused()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    lengths = [int(text.replace(",", "")) for text in page.locator("td.number").all_inner_texts()]
    assert lengths == sorted(lengths, reverse=True)


def test_folder_is_taken_in_again(page: Page, window: str) -> None:
    page.goto(f"{window}/articles")
    page.get_by_role("button", name="Take in what changed in articles").click()
    expect(page.locator(".results .notice")).to_have_text("2 unchanged.")


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit_the_screen(page: Page, window: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for name, part in (("articles", "#listing .count"), ("evaluation", "#running h2")):
        page.goto(f"{window}/{name}")
        expect(page.locator(part)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_gold_set_is_run_across_a_reload_then_looked_at_and_compared(
    page: Page, window: str
) -> None:
    page.goto(f"{window}/evaluation")
    for runs in (1, 2):
        page.get_by_role("button", name="Ask the gold questions").click()
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        if runs == 1:
            page.reload()
        expect(page.locator("#choose-run option")).to_have_count(runs, timeout=60_000)
    page.get_by_label("Compare with").focus()
    page.get_by_label("Compare with").select_option(index=1)
    expect(page.locator("#difference")).to_contain_text("Since")
    expect(page.get_by_label("Compare with")).to_be_focused()
    expect(page.locator("svg[role=img]")).to_have_count(2)
    expect(page.locator(".asked")).to_have_count(3)
    page.locator("#choose-type").select_option("number")
    expect(page.locator("#questions .count")).to_have_text("2 of 3 questions")
    page.locator(".asked summary").first.click()
    expect(page.locator(".asked q").first).to_contain_text("5.5 billion yuan")


def test_run_that_is_cancelled_keeps_nothing(page: Page, window: str) -> None:
    page.goto(f"{window}/evaluation")
    start = page.get_by_role("button", name="Ask the gold questions")
    expect(start).to_be_visible()
    runs = page.locator("#choose-run option").count()
    start.click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#running .notice")).to_contain_text("nothing was kept")
    page.reload()
    expect(start).to_be_visible()
    assert page.locator("#choose-run option").count() == runs


def test_judged_answer_is_downloaded_as_a_gold_question(page: Page, window: str) -> None:
    page.goto(window)
    ask(page, "How many people attended the mineral forum?")
    page.get_by_role("button", name="This answer is right").click()
    expect(page.locator(".said")).to_be_visible()
    page.goto(f"{window}/evaluation")
    with page.expect_download() as download:
        page.get_by_role("link", name="as gold questions").click()
    assert download.value.suggested_filename == "feedback.jsonl"
    with urllib.request.urlopen(f"{window}/feedback.jsonl", timeout=20) as answer:
        question = json.loads(answer.read().splitlines()[0])
    assert question["question"] == "How many people attended the mineral forum?"
    assert question["answers"] == ["900 people"]
