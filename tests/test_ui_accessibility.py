"""Every page for everybody: axe-core finds nothing serious, and keys alone and 200 % do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

QUESTION = "What do Russia and India cooperate on?"
DECLINED = "Who won the football World Cup in 1998?"


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the elements that it means."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} {node['any'][:1]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def ask(page: Page, question: str) -> None:
    turns = page.locator("#conversation .turn").count()
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#conversation .turn")).to_have_count(turns + 1)
    expect(page.locator("#pending .turn")).to_have_count(0)


def welcome(page: Page) -> None:
    expect(page.locator(".welcome")).to_be_visible()


def answered(page: Page) -> None:
    ask(page, QUESTION)
    expect(page.locator("#source mark.current")).to_be_visible()


def declined(page: Page) -> None:
    ask(page, DECLINED)
    page.locator("ul.nearest button").first.click()
    expect(page.locator("#source mark.current")).to_be_visible()


def refused(page: Page) -> None:
    page.get_by_text("Which articles may answer").click()
    page.get_by_label("Published since").fill("yesterday")
    ask(page, QUESTION)
    expect(page.locator("#conversation .notice")).to_be_visible()


def why(page: Page) -> None:
    ask(page, QUESTION)
    page.get_by_role("button", name="Why this answer").last.click()
    expect(page.locator(".why")).to_be_visible()


def menu(page: Page) -> None:
    ask(page, QUESTION)
    page.locator(".conversations .more").first.click()
    expect(page.locator(".menu:popover-open")).to_be_visible()


def judging(page: Page) -> None:
    ask(page, QUESTION)
    page.get_by_role("button", name="This answer is wrong; say why").last.click()
    expect(page.locator(".menu:popover-open")).to_be_visible()


def articles(page: Page) -> None:
    page.locator("table.articles button[data-do=read]").first.click()
    expect(page.locator("#reading h2")).to_be_visible()


def deleting(page: Page) -> None:
    articles(page)
    page.get_by_role("button", name="Delete…").click()
    expect(page.locator(".menu:popover-open")).to_be_visible()


def evaluation(page: Page) -> None:
    expect(page.get_by_role("heading", name="Evaluation")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("path", "states"),
    [
        ("/", [welcome, answered, declined, refused, why, menu, judging]),
        ("/articles", [articles, deleting]),
        ("/evaluation", [evaluation]),
    ],
)
def test_axe_finds_nothing_serious(
    page: Page,
    bundled_window: str,
    path: str,
    states: list[Callable[[Page], None]],
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    found = {}
    for state in states:
        page.goto(f"{bundled_window}{path}")
        state(page)
        found[state.__name__] = violations(page)
    assert found == {state.__name__: [] for state in states}
