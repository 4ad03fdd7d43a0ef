"""The module that turns answers into HTML."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from index.article import Article
from index.store import StoredArticle
from rag.conversation import Conversation, NearPassage, Quotation, Turn
from ui import render
from ui.render import Pending, Segment
from ui.storage import Feedback, Listed

TEXT = "## Ore <b>\n\nTin rose. Zinc fell.\n\n# Late"
ARTICLE = Article("/x/<i>.md", "Metals & <em>ores</em>", "A<B", None, TEXT, "")


def quoted(number: int, quote: str) -> Quotation:
    start = TEXT.index(quote)
    return Quotation(
        number, quote, start, start + len(quote), ARTICLE.source, ARTICLE.title, "A<B", None
    )


def near(quote: str) -> NearPassage:
    start = TEXT.index(quote)
    end = start + len(quote)
    return NearPassage(
        ARTICLE.source, ARTICLE.title, start, end, quote, 0.1, 1, 0.5, None, None, -1.0
    )


def turn(text: str, *quotations: Quotation) -> Turn:
    return Turn(
        "Q <script>?",
        text=text,
        short="<u>",
        note="They <i>",
        quotations=quotations,
        passages=(near(TEXT),),
    )


def test_segments_put_together_are_the_text_without_heading_marks() -> None:
    assert render.segments(TEXT, [quoted(2, "Zinc fell.")]) == [
        Segment("Ore <b>", heading=True),
        Segment("\n\nTin rose. "),
        Segment("Zinc fell.", 2),
        Segment("\n\n"),
        Segment("Late", heading=True),
    ]


def test_of_overlapping_quotations_the_earlier_one_is_marked_whole() -> None:
    found = render.segments(TEXT, [quoted(1, "Tin rose. Zinc"), quoted(2, "Zinc fell.")])
    assert "".join(part.text for part in found if part.number == 1) == "Tin rose. Zinc"
    assert "".join(part.text for part in found if part.number == 2) == " fell."


def test_text_after_a_quotation_is_no_heading() -> None:
    quotation = Quotation(1, "Tin rose.", 0, 9, "/x", "T", "", None)
    assert render.segments("Tin rose.# 5 on the list", [quotation]) == [
        Segment("Tin rose.", 1),
        Segment("# 5 on the list"),
    ]


def test_text_is_cut_at_the_markers_of_its_quotations_alone() -> None:
    tin, zinc = quoted(1, "Tin rose."), quoted(2, "Zinc fell.")
    assert render.pieces(turn("Tin rose. [1] [9] it says. [2] End.", tin, zinc)) == [
        ("Tin rose.", tin),
        ("[9] it says.", zinc),
        ("End.", None),
    ]


def test_numbers_in_brackets_within_a_quotation_are_no_markers() -> None:
    tin = replace(quoted(1, "Tin rose."), quote="Tin rose [2].")
    zinc = replace(quoted(2, "Zinc fell."), quote="Zinc fell.[1]")
    assert render.pieces(turn("Tin rose [2]. [1] Zinc fell.[1] [2]", tin, zinc)) == [
        ("Tin rose [2].", tin),
        ("Zinc fell.[1]", zinc),
    ]


def test_everything_foreign_is_escaped() -> None:
    answered = turn("Tin rose. [1]", quoted(1, "Tin rose."))
    declined = Turn("<script>", text="No.", abstained=True, passages=(near("Zinc fell."),))
    shown = Conversation("<script>", (answered, declined, Turn("<script>", error="<script>")))
    stored = StoredArticle("/<i>", "<em>", "A<B", date(2026, 1, 2), 9, 1, "", "", "")
    pages = [
        render.conversation(shown, {answered.id: Feedback(False, "<script>", '"><script>')}),
        render.conversations([Listed("i", "<script>", datetime.now(UTC), 1)], "i", '"><script>'),
        render.welcome([stored], ["<script>"], False),
        render.pending(Pending("<script>", "waiting", 3)),
        render.source(answered, answered.quotations[0], ARTICLE),
        render.passage(near("Zinc fell."), ARTICLE),
        render.why(answered),
        render.masthead("chat", "<script>"),
        render.notice("<script>"),
    ]
    for html in pages:
        for unwanted in ("<script", "<u>", "<em>", "<b>", "A<B", 'value=""><'):
            assert unwanted not in html
    assert sum("&lt;script&gt;" in html for html in pages) == 7
    assert "They &lt;i&gt;" in pages[0]
    assert "Metals &amp; &lt;em&gt;ores&lt;/em&gt;" in pages[4]


def test_welcome_says_who_else_is_told_what_is_asked() -> None:
    assert "Nothing leaves the computer" in render.welcome([], [], True)
    html = render.welcome([], [], True, "openai:<b>")
    assert "are sent to openai:&lt;b&gt;." in html
    assert "Nothing leaves" not in html


def test_written_answer_says_by_whom_and_what_was_left_out() -> None:
    written = Turn("Q?", text="Tin. [1]", written_by="openai:m", written=4, dropped=3)
    html = render.conversation(Conversation("", (written,)), {})
    assert "Written by openai:m, held to quotations: 3 of its 4 sentences had none." in html


def test_place_in_line_is_said() -> None:
    assert "Busy: you are number 3 in line." in render.pending(Pending("Q?", "waiting", 3))


def test_source_marks_the_quotations_that_stand_and_says_how_it_was_found() -> None:
    answered = turn("", quoted(1, "Tin rose."), quoted(2, "Zinc fell."))
    html = render.source(answered, answered.quotations[1], ARTICLE)
    assert '<mark data-number="1">Tin rose.</mark>' in html
    assert '<mark data-number="2" class="current">Zinc fell.</mark>' in html
    assert "Found by meaning (place 1); once read, in place 1 of 1." in html
    assert "Quotation 2 of 2" in html


def test_source_that_has_changed_or_gone_says_so_and_marks_nothing() -> None:
    answered = turn("", quoted(1, "Tin rose."))
    changed = Article(ARTICLE.source, "T", "", None, "Tin fell.", "")
    html = render.source(answered, answered.quotations[0], changed)
    assert "This article has changed since" in html
    assert "<mark" not in html
    html = render.source(answered, answered.quotations[0], None)
    assert "This article has been deleted since" in html
    assert "Zinc" not in html


def test_source_of_nothing_is_empty() -> None:
    assert "appears here" in render.source(None)


def test_abstention_is_shown_without_a_number_and_with_what_comes_nearest() -> None:
    declined = Turn(
        "Q?", "The articles do not say.", abstained=True, passages=(near("Zinc fell."),)
    )
    html = render.conversation(Conversation("", (declined,)), {})
    assert "The articles do not say." in html
    assert "Zinc fell." in html
    assert 'class="cite"' not in html


def test_what_could_be_asked_instead_stands_with_the_last_question_alone() -> None:
    declined = Turn("Q?", text="No.", abstained=True)
    again = Turn("R?", text="No.", abstained=True)
    html = render.conversation(Conversation("", (declined, again)), {}, ["Who <dug> it?"])
    assert html.count("You could ask instead:") == 1
    assert 'data-question="Who &lt;dug&gt; it?"' in html.split("R?")[1]


def test_full_list_of_conversations_says_how_to_find_others() -> None:
    listed = [Listed(str(number), "Tin", datetime.now(UTC), 1) for number in range(50)]
    assert "The latest 50 are listed. Search to find others." in render.conversations(
        listed, "", ""
    )
    assert "Search to find others" not in render.conversations(listed[:49], "", "")


def test_bar_of_a_score_is_its_share_of_the_greatest_and_never_negative() -> None:
    html = render.why(turn("", quoted(1, "Tin rose.")))
    assert '<span class="bar" style="--share: 0.000">-1.00</span>' in html
    assert '<span class="bar" style="--share: 1.000">0.50</span>' in html
    assert "not found" in html
