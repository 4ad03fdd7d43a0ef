"""Take the README's picture of the chat window: python tests/picture.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from served import ROOT, chromium, served

FILE = ROOT / "docs" / "chat.png"
QUESTION = "How much money goes into the recycled aluminium project in Pakistan?"
DECLINED = "Who won the football World Cup in 1998?"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as address,
        sync_playwright() as playwright,
    ):
        browser = chromium(playwright)
        assert browser, "there is no Chromium; install one, or run: playwright install chromium"
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.get_by_role("button", name=DECLINED).click()
        page.wait_for_selector(".answer .notice")
        page.locator("#question textarea").fill(QUESTION)
        page.keyboard.press("Enter")
        page.wait_for_selector("#source mark.current")
        page.wait_for_timeout(500)
        FILE.parent.mkdir(exist_ok=True)
        page.screenshot(path=FILE)


if __name__ == "__main__":
    main()
