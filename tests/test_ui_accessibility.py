"""Every page for everybody: axe-core finds nothing serious, and keys alone and 200 % do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FilePayload, Page, expect
from served import ROOT, served

from eval import kept
from eval.evaluate import evaluate_each
from eval.gold import load_gold
from rag import Assistant
from rag.conversation import Turn, keep
from ui.accounts import Accounts
from ui.storage import Evaluation, Feedback, Storage

pytestmark = pytest.mark.browser

QUESTION = "What do Russia and India cooperate on?"
DECLINED = "Who won the football World Cup in 1998?"

#: What each page shows once it is there.
LOADED = {
    "": "ul.nearest",
    "/articles": "table.articles",
    "/evaluation": "#running h2",
    "/v1": "#Asked",
}


#: Nothing on the page is fading in: half faded, a text has less contrast than it is read with.
STILL = """() => document.getAnimations().every(
    (one) => one.playState !== "running" || one.effect.getTiming().iterations === Infinity)"""


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical in a still page, with the elements that it means."""
    page.wait_for_function(STILL)
    options = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['any'][:1]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def nameless(page: Page) -> list[str]:
    """Controls that a screen reader has no name for."""
    lines = page.locator("body").aria_snapshot().splitlines()
    control = re.compile(r"\s*- (button|link|textbox|searchbox|combobox|checkbox)(:| \[|$)")
    return [line for line in lines if control.match(line)]


@pytest.fixture(scope="module")
def window(
    tmp_path_factory: pytest.TempPathFactory,
    bundled_index: Path,
    assistant_over: Callable[[Path], Assistant],
) -> Iterator[str]:
    """A window with a conversation of every kind of turn, and two runs of some gold questions."""
    index = tmp_path_factory.mktemp("accessible") / "index"
    shutil.copytree(bundled_index, index)
    with assistant_over(index) as assistant:
        answers = [assistant.answer(question) for question in (QUESTION, DECLINED)]
        gold = load_gold(ROOT / "eval" / "gold.jsonl")[::30]
        outcomes = list(evaluate_each(assistant, assistant.settings, gold))
    storage = Storage(index)
    conversation = storage.begin("", QUESTION)
    for turn in (*map(keep, answers), Turn(QUESTION, error="Too many wait. Ask again later.")):
        storage.add("", conversation, turn)
    turns = storage.conversation("", conversation).turns
    storage.judge("", turns[1].id, Feedback(False, "They do.", "France"))
    storage.begin("", DECLINED)
    for day, part in ((30, outcomes[:8]), (31, outcomes)):
        report = kept.to_json(kept.keep(part, ["a reader"]))
        run = Evaluation(f"run-{day}", datetime(2026, 1, day, tzinfo=UTC), report)
        storage.keep_evaluation("", run)
    storage.close()
    with served(index, "--gold", str(ROOT / "eval" / "gold.jsonl")) as address:
        yield f"{address}/?conversation={conversation}"


def welcome(page: Page) -> None:
    page.get_by_role("link", name="New conversation").click()
    expect(page.locator(".welcome")).to_be_visible()


def answered(page: Page) -> None:
    page.locator("button.cite").first.click()
    expect(page.locator("#source mark.current")).to_be_visible()


def passage(page: Page) -> None:
    page.locator("ul.nearest button").first.click()
    expect(page.locator("#source .imprint").first).to_have_text("A passage that was read")


def why(page: Page) -> None:
    page.get_by_role("button", name="Why this answer").first.click()
    expect(page.locator(".why")).to_be_visible()


def choosing(page: Page) -> None:
    page.get_by_text("Which articles may answer").click()
    page.get_by_label("Published since").fill("2026-01-30")
    page.get_by_label("Publisher").click()


def menu(page: Page) -> None:
    page.locator(".conversations .more").first.click()
    page.locator(".menu:popover-open summary").click()
    expect(page.get_by_role("button", name="Delete it for good")).to_be_visible()


