"""From the command to a first answer in the browser, cold: python tests/first_answer.py.

Twice: where there is no index yet, and where there is one. The files may be in the system's cache.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from served import chromium, running

QUESTION = "How much money goes into the recycled aluminium project in Pakistan?"

_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"


def measure(browser: Browser, index: Path) -> None:
    page = browser.new_context().new_page()
    started = time.perf_counter()
    with running(index, warm=False) as server:
        listens = time.perf_counter()
        page.goto(server.address, wait_until="commit")
        page.wait_for_selector(".welcome")
        welcomed = time.perf_counter()
        page.locator("#question textarea").fill(QUESTION)
        page.keyboard.press("Enter")
        page.wait_for_selector("#source mark.current", timeout=120_000)
        answered = time.perf_counter()
        painted = page.evaluate(_PAINTED)
        page.get_by_role("button", name="Why this answer").click()
        page.wait_for_selector(".why .times")
        spent = page.locator(".why .times li").all_inner_texts()
    print(f"  the server listens after  {listens - started:5.2f} s")
    print(f"  first contentful paint    {painted:5.2f} s later")
    print(f"  the welcome is there      {welcomed - listens - painted:5.2f} s later")
    print(f"  the answer is there       {answered - welcomed:5.2f} s after it was asked")
    print(f"  in all                    {answered - started:5.2f} s")
    print(f"  of which the server:      {', '.join(spent)}", flush=True)
    page.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium(playwright)
        assert browser, "there is no Chromium; install one, or run: playwright install chromium"
        for what in ("without an index", "with one"):
            print(f"{what}:")
            measure(browser, Path(folder) / "index")


if __name__ == "__main__":
    main()
