"""The chat page in a real Chromium, served by the real command over real articles."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chat_server import Reply, Request, chat_server
from playwright.sync_api import Browser, Page, expect
from served import served

QUESTION = "How much money goes into the recycled aluminium project in Pakistan?"
QUOTATION = (
    "The sum invested in the Pakistani project is 5.5 billion yuan, which equals USD 767.8 million."
)

Python = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.browser


def ask(page: Page, question: str) -> None:
    """Ask, and wait for the answer."""
    turns = page.locator("#conversation .turn").count()
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .turn")).to_have_count(turns + 1, timeout=60_000)
    expect(page.locator("#pending .turn")).to_have_count(0)


def open_menu(page: Page, conversation: str) -> None:
    page.get_by_role("button", name=f"Rename, export or delete {conversation}").click()


def test_question_gets_an_answer_whose_marked_text_is_the_quotation(
    page: Page, bundled_window: str
) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(bundled_window)
    ask(page, QUESTION)
    expect(page.locator(".answer .quote").first).to_have_text(QUOTATION)
    mark = page.locator("#source mark.current")
    expect(mark).to_have_text(QUOTATION)
    expect(mark).to_be_in_viewport()
    assert [u for u in requested if not u.startswith((bundled_window, "data:", "blob:"))] == []


def test_first_visit_says_what_is_there_and_an_example_is_asked_by_one_click(
    page: Page, bundled_window: str
) -> None:
    page.goto(bundled_window)
    expect(page.locator(".welcome")).to_contain_text("5 articles to ask, published by")
    page.get_by_role("button", name="Who won the football World Cup in 1998?", exact=True).click()
    expect(page.locator(".answer .notice")).to_have_text("The articles do not say.")
    page.set_viewport_size({"width": 1280, "height": 500})
    page.reload()  # what is taller than its place is seen from its beginning
    expect(page.locator(".answer .notice")).to_be_in_viewport()
    expect(page.locator("button.cite")).to_have_count(0)
    page.locator("ul.nearest button").first.click()
    expect(page.locator("#source mark.current")).to_be_in_viewport()
    page.locator("#conversation [data-do=example]").first.click()
    expect(page.locator("#conversation .turn")).to_have_count(2, timeout=60_000)
    expect(page.locator(".short")).to_be_visible()
    expect(page.locator("#conversation [data-do=example]")).to_have_count(0)


def test_conversation_that_was_deleted_meanwhile_is_said_to_be_gone_and_asking_goes_on(
    page: Page, browser: Browser, bundled_window: str
) -> None:
    page.goto(bundled_window)
    ask(page, "How many people attended the mineral forum?")
    other = browser.new_page()
    other.goto(page.url)
    other.locator(".conversations li.current .more").click()
    other.locator(".menu:popover-open summary").click()
    other.get_by_role("button", name="Delete it for good").click()
    expect(other.locator(".welcome")).to_be_visible()
    other.close()
    page.locator("#question textarea").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("no such conversation")
    expect(page.locator("#question textarea")).to_have_value(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".answer .quote").first).to_have_text(QUOTATION)


def test_each_number_opens_its_quotation_and_arrows_walk_through_them(
    page: Page, bundled_window: str
) -> None:
    page.goto(bundled_window)
    ask(page, "What do Russia and India cooperate on?")
    numbers = page.locator("button.cite").count()
    assert numbers > 1
    quotes = page.locator(".answer .quote").all_inner_texts()
    for place in range(numbers):
        page.locator("button.cite").nth(place).click()
        mark = page.locator(f'#source mark.current[data-number="{place + 1}"]')
        expect(mark).to_have_text(quotes[place])
        expect(mark).to_be_in_viewport()
    for place in reversed(range(numbers - 1)):
        page.get_by_role("button", name="Previous quotation").click()
        expect(page.locator("#source mark.current")).to_have_text(quotes[place])
    expect(page.get_by_role("button", name="Previous quotation")).to_be_disabled()
    page.get_by_role("button", name="Next quotation").click()
    expect(page.locator("#source mark.current")).to_have_text(quotes[1])


def test_why_shows_passages_scores_the_bar_and_times(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    ask(page, QUESTION)
    page.get_by_role("button", name="Why this answer").click()
    expect(page.locator(".why tbody")).to_have_count(8)
    expect(page.locator(".why")).to_contain_text("an answer needs 0.")
    expect(page.locator(".why .times li")).to_have_count(2)


def test_follow_up_is_asked_with_what_it_leans_on(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    ask(page, "How many people attended the mineral forum?")
    ask(page, "Who organised it?")
    expect(page.locator(".understood")).to_contain_text("mineral forum")
    ask(page, "How many member states does the SCO have?")
    expect(page.locator(".understood")).to_have_count(1)


@pytest.mark.parametrize("kind", ["Markdown", "JSON"])
def test_exported_conversation_can_be_verified(
    page: Page, tmp_path: Path, python: Python, kind: str
) -> None:
    index = tmp_path / "index"
    with served(index) as address:
        page.goto(address)
        ask(page, QUESTION)
        open_menu(page, QUESTION)
        with page.expect_download() as download:
            page.locator(".menu:popover-open").get_by_role("link", name=kind).click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
    assert file.stem == "how-much-money-goes-into-the-recycled-aluminium-project-in-p"
    said = python("-m", "rag", "verify", str(file), "--index", str(index))
    assert said.returncode == 0
    assert "exact" in said.stdout


def test_shift_enter_breaks_the_line(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    box = page.locator("#question textarea")
    box.fill("How many people")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("attended the mineral forum?")
    expect(box).to_have_value("How many people\nattended the mineral forum?")
    page.keyboard.press("Enter")
    expect(page.locator(".short")).to_have_text("900 people")


def test_conversation_has_an_address_that_opens_it_again(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    ask(page, QUESTION)
    ask(page, "How many member states does the SCO have?")
    address = page.url
    assert "?conversation=" in address
    page.reload()
    expect(page.locator("#conversation .turn")).to_have_count(2)
    expect(page.locator("#source mark.current")).to_be_in_viewport()
    page.get_by_role("link", name="New conversation").click()
    expect(page.locator(".welcome")).to_be_visible()
    assert page.url == f"{bundled_window}/"
    page.go_back()
    expect(page.locator("#conversation .turn")).to_have_count(2)
    assert page.url == address


def test_address_of_no_conversation_says_so(page: Page, bundled_window: str) -> None:
    page.goto(f"{bundled_window}/?conversation=none")
    expect(page.get_by_role("alert")).to_contain_text("no such conversation")
    expect(page.locator(".welcome")).to_be_visible()


def test_conversation_is_renamed_found_and_deleted(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    ask(page, "Who organised the mineral forum in Islamabad?")
    open_menu(page, "Who organised the mineral forum in Islamabad?")
    page.get_by_role("textbox", name="Name").fill("Minerals 矿产 معدنیات")
    page.keyboard.press("Enter")
    entry = page.locator(".conversations a", has_text="Minerals 矿产 معدنیات")
    expect(entry).to_be_visible()
    page.get_by_label("Search conversations").fill("矿产")
    expect(page.locator(".conversations li")).to_have_count(1)
    page.get_by_label("Search conversations").fill("no such words anywhere")
    expect(page.locator("#conversations")).to_contain_text("No conversation holds that.")
    page.get_by_label("Search conversations").fill("")
    open_menu(page, "Minerals 矿产 معدنیات")
    page.locator(".menu:popover-open summary").click()
    page.get_by_role("button", name="Delete it for good").click()
    expect(entry).to_have_count(0)
    expect(page.locator(".welcome")).to_be_visible()


def test_judgement_is_kept_and_shown_again(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    ask(page, QUESTION)
    page.get_by_role("button", name="This answer is right").click()
    expect(page.locator(".said")).to_have_text("You found it right.")
    page.get_by_role("button", name="This answer is wrong; say why").click()
    page.get_by_label("What is wrong with it?").fill("It is in yuan.")
    page.get_by_label("The right answer, if you know it").fill("5.5 billion yuan")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said")).to_have_text("You found it wrong.")
    page.reload()
    page.get_by_role("button", name="This answer is wrong; say why").click()
    expect(page.get_by_label("The right answer, if you know it")).to_have_value("5.5 billion yuan")


def test_publisher_filter_keeps_other_articles_out(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    page.get_by_text("Which articles may answer").click()
    page.get_by_label("Publisher").click()
    page.get_by_role("option", name="Xinhua").click()
    ask(page, "What was said about Pakistan and China?")
    expect(page.locator("#source .publisher")).to_have_text("Xinhua")


def test_bad_questions_are_refused_in_the_conversation(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    page.locator("#question textarea").fill("  ")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)  # nothing happens
    ask(page, "x" * 3000)
    expect(page.get_by_role("alert")).to_contain_text("3,000 characters; at most 2,000")
    expect(page.locator("#conversation .turn")).to_have_count(1)
    page.get_by_text("Which articles may answer").click()
    page.get_by_label("Published since").fill("yesterday")
    ask(page, QUESTION)
    expect(page.get_by_role("alert").last).to_have_text(
        "'yesterday' is no date such as 2026-01-30."
    )


def test_stopped_question_is_kept_as_stopped(
    page: Page, browser: Browser, bundled_window: str
) -> None:
    page.goto(bundled_window)
    # Others are asked about first, so that this one has to wait its turn.
    others = [browser.new_page() for _ in range(3)]
    for other in others:
        other.goto(bundled_window)
        expect(other.locator(".welcome")).to_be_visible()
    for other in others:
        other.locator("#question textarea").fill(f"{QUESTION} {'Pakistan ' * 200}")
        other.keyboard.press("Enter")
    page.locator("#question textarea").fill(QUESTION)
    page.keyboard.press("Enter")
    page.locator("#question .stop-button").click()
    expect(page.locator("#conversation .notice, #conversation .quote").first).to_be_visible()
    expect(page.locator("#question .submit-button")).to_be_visible()
    expect(page.locator("#pending .turn")).to_have_count(0)
    ask(page, "How many member states does the SCO have?")
    expect(page.locator(".short").last).to_have_text("10")
    for other in others:
        other.close()


def test_next_question_can_be_sent_before_the_last_one_has_ended(
    page: Page, bundled_window: str
) -> None:
    page.goto(bundled_window)
    page.locator("#question textarea").fill(f"{QUESTION} {'Pakistan ' * 200}")
    page.keyboard.press("Enter")
    page.locator("#question .stop-button").click()
    expect(page.locator("#question .submit-button")).to_be_visible()
    page.locator("#question textarea").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .turn")).to_have_count(2)
    page.locator("#question textarea").fill(f"{QUESTION} {'Pakistan ' * 200}")
    page.keyboard.press("Enter")
    expect(page.locator("#question textarea")).to_have_value("")
    page.locator("#question textarea").fill("How many member states does the SCO have?")
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .turn")).to_have_count(4)
    expect(page.locator(".short").last).to_have_text("10")


def test_sentences_of_a_chat_model_appear_as_they_are_verified(page: Page, tmp_path: Path) -> None:
    false = "The aluminium project in Pakistan was cancelled in 2031."

    def script(request: Request) -> Reply:
        number = next(q.number for q in request.quotations if QUOTATION in q.text)
        return Reply(f"{QUOTATION} [{number}] {false} [{number}] " + "So. " * 40, pause_seconds=0.1)

    with (
        chat_server(script) as model,
        served(
            tmp_path / "index",
            RAG_MODEL="openai:scripted",
            RAG_MODEL_ADDRESS=model.address,
            OPENAI_API_KEY="sk-canary-5107",
        ) as address,
    ):
        page.goto(address)
        assert model.asked == []  # to get ready is no reason to
        expect(page.locator(".welcome")).to_contain_text("are sent to openai:scripted.")
        page.locator("#question textarea").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator("#pending")).to_contain_text(QUOTATION)
        expect(page.locator("#conversation .turn")).to_have_count(1)
        expect(page.locator("#conversation .turn")).to_contain_text("Written by openai:scripted")
        expect(page.locator("#conversation")).not_to_contain_text(false)
        expect(page.locator("#source mark.current")).to_have_text(QUOTATION)
        assert "canary" not in page.content()
        # Whoever opens another conversation meanwhile stays there.
        page.locator("#question textarea").fill("Who organised the mineral forum?")
        page.keyboard.press("Enter")
        expect(page.locator("#pending")).to_contain_text("Writing")
        page.get_by_role("link", name="New conversation").click()
        expect(page.locator(".welcome")).to_be_visible()
        expect(page.locator("#question .submit-button")).to_be_visible()
        expect(page.locator(".welcome")).to_be_visible()
        expect(page.locator("#pending .turn")).to_have_count(0)
        page.locator(".conversations li > a").click()
        expect(page.locator("#conversation .turn")).to_have_count(2)
        expect(page.locator("#conversation .turn").last).not_to_contain_text("Stopped")


def test_conversations_outlast_a_restart(page: Page, tmp_path: Path) -> None:
    with served(tmp_path / "index") as address:
        page.goto(address)
        ask(page, QUESTION)
        query = page.url.partition("?")[2]
    with served(tmp_path / "index") as address:
        page.goto(f"{address}/?{query}")
        expect(page.locator(".answer .quote").first).to_have_text(QUOTATION)
        expect(page.locator("#source mark.current")).to_have_text(QUOTATION)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder with an article in Urdu, whose title is in Persian, and one in Chinese."""
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "urdu.md").write_text(
        "---\ntitle: همکاری صنعتی ایران و چین\npublisher: ایرنا\n---\n\n"
        "گوادر کی بندرگاہ سے ایلومینیم کی برآمد 2025 میں 40 ہزار ٹن تک پہنچ گئی۔\n",
        "utf-8",
    )
    (folder / "chinese.md").write_text(
        "---\ntitle: 重庆铝业 与 Казахстан\n---\n\n重庆再生铝项目总投资为五十五亿元人民币。\n",
        "utf-8",
    )
    return folder


