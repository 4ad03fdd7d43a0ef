"""Whatever is shown is shown as text: hostile markup in every place that others can write to.

Every place is read in a real Chromium beside the same place with a harmless text: the two must have
the same elements, and the text must be there sign by sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hostile_markup import PAYLOADS, file_name, packed
from playwright.sync_api import Locator, Page, expect
from served import served

from eval.evaluate import Evidence
from eval.kept import Asked, Kept, to_json
from eval.metrics import Figure
from index.article import Article, source_id
from index.embedder import Embedder
from index.syncing import sync
from rag import Assistant
from rag.conversation import NearPassage, Quotation, Turn
from ui.storage import LISTED, Evaluation, Feedback, Storage

pytestmark = pytest.mark.browser

HARMLESS = "Tin rose"
TEXTS = [HARMLESS, *packed()]

#: The same in fewer texts, for places where each is opened by a click.
LONG_TEXTS = [HARMLESS, *packed(most=1900)]

#: What an element and all that is in it are made of, without the texts.
_SHAPES = """elements => elements.map(function shape(element) {
    const kind = [...element.attributes].map(({name, value}) =>
        ["class", "data-do", "type", "role"].includes(name) ? `${name}=${value}` : name);
    return `${element.tagName}[${kind.sort()}](${[...element.children].map(shape)})`;
})"""

#: How many elements there are that can run, load or send, beside those that Gradio loads itself.
_CENSUS = """() => {
    const own = (address) => !address || new URL(address, location).origin === location.origin;
    const counts = {};
    for (const e of document.querySelectorAll(
        "script, iframe, object, embed, applet, base, meta, link, style, img, image, video," +
        "audio, source, track, math, area, frame, frameset, portal, template, dialog, marquee, form"
    )) if (e.tagName !== "LINK" || !own(e.href)) counts[e.tagName] = (counts[e.tagName] ?? 0) + 1;
    return counts;
}"""

#: Click, enter and focus every element that shows a text and is no control.
_TOUCH = """elements => {
    for (const element of elements) {
        if (element.closest("a, button, summary, label, [data-do]")) continue;
        for (const name of ["pointerover", "mouseover", "mousedown", "mouseup", "wheel"])
            element.dispatchEvent(new MouseEvent(name, {bubbles: true}));
        element.focus?.();
        element.click?.();
    }
}"""


#: So many conversations are searched for at once, and one whose name says which.
GROUP = LISTED - 1


@dataclass(frozen=True)
class Hostile:
    """A window whose articles, conversations and evaluations are hostile."""

    address: str
    articles: list[Article]  #: one for each of TEXTS as its title, in that order
    answered: str  #: ids of conversations
    sourced: str
    judged: str
    declined: str
    refused: str
    crowded: str


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory,
    embedder: Embedder,
    assistant_over: Callable[[Path], Assistant],
) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "articles").mkdir()
    for number, title in enumerate(TEXTS):
        write(folder / "articles" / f"{number:03} {file_name(title)}.md", title, "")
    for number, text in enumerate(LONG_TEXTS):
        write(folder / "articles" / f"long {number:02}.md", f"Long {number}", as_shown(text))
    index = folder / "index"
    assert sync(folder / "articles", index, embedder=embedder).failed == ()
    with assistant_over(index) as assistant:
        found = sorted((assistant.article(a.source) for a in assistant.articles()), key=str)
    articles = [article for article in found if article and "articles/long " not in article.source]
    long = [article for article in found if article and article not in articles]
    assert (len(articles), len(long)) == (len(TEXTS), len(LONG_TEXTS))
    (folder / "gold.jsonl").write_text(f'{{"id": "{TEXTS[1]}"\n', "utf-8")
    storage = Storage(index)
    for number, text in enumerate(TEXTS):
        group = f"group{number // GROUP}"
        if number % GROUP == 0:
            storage.begin("", group)
        storage.rename("", storage.begin("", "x", Turn(group)), text)
    ids = [
        keep(storage, kept)
        for kept in (
            [turn(text, articles[0]) for text in TEXTS],
            [turn(text, article) for text, article in zip(LONG_TEXTS, long, strict=True)],
            [turn(text, articles[0]) for text in TEXTS],
            [declined(text) for text in TEXTS],
            [Turn(text, error=text) for text in TEXTS],
            [Turn(TEXTS[1], text="Tin rose", passages=tuple(map(near, TEXTS, articles)))],
        )
    ]
    for text, judged in zip(TEXTS, storage.conversation("", ids[2]).turns, strict=True):
        storage.judge("", judged.id, Feedback(False, text, text))
    storage.keep_evaluation("", Evaluation("a", datetime(2026, 1, 30, tzinfo=UTC), run()))
    storage.keep_evaluation("", Evaluation("b", datetime(2026, 1, 31, tzinfo=UTC), run()))
    storage.close()
    with served(index, "--gold", str(folder / "gold.jsonl"), RAG_MAX_FILE_MEGABYTES="1") as address:
        yield Hostile(address, articles, *ids)


def write(path: Path, title: str, text: str) -> None:
    name = "".join(f"\\U{ord(sign):08x}" for sign in title)
    path.write_text(
        f'---\ntitle: "{name}"\npublisher: "{name}"\ndate: 2026-01-30\n---\n\n'
        f"Tin rose. {text}\n\nZinc fell.\n",
        "utf-8",
    )


def keep(storage: Storage, turns: Sequence[Turn]) -> str:
    name = storage.begin("", HARMLESS)
    for kept in turns:
        storage.add("", name, kept)
    return name


def turn(text: str, article: Article) -> Turn:
    """As a chat model could answer: its words are hostile, and those that name the source, too."""
    quote = quoted(article)
    start = len("Tin rose. ")
    here = Quotation(1, quote, start, start + len(quote), article.source, text, text, None)
    gone = Quotation(2, text, 0, len(text), f"/{text.replace('/', ':')}", text, text, None)
    return Turn(text, text, f"{text} [1] {text} [2]", text, text, quotations=(here, gone))


def quoted(article: Article) -> str:
    return article.text.removeprefix("Tin rose. ").removesuffix("\n\nZinc fell.")


def declined(text: str) -> Turn:
    place = NearPassage(text, text, 0, 3, text, 0.1, 1, 0.5, 1, 2.0, 0.3)
    return Turn(text, text="The articles do not say.", note=text, abstained=True, passages=(place,))


def near(text: str, article: Article) -> NearPassage:
    return NearPassage(article.source, text, 0, 8, "Tin rose", 0.1, 1, 0.5, 1, 2.0, 0.3)


def run() -> str:
    figure = Figure(0.5, 0.4, 0.6, 2)
    names = ("hit@5", "answer recall", "citation hit", "short F1", "abstention recall")
    figures = dict.fromkeys((*names, "p50 seconds", "p95 seconds", *TEXTS), figure)
    asked = [
        Asked(
            text,
            text,
            text,
            text,
            (text,),
            (Evidence(text, text),),
            text,
            text,
            (Evidence(text, text),),
            False,
            0.5,
            True,
            True,
            1.0 + number,
            {"hit@5": (1.0, 1.0)},
        )
        for number, text in enumerate(TEXTS)
    ]
    splits = {"all": figures, TEXTS[1]: figures}
    return to_json(Kept(tuple(TEXTS), splits, dict.fromkeys(TEXTS, figures), tuple(asked)))


@pytest.fixture(autouse=True)
def _nothing_is_caught(page: Page, hostile: Hostile) -> Iterator[None]:
    """No dialog, no request elsewhere, no new window, no error: on whichever pages a test opens."""
    caught: list[str] = []
    page.add_init_script(
        "Object.defineProperty(window, 'caught', {set: () => console.error('caught'), get() {}})"
    )
    page.on("dialog", lambda dialog: (caught.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: caught.append(popup.url))
    page.on("request", lambda request: caught.append(request.url))
    page.on("pageerror", lambda error: caught.append(str(error)))
    page.on("console", lambda said: caught.append(said.text) if said.type == "error" else None)
    yield
    page.wait_for_timeout(200)
    own = (f"{hostile.address}/", "data:", f"blob:{hostile.address}/")
    assert [what for what in caught if not what.startswith(own) and "net::ERR" not in what] == []


def test_there_are_many_and_each_is_in_a_text() -> None:
    assert len(PAYLOADS) > 400
    assert all(any(payload in text for text in TEXTS) for payload in PAYLOADS)


def texts(found: Locator) -> list[str]:
    return [text or "" for text in found.evaluate_all("all => all.map(e => e.textContent)")]


def as_shown(text: str) -> str:
    """What no page can hold is not there: a zero sign."""
    return text.strip().replace("\0", "")


def check(page: Page, each: str, count: int = len(TEXTS)) -> None:
    """All such elements are made as the first is, which holds a harmless text; touch them."""
    expect(page.locator(each)).to_have_count(count)
    shapes = page.locator(each).evaluate_all(_SHAPES)
    assert set(shapes) == {shapes[0]}
    page.locator(f"{each} *").evaluate_all(_TOUCH)


def open_conversation(page: Page, hostile: Hostile, conversation: str) -> None:
    page.goto(f"{hostile.address}/?conversation={conversation}")
    expect(page.locator("#conversation .turn").first).to_be_visible()


@pytest.fixture
def census(page: Page, hostile: Hostile) -> Iterator[None]:
    """After the test the page has the elements of this kind that it had when it was opened."""
    yield
    counts = page.evaluate(_CENSUS)
    ours = page.locator("form.menu, form.user").count()
    assert counts.pop("FORM", 0) == ours
    page.goto(f"{hostile.address}{page.evaluate('location.pathname')}")
    page.wait_for_timeout(1000)
    before = page.evaluate(_CENSUS)
    before.pop("FORM", 0)
    assert counts == before


@pytest.mark.usefixtures("census")
def test_question_and_answer(page: Page, hostile: Hostile) -> None:
    open_conversation(page, hostile, hostile.answered)
    check(page, "#conversation .turn:not([data-at-end])", len(TEXTS) - 1)
    shown = list(map(as_shown, TEXTS))
    assert texts(page.locator("#conversation p.understood")) == [
        f"Asked as: {t}".replace("\0", "") for t in TEXTS
    ]
    for place in ("p.question", "p.short", "p.note"):
        assert texts(page.locator(f"#conversation {place}")) == [t.replace("\0", "") for t in TEXTS]
    assert texts(page.locator("#conversation .quote")) == [t for t in shown for _ in range(2)]
    titles = page.locator("button.cite").evaluate_all("all => all.map(e => e.title)")
    assert titles == [t.replace("\0", "\ufffd") for t in TEXTS for _ in range(2)]


def test_source_of_an_answer(page: Page, hostile: Hostile) -> None:
    open_conversation(page, hostile, hostile.sourced)
    shapes = set()
    for number, text in enumerate(LONG_TEXTS):
        shown = text.replace("\0", "")
        for place in range(2):
            page.locator("#conversation .turn").nth(number).locator("button.cite").nth(
                place
            ).click()
            turn = (
                page.locator("#conversation [data-do=why]").nth(number).get_attribute("data-turn")
            )
            current = page.locator(f"#source [data-turn='{turn}'][data-number='{place}']")
            expect(current).to_have_count(1)
            assert texts(page.locator("#source h2, #source .publisher")) == [shown, shown]
            shapes.add((place, *page.locator("#source aside").evaluate_all(_SHAPES)))
            page.locator("#source *").evaluate_all(_TOUCH)
            if place == 0:
                assert texts(page.locator("#source mark")) == [
                    text.removeprefix("Tin rose. ").removesuffix("\n\nZinc fell.")
                    for text in texts(page.locator("#source .text"))
                ]
            else:
                assert texts(page.locator("#source blockquote")) == [shown]
                assert texts(page.locator("#source .path")) == [shown.replace("/", ":")]
    assert len(shapes) == 2


@pytest.mark.usefixtures("census")
def test_conversation_titles(page: Page, hostile: Hostile) -> None:
    page.goto(hostile.address)
    for first in range(0, len(TEXTS), GROUP):
        group = f"group{first // GROUP}"
        titles = [" ".join(text.split()).replace("\0", "") for text in TEXTS[first:][:GROUP]]
        titles.append(group)
        page.get_by_label("Search conversations").fill(group)
        expect(page.locator(".conversations li > a").last).to_have_text(group)
        check(page, ".conversations li", len(titles))
        assert sorted(texts(page.locator(".conversations li > a"))) == sorted(titles)
        assert sorted(texts(page.locator(".conversations .menu-title"))) == sorted(titles)
        for place in page.locator(".conversations .more").all()[:5]:
            place.click()
            expect(page.locator(".menu:popover-open")).to_be_visible()
            page.keyboard.press("Escape")


def test_feedback(page: Page, hostile: Hostile) -> None:
    open_conversation(page, hostile, hostile.judged)
    check(page, "#conversation .turn:not([data-at-end])", len(TEXTS) - 1)
    shown = [text.strip().replace("\0", "\ufffd") for text in TEXTS]
    assert texts(page.locator("textarea[name=reason]")) == shown
    values = page.locator("input[name=answer]").evaluate_all(
        "all => all.map(e => e.getAttribute('value'))"
    )
    assert values == shown


def test_declined_answers_and_passages(page: Page, hostile: Hostile) -> None:
    open_conversation(page, hostile, hostile.declined)
    check(page, "#conversation .turn:not([data-at-end])", len(TEXTS) - 1)
    assert texts(page.locator("ul.nearest button")) == [t.replace("\0", "") for t in TEXTS]
    page.locator("ul.nearest button").last.click()
    expect(page.locator("#source .notice")).to_contain_text("deleted since")


def test_error_of_a_turn(page: Page, hostile: Hostile) -> None:
    open_conversation(page, hostile, hostile.refused)
    check(page, "#conversation .turn:not([data-at-end])", len(TEXTS) - 1)
    assert texts(page.locator("#conversation .notice")) == [t.replace("\0", "") for t in TEXTS]


def test_why_and_passage(page: Page, hostile: Hostile) -> None:
    open_conversation(page, hostile, hostile.crowded)
    page.get_by_role("button", name="Why this answer").click()
    check(page, ".why tbody")
    assert texts(page.locator(".why tbody button")) == [t.replace("\0", "") for t in TEXTS]
    assert texts(page.locator(".question-again")) == [TEXTS[1]]
    for number in range(1, len(TEXTS), 50):
        page.get_by_role("button", name="Why this answer").click()
        page.locator(".why tbody button").nth(number).click()
        expect(page.locator("#source .imprint").first).to_have_text("A passage that was read")
        assert texts(page.locator("#source .text")) == [hostile.articles[number].text]


def test_questions_that_are_asked(page: Page, hostile: Hostile) -> None:
    page.goto(hostile.address)
    expect(page.locator(".welcome")).to_be_visible()
    asked = TEXTS[::6]
    assert len(asked) >= 20
    for number, question in enumerate(asked, start=1):
        page.locator("#question textarea").fill(question.replace("\0", ""))
        page.keyboard.press("Enter")
        expect(page.locator("#conversation .turn")).to_have_count(number)
        expect(page.locator("#pending .turn")).to_have_count(0)
    expect(page.locator("#conversation .turn").last).to_contain_text("Why this answer")
    assert len(texts(page.locator("#conversation p.question"))) == len(asked)
    assert [" ".join(t.split()) for t in texts(page.locator("#conversation p.question"))] == [
        " ".join(question.replace("\0", "").split()) for question in asked
    ]
    page.locator("#conversation *").evaluate_all(_TOUCH)
    page.get_by_text("Which articles may answer").click()
    page.get_by_label("Published since").fill("<img src=x onerror=window.caught=1>")
    page.locator("#question textarea").fill("<img src=x onerror=window.caught=1>" * 100)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(
        "'<img src=x onerror=window.caught=1>' is no date such as 2026-01-30."
    )


@pytest.mark.usefixtures("census")
def test_table_of_articles(page: Page, hostile: Hostile) -> None:
    page.goto(f"{hostile.address}/articles")
    shown = []
    for number in range(1, 4):
        expect(page.locator(".pages span")).to_have_text(f"Page {number} of 3")
        rows = page.locator("table.articles tbody tr")
        shapes = rows.evaluate_all(_SHAPES)
        assert len(set(shapes)) == 1
        shown += texts(rows.locator("button[data-do=read]"))
        assert texts(rows.locator("td:nth-child(2)")) == texts(rows.locator("th"))
        page.locator("#listing *").evaluate_all(_TOUCH)
        if number < 3:
            page.get_by_role("button", name="Next").click()
    titles = {article.title for article in hostile.articles}
    assert titles < set(shown)
    page.get_by_label("Search articles").fill("<img src=x onerror=window.caught=1>")
    expect(page.locator("#listing .count")).to_contain_text("of 14")


def test_article_that_is_read_and_deleted(page: Page, hostile: Hostile) -> None:
    page.goto(f"{hostile.address}/articles")
    shapes = set()
    listed = page.locator("table.articles [data-article]")
    expect(listed).to_have_count(50)
    keys = listed.evaluate_all("all => all.map(e => e.dataset.article)")
    found = [article for article in hostile.articles if source_id(article.source) in keys]
    for article in found[::16]:
        page.locator(f'button[data-article="{source_id(article.source)}"]').click()
        expect(page.locator("#reading h2")).to_be_visible()
        opened = page.locator(f'#reading [data-article="{source_id(article.source)}"]')
        expect(opened).to_have_count(1)
        assert texts(page.locator("#reading h2, #reading .text, #reading .path")) == [
            article.title,
            article.text,
            Path(article.source).name,
        ]
        shapes.update(page.locator("#reading aside").evaluate_all(_SHAPES))
        page.locator("#reading *").evaluate_all(_TOUCH)
    assert len(shapes) == 1
    page.get_by_role("button", name="Delete…").click()
    assert texts(page.locator(".menu p[dir=auto]")) == [article.title]
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#results .name")).to_have_count(1)
    assert texts(page.locator("#results .name")) == [article.title]


def test_files_with_such_names_and_texts_that_are_dropped_in(
    page: Page, hostile: Hostile, tmp_path: Path
) -> None:
    page.goto(f"{hostile.address}/articles")
    expect(page.locator("table.articles")).to_be_visible()
    folder = tmp_path
    files = []
    for number, text in enumerate(TEXTS[:20]):
        name = f"{number} {file_name(text)}{'.exe' if number % 2 else '.md'}"
        files.append(folder / name)
        files[-1].write_text(f"{as_shown(text)}\n\nTin rose {number}.\n", "utf-8")
    page.locator("#drop input[type=file]").set_input_files(files)
    expect(page.locator("#results .name")).to_have_count(20)
    check(page, "#results li:has(.refused)", 10)
    check(page, "#results li:has(.added)", 10)
    page.locator("#drop *").evaluate_all(_TOUCH)
    big = folder / "<img src=x onerror=window.caught=1>.md"
    big.write_text("Tin rose. " * 120_000)
    page.locator("#drop input[type=file]").set_input_files(big)
    expect(page.locator("#results .refused")).to_have_count(1)
    # Gradio leaves out what it allows in no file name.
    assert texts(page.locator("#results .name")) == ["img src=x onerror=window.caught=1.md"]
    expect(page.locator(".toast-body")).to_have_count(0)


def test_run_of_the_gold_set(page: Page, hostile: Hostile) -> None:
    page.goto(f"{hostile.address}/evaluation")
    seen = []
    for number in range(1, 4):
        expect(page.locator(".pages span")).to_have_text(f"Page {number} of 3")
        shapes = page.locator("details.asked").evaluate_all(_SHAPES)
        assert len({shape.replace(" bad", "") for shape in shapes}) == 1
        seen += texts(page.locator("details.asked summary span:nth-child(2)"))
        page.locator("#questions *").evaluate_all(_TOUCH)
        if number < 3:
            page.get_by_role("button", name="Next").click()
    assert seen == [text.replace("\0", "") for text in TEXTS]
    for table in page.locator("#report table").all():
        rows = table.locator("tbody tr").evaluate_all(_SHAPES)
        assert len(set(rows)) == 1
    page.locator("#report *").evaluate_all(_TOUCH)
    page.locator("[data-changed=against]").select_option("a")
    expect(page.locator("#difference")).to_be_visible()
    page.locator("[data-changed=type]").select_option(index=5)
    expect(page.locator("#questions .count")).to_have_text("1 of 129 questions")
    page.get_by_role("button", name="Ask the gold questions").click()
    expect(page.locator("#running .notice")).to_contain_text("Line 1 of")
