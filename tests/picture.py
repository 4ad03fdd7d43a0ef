"""Take the README's picture of the chat window: python tests/picture.py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

FILE = Path(__file__).parent.parent / "docs" / "chat.png"
QUESTION = "How much money goes into the recycled aluminium project in Pakistan?"
DECLINED = "Who won the football World Cup in 1998?"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = subprocess.Popen(
            [sys.executable, "-m", "ui", "--no-browser", "--port", "0"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RAG_INDEX_DIR": folder},
        )
        try:
            assert server.stderr is not None
            addresses = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
            address = next(filter(None, addresses))[0]
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
                args=["--no-sandbox", "--disable-gpu"],
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address)
            page.get_by_role("button", name=DECLINED).click(timeout=60_000)
            page.wait_for_selector(".answer .notice", timeout=60_000)
            page.locator("#question textarea").fill(QUESTION)
            page.keyboard.press("Enter")
            page.wait_for_selector("#source mark.current")
            page.wait_for_timeout(500)
            FILE.parent.mkdir(exist_ok=True)
            page.screenshot(path=FILE)
            browser.close()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