def judging(page: Page) -> None:
    page.get_by_role("button", name="This answer is wrong; say why").last.click()
    expect(page.locator(".menu:popover-open")).to_be_visible()


def articles(page: Page) -> None:
    page.locator("table.articles button[data-do=read]").first.click()
    expect(page.locator("#reading h2")).to_be_visible()


def dropped(page: Page) -> None:
    files: list[FilePayload] = [
        {"name": "tin.md", "mimeType": "text/markdown", "buffer": b"Tin rose by a half."},
        {"name": "tin.exe", "mimeType": "text/markdown", "buffer": b"Tin rose."},
    ]
    page.locator("#drop input[type=file]").set_input_files(files)
    expect(page.locator("#results .name")).to_have_count(2)


def deleting(page: Page) -> None:
    articles(page)
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator(".menu:popover-open")).to_be_visible()


def evaluation(page: Page) -> None:
    expect(page.locator(".charts")).to_be_visible()
    page.locator("details.asked summary").first.click()


def compared(page: Page) -> None:
    page.locator("[data-changed=against]").select_option(index=1)
    expect(page.locator("#difference")).to_be_visible()


def api(page: Page) -> None:
    page.get_by_role("link", name="Asked").first.click()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
@pytest.mark.parametrize(
    ("path", "states"),
    [
        ("", [answered, passage, why, choosing, menu, judging, welcome]),
        ("/articles", [dropped, articles, deleting]),
        ("/evaluation", [evaluation, compared]),
        ("/v1", [api]),
    ],
)
def test_axe_finds_nothing_serious(
    page: Page,
    window: str,
    path: str,
    states: list[Callable[[Page], None]],
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for state in states:
        page.goto(window.partition("/?")[0] + path if path else window)
        expect(page.locator(LOADED[path])).to_be_visible()
        state(page)
        found[state.__name__] = violations(page)
        found[state.__name__] += nameless(page)
    assert found == {state.__name__: [] for state in states}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_one_signs_in(
    page: Page, bundled_index: Path, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    index = tmp_path / "index"
    shutil.copytree(bundled_index, index)
    accounts = Accounts(index)
    accounts.add("ana", "a long password of hers", is_editor=True)
    accounts.close()
    page.emulate_media(color_scheme=scheme)
    with served(index, RAG_REQUIRE_ACCOUNTS="true") as address:
        page.goto(address)
        assert violations(page) == []
        page.get_by_label("Name").fill("ana")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("Password").fill("a long password of hers")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        expect(page.locator(".welcome")).to_be_visible()
        assert violations(page) == []


def test_escape_closes_a_menu_and_gives_the_focus_back(page: Page, window: str) -> None:
    page.goto(window)
    more = page.locator(".conversations .more").first
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".menu:popover-open")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".menu:popover-open")).to_have_count(0)
    expect(more).to_be_focused()


def test_focus_is_seen_on_everything_that_takes_it(page: Page, window: str) -> None:
    page.goto(window)
    expect(page.locator("ul.nearest")).to_be_visible()
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const focused = document.activeElement;
                const style = getComputedStyle(focused);
                const outlined = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
                return focused === document.body || outlined ? "" : focused.outerHTML.slice(0, 200);
            }"""
        )
        unseen += [seen] if seen else []
    assert unseen == []


@pytest.mark.parametrize("path", ["/articles", "/evaluation"])
@pytest.mark.parametrize("width", [320, 640])
def test_other_pages_are_never_wider_than_the_window(
    page: Page, window: str, path: str, width: int
) -> None:
    """640 pixels are a window of 1280 at 200 %, and 320 the same at 400 %."""
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(window.partition("/?")[0] + path)
    expect(page.locator(LOADED[path])).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_new_conversation_is_seen_from_its_beginning(page: Page, window: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 500})
    page.goto(window)
    expect(page.locator("#conversation .turn").last).to_be_in_viewport()
    welcome(page)
    expect(page.get_by_role("heading", name="Ask your articles")).to_be_in_viewport()