def test_right_to_left_text_runs_from_the_right(page: Page, scripts: Path, tmp_path: Path) -> None:
    with served(tmp_path / "index", "--articles", str(scripts)) as address:
        page.goto(address)
        title = page.locator(".titles li", has_text="همکاری صنعتی ایران و چین")
        expect(title).to_have_css("direction", "rtl")
        expect(page.locator(".titles li", has_text="重庆铝业 与 Казахстан")).to_have_css(
            "direction", "ltr"
        )
        ask(page, "گوادر سے ایلومینیم کی برآمد کتنی ہے؟")
        expect(page.locator("p.question").last).to_have_css("direction", "rtl")


@pytest.mark.parametrize("width", [360, 640, 1000, 1920])
def test_page_is_never_wider_than_the_window(page: Page, bundled_window: str, width: int) -> None:
    """640 pixels are a window of 1280 at 200 %."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(bundled_window)
    ask(page, QUESTION)
    page.get_by_role("button", name="Why this answer").click()
    expect(page.locator(".why")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_whole_flow_by_keyboard_alone(page: Page, bundled_window: str) -> None:
    page.goto(bundled_window)
    expect(page.locator("#question textarea")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator("button.cite")).to_be_visible()
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "cite":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#source mark.current")).to_be_in_viewport()


def test_foreign_host_is_refused(bundled_window: str) -> None:
    """A page that has its name pointed at this computer reads nothing (DNS rebinding)."""
    request = urllib.request.Request(bundled_window, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=20)
    with urllib.request.urlopen(bundled_window, timeout=20) as answer:
        assert answer.status == 200


def test_page_itself_holds_nothing_of_the_articles(bundled_window: str) -> None:
    """They come with the first event, so that no one has them before they are known."""
    with urllib.request.urlopen(bundled_window, timeout=20) as answer:
        html = answer.read().decode()
    assert "Xinhua" not in html
    assert json.dumps("Islamabad")[1:-1] not in html


@pytest.fixture(autouse=True)
def _no_error_in_the_console(page: Page) -> Iterator[None]:
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield
    assert [line for line in wrong if "net::ERR" not in line] == []  # as at the server's end
