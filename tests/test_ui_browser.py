"""The chat window in a real Chromium, served by the real command over real articles."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ARTICLES = Path(__file__).parent.parent / "articles"
QUESTION = "How much money goes into the recycled aluminium project in Pakistan?"
QUOTATION = (
    "The sum invested in the Pakistani project is 5.5 billion yuan, which equals USD 767.8 million."
)
HOSTILE = (
    "The <b>Zubrowka</b> pipeline<img src=x onerror=\"window.caught='image'\"> carries "
    "{{7*7}} ${window.caught='template'} <script>window.caught='script'</script> "
    "[barrels](javascript:window.caught='link') of 'oil' a day &amp; no more."
)

_CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        path = found or playwright.chromium.executable_path
        if not Path(path).is_file():
            if os.environ.get("CI"):
                pytest.fail("there is no Chromium")
            pytest.skip("there is no Chromium; install one, or run: playwright install chromium")
        browser = playwright.chromium.launch(
            executable_path=path,
            args=_CHROMIUM_ARGUMENTS,
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 850})
    page.set_default_timeout(60_000)
    yield page
    page.close()


def _serve(folder: Path, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "ui", "--no-browser", "--port", "0", *options]
    environment = {**os.environ, "RAG_INDEX_DIR": str(folder / "index")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0]
                return
        pytest.fail("the server ended before it said its address")
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the chat window as a first start makes it, over the bundled articles."""
    yield from _serve(tmp_path_factory.mktemp("bundled"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a chat window over one article that is full of markup."""
    folder = tmp_path_factory.mktemp("hostile")
    articles = folder / "articles"
    articles.mkdir()
    (articles / "<img src=x onerror=alert(1)>.md").write_text(
        "---\ntitle: <script>window.caught='title'</script> Zubrowka\n"
        "publisher: <i onmouseover=alert(1)>Agency</i>\n---\n\n" + HOSTILE,
        "utf-8",
    )
    yield from _serve(folder, "--articles", str(articles), "--index", str(folder / "index"))


def test_bundled_question_gets_an_answer_whose_marked_text_is_the_quotation(
    page: Page, bundled: str
) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(bundled)
    page.locator("#question textarea").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".answer .quote").first).to_have_text(QUOTATION)
    mark = page.locator("#source mark.current")
    expect(mark).to_have_text(QUOTATION)
    expect(mark).to_be_in_viewport()
    assert [url for url in requested if not url.startswith((bundled, "data:", "blob:"))] == []


def test_each_number_opens_its_own_quotation(page: Page, bundled: str) -> None:
    page.goto(bundled)
    page.locator("#question textarea").fill("What do Russia and India cooperate on?")
    page.keyboard.press("Enter")
    expect(page.locator("button.cite").first).to_be_visible()
    numbers = page.locator("button.cite").count()
    for place in range(numbers):
        page.locator("button.cite").nth(place).click()
        quote = page.locator(".answer .quote").nth(place).inner_text()
        mark = page.locator(f'#source mark.current[data-number="{place + 1}"]')
        expect(mark).to_have_text(quote)
        expect(mark).to_be_in_viewport()


def test_question_that_the_articles_do_not_answer_is_declined(page: Page, bundled: str) -> None:
    page.goto(bundled)
    page.get_by_role("button", name="Who won the football World Cup in 1998?").click()
    expect(page.locator(".answer .notice")).to_have_text("The articles do not say.")
    expect(page.locator("button.cite")).to_have_count(0)


def test_publisher_filter_keeps_other_articles_out(page: Page, bundled: str) -> None:
    page.goto(bundled)
    page.get_by_text("Which articles may answer").click()
    page.get_by_label("Publisher").click()
    page.get_by_role("option", name="Xinhua").click()
    page.locator("#question textarea").fill("What was said about Pakistan and China?")
    page.keyboard.press("Enter")
    expect(page.locator("#source .publisher")).to_have_text("Xinhua")


def test_question_that_is_too_long_is_refused_in_the_conversation(page: Page, bundled: str) -> None:
    page.goto(bundled)
    page.locator("#question textarea").fill("x" * 3000)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("3,000 characters; at most 2,000")


def test_markup_in_articles_and_questions_is_shown_and_not_run(page: Page, hostile: str) -> None:
    requested: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(hostile)
    page.locator("#question textarea").fill(
        "How many barrels does the Zubrowka pipeline carry? <img src=y onerror=alert(2)> {{1+1}}"
    )
    page.keyboard.press("Enter")
    expect(page.locator(".answer .quote").first).to_be_visible()
    page.locator("button.cite").first.click()
    expect(page.locator("#source mark").first).to_be_visible()
    page.locator("#source").hover()
    assert page.locator("#source .text").inner_text() == HOSTILE
    expect(page.locator("#source h2")).to_have_text(
        "<script>window.caught='title'</script> Zubrowka"
    )
    expect(page.locator(".question")).to_contain_text("<img src=y onerror=alert(2)> {{1+1}}")
    for unwanted in ("img", "script", "a", "b", "i", "form", "iframe"):
        expect(page.locator(f"#conversation {unwanted}, #source {unwanted}")).to_have_count(0)
    assert page.evaluate("window.caught") is None
    assert dialogs == []
    assert [url for url in requested if not url.startswith((hostile, "data:", "blob:"))] == []


def test_foreign_host_is_refused(bundled: str) -> None:
    """A page that has its name pointed at this computer reads nothing (DNS rebinding)."""
    request = urllib.request.Request(bundled, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=20)
    with urllib.request.urlopen(bundled, timeout=20) as answer:
        assert answer.status == 200
