"""What a real Chromium makes of the pages' Content-Security-Policy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from served import running

pytestmark = pytest.mark.browser


def test_ordinary_use_violates_nothing_and_asks_nobody_else(
    browser: Browser, tmp_path: Path, bundled_index: Path
) -> None:
    shutil.copytree(bundled_index, tmp_path / "index")
    said: list[str] = []
    failed: list[str] = []
    asked: list[str] = []
    with running(tmp_path / "index") as server:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.on(
            "console",
            lambda message: said.append(message.text) if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("response", lambda got: failed.append(got.url) if got.status >= 400 else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.address)
        page.locator("#question textarea").fill("Who organised the mineral forum in Islamabad?")
        page.keyboard.press("Enter")
        expect(page.locator(".answer .quote").first).to_be_visible()
        page.locator("[data-do=cite]").first.click()
        expect(page.locator("mark.current")).to_be_visible()
        for path in ("/articles", "/evaluation"):
            page.goto(f"{server.address}{path}")
            expect(page.locator("#masthead h1, #masthead a").first).to_be_visible()
        # A script that gets into the page some other way does not run.
        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran=1\">')"
        )
        page.wait_for_timeout(500)
        assert page.evaluate("window.ran") is None
        page.close()
        others = [u for u in asked if not u.startswith((server.address, "data:", "blob:"))]
    assert others == []
    assert [url for url in failed if not url.endswith("/x")] == []
    violations = [text for text in said if "Content Security Policy" in text]
    assert [text for text in violations if "inline event handler" not in text] == []
    assert violations  # of that one Chromium complains
