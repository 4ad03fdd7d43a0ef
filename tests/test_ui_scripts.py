"""Texts that run from the right and names in other scripts, on every page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from served import served

from index.embedder import Embedder
from index.syncing import sync
from rag import Assistant
from rag.conversation import Quotation, Turn
from ui.storage import Storage

pytestmark = pytest.mark.browser

URDU = "گوادر سے ایلومینیم کی برآمد 2025 میں 40 ہزار ٹن تک پہنچ گئی۔"
PERSIAN = "ارزش پروژه‌ی آلومینیوم بازیافتی ۵٫۵ میلیارد یوان است."
CHINESE = "重庆再生铝项目总投资为五十五亿元人民币。"
RUSSIAN = "Стоимость проекта в Казахстане составила 120 млрд тенге."

#: The title, publisher and text of each article, and the sentence of it that is quoted.
ARTICLES = {
    "urdu.md": (
        "گوادر بندرگاہ کی خبریں",
        "روزنامہ جنگ",
        f"بندرگاہ مصروف ہے۔ {URDU} یہ ریکارڈ ہے۔",
        URDU,
    ),
    "persian.md": ("همکاری صنعتی ایران و چین", "ایرنا", f"خبر کوتاه. {PERSIAN} پایان.", PERSIAN),
    "chinese.md": (
        "重庆铝业走进巴基斯坦",
        "新华社",
        f"记者李明报道。{CHINESE}项目已开工。",
        CHINESE,
    ),
    "russian.md": ("Қазақстан и алюминий", "Қазинформ", f"Новость. {RUSSIAN} Конец.", RUSSIAN),
}
FROM_THE_RIGHT = ("urdu.md", "persian.md")


@pytest.fixture(scope="module")
def window(
    tmp_path_factory: pytest.TempPathFactory,
    embedder: Embedder,
    assistant_over: Callable[[Path], Assistant],
) -> Iterator[str]:
    """The address of a conversation with a turn about each article."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "articles").mkdir()
    for name, (title, publisher, text, _) in ARTICLES.items():
        written = f"---\ntitle: {title}\npublisher: {publisher}\n---\n\n{text}\n"
        (folder / "articles" / name).write_text(written, "utf-8")
    assert sync(folder / "articles", folder / "index", embedder=embedder).failed == ()
    storage = Storage(folder / "index")
    conversation = storage.begin("", "矿产 Қазақстан معدنیات")
    with assistant_over(folder / "index") as assistant:
        for name, (title, publisher, text, quote) in ARTICLES.items():
            (source,) = (a.source for a in assistant.articles() if a.source.endswith(name))
            start = text.index(quote)
            found = Quotation(1, quote, start, start + len(quote), source, title, publisher, None)
            turn = Turn(title, text=f"{quote} [1]", short=quote[:20], quotations=(found,))
            storage.add("", conversation, turn)
    storage.close()
    with served(folder / "index") as address:
        yield f"{address}/?conversation={conversation}"


def runs(found: Locator) -> str:
    return str(found.evaluate("element => getComputedStyle(element).direction"))


@pytest.mark.parametrize("place", range(len(ARTICLES)), ids=list(ARTICLES))
def test_answer_and_source_run_as_their_script_does(page: Page, window: str, place: int) -> None:
    name, (title, publisher, text, quote) = list(ARTICLES.items())[place]
    way = "rtl" if name in FROM_THE_RIGHT else "ltr"
    page.goto(window)
    turn = page.locator("#conversation .turn").nth(place)
    turn.locator("button.cite").click()
    expect(page.locator("#source h2")).to_have_text(title)
    expect(page.locator("#source .publisher")).to_have_text(publisher)
    expect(page.locator("#source .text")).to_have_text(text)
    mark = page.locator("#source mark.current")
    expect(mark).to_have_text(quote)
    expect(mark).to_be_in_viewport()
    for shown in ("h2", ".imprint", ".text", "mark"):
        assert runs(page.locator(f"#source {shown}")) == way
    for shown in ("p.question", "p.short", ".quote"):
        assert runs(turn.locator(shown)) == way
    # The number stands at the end of the sentence: to its left where that runs from the right.
    number, words = (
        turn.locator("button.cite").bounding_box(),
        turn.locator(".quote").bounding_box(),
    )
    assert number
    assert words
    if way == "rtl":
        assert number["x"] < words["x"] + words["width"] / 2
    else:
        assert number["x"] > words["x"] + words["width"] / 2
    # The mark is beside what comes before it, on the side where that script begins.
    edges = page.locator("#source .text").evaluate(
        """text => {
            const mark = text.querySelector("mark").getClientRects()[0];
            const before = document.createRange();
            before.selectNode(text.firstChild);
            const first = before.getClientRects()[0];
            return [first.left, first.right, mark.left, mark.right];
        }"""
    )
    assert abs(edges[0] - edges[3] if way == "rtl" else edges[1] - edges[2]) < 12


def test_names_are_whole_in_the_list_and_on_the_page_of_articles(page: Page, window: str) -> None:
    page.goto(window)
    expect(page.locator(".conversations li > a")).to_have_text("矿产 Қазақстан معدنیات")
    page.goto(f"{window.partition('?')[0]}articles")
    for name, (title, publisher, text, _) in ARTICLES.items():
        way = "rtl" if name in FROM_THE_RIGHT else "ltr"
        row = page.locator("table.articles tbody tr", has_text=title)
        expect(row.locator("td").first).to_have_text(publisher)
        assert [runs(row.locator("button")), runs(row.locator("td").first)] == [way, way]
        row.locator("button").click()
        expect(page.locator("#reading h2")).to_have_text(title)
        expect(page.locator("#reading .text")).to_have_text(text)
        assert runs(page.locator("#reading .text")) == way
