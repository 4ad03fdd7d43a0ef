"""The module that turns answers into HTML."""

from __future__ import annotations

from index.article import Article
from rag import Answer, Citation
from ui import render
from ui.render import Segment, Turn

TEXT = "## Ore <b>\n\nTin rose. Zinc fell.\n\n# Late"
ARTICLE = Article("/x/<i>.md", "Metals & <em>ores</em>", "A<B", None, TEXT, "")


def cited(number: int, quote: str) -> Citation:
    start = TEXT.index(quote)
    return Citation(number, quote, start, start + len(quote), ARTICLE)


def answer(*citations: Citation, text: str = "") -> Answer:
    return Answer("Q?", text, "<u>", citations, (), 0.9, not citations, 0.5, (), note="They <i>")


def test_segments_put_together_are_the_text_without_heading_marks() -> None:
    assert render.segments(TEXT, [cited(2, "Zinc fell.")]) == [
        Segment("Ore <b>", heading=True),
        Segment("\n\nTin rose. "),
        Segment("Zinc fell.", 2),
        Segment("\n\n"),
        Segment("Late", heading=True),
    ]


def test_of_overlapping_quotations_the_earlier_one_is_marked_whole() -> None:
    found = render.segments(TEXT, [cited(1, "Tin rose. Zinc"), cited(2, "Zinc fell.")])
    assert "".join(part.text for part in found if part.number == 1) == "Tin rose. Zinc"
    assert "".join(part.text for part in found if part.number == 2) == " fell."


def test_text_after_a_quotation_is_no_heading() -> None:
    text = "Tin rose.# 5 on the list"
    article = Article("/x", "T", "", None, text, "")
    assert render.segments(text, [Citation(1, "Tin rose.", 0, 9, article)]) == [
        Segment("Tin rose.", 1),
        Segment("# 5 on the list"),
    ]


def test_everything_foreign_is_escaped() -> None:
    page = render.conversation([Turn("<script>", answer(cited(1, "Tin rose.")))], 5)
    page += render.conversation([Turn("<script>", error="<script>")], 1)
    page += render.source(answer(cited(1, "Tin rose.")))
    for unwanted in ("<script", "<u>", "<em>", "<i>", "<b>", "A<B"):
        assert unwanted not in page
    assert "&lt;script&gt;" in page
    assert "They &lt;i&gt;" in page
    assert "Metals &amp; &lt;em&gt;ores&lt;/em&gt;" in page


def test_source_of_a_number_that_does_not_exist_is_empty() -> None:
    assert "appears here" in render.source(answer(cited(1, "Tin rose.")), 7)
    assert "appears here" in render.source(None)


def test_abstention_is_shown_without_a_number() -> None:
    page = render.conversation([Turn("Q?", answer(text="The articles do not say."))], 5)
    assert "The articles do not say." in page
    assert "<button" not in page
