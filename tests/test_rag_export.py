"""Markdown of a conversation: shown as it is, and read back to the character."""

from __future__ import annotations

import html
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from index.errors import ConversationError
from rag.conversation import Conversation, Quotation, Turn, to_json
from rag.export import escaped, from_markdown, read_export, to_markdown, unescaped

SIGNS = "*_`<>[]()!#-+.:/@&;\\ \n\t\"'|~=1x"
ANY = st.text(st.characters(), max_size=40) | st.text(SIGNS)
QUOTATIONS = st.builds(
    Quotation,
    st.integers(1, 99),
    ANY,
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    ANY,
    ANY,
    ANY,
    st.none() | st.dates(),
)
TURNS = st.builds(
    Turn,
    question=ANY,
    understood=ANY,
    text=ANY,
    short=ANY,
    note=ANY,
    error=ANY,
    quotations=st.lists(QUOTATIONS, max_size=3).map(tuple),
)

HOSTILE = (
    "<script>alert(1)</script> ![](http://x.test/a.png) [a](javascript:alert(1)) www.x.test "
    "https://x.test a@x.test <b@x.test> &lt; &#60; `code` **b** | - # 1. ~~~"
)
SMALL = Conversation(
    "Zinc & tin",
    (
        Turn(
            "Who said so?",
            understood="Who said so, tin?",
            text="Tin *rose*. [1]",
            short="rose",
            quotations=(Quotation(1, "Tin *rose*.", 3, 14, "/a.md", "Tin", "A", date(2026, 1, 2)),),
        ),
    ),
    datetime(2026, 1, 30, 12, tzinfo=UTC),
)


def test_markdown_is_in_a_fixed_form() -> None:
    assert to_markdown(SMALL) == (
        "# Zinc \\& tin\n"
        "\n"
        "A conversation with Ask Articles, form 1, begun 2026-01-30T12:00:00+00:00. "
        "`python -m rag verify FILE` checks its quotations.\n"
        "\n"
        "## Who said so\\?\n"
        "\n"
        "Asked as: Who said so\\, tin\\?\n"
        "\n"
        "**rose**\n"
        "\n"
        "Tin \\*rose\\*\\. \\[1\\]\n"
        "\n"
        "- **1** Tin \\*rose\\*\\. (Tin; A; 2026-01-02; \\/a\\.md, characters 3 to 14)\n"
    )


@given(st.builds(Conversation, ANY, st.lists(TURNS, max_size=3).map(tuple)))
def test_questions_and_quotations_come_back_to_the_character(conversation: Conversation) -> None:
    back = from_markdown(to_markdown(conversation))
    assert (back.title, back.started) == (conversation.title, conversation.started)
    assert [(turn.question, turn.quotations) for turn in back.turns] == [
        (turn.question, turn.quotations) for turn in conversation.turns
    ]


@given(ANY)
def test_escaped_text_is_one_line_and_comes_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert "\n" not in escaped(text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"])) | st.text(SIGNS))
@example(HOSTILE)
@example("    indented")
@example("a  \nb")
@example("\u200b@\u202e\ufeff")
def test_escaped_text_is_shown_as_it_is(text: str) -> None:
    """But for control characters, which viewers replace, and a space of no width before an @."""
    parts = MarkdownIt("commonmark").parse(f"x{escaped(text)}x")
    (block,) = [part for part in parts if part.type == "inline"]
    assert {part.type for part in block.children or []} == {"text"}
    said = "".join(part.content for part in block.children or [])
    assert said.replace("\u200b", "") == f"x{text}x".replace("\u200b", "")


def test_nothing_of_it_becomes_markup_or_a_link() -> None:
    turn = Turn(
        HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, error=HOSTILE,
        quotations=(Quotation(1, HOSTILE, 0, 9, HOSTILE, HOSTILE, HOSTILE, None),),
    )  # fmt: skip
    page = MarkdownIt("gfm-like", {"linkify": False}).render(
        to_markdown(Conversation(HOSTILE, (turn,)))
    )
    assert html.escape("<script>", quote=False) in page
    tags = {tag.split(">")[0].split()[0] for tag in page.split("<")[1:]}
    assert {tag.strip("/") for tag in tags} == {"h1", "h2", "p", "strong", "code", "ul", "li"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("characters 3 to", "characters three to", "Line 13 is not as it was exported"),
        ("Tin \\*rose\\*\\. (", "Tin *rose*\\. (", "Line 13 is not as it was exported"),
        ("2026-01-02", "2026-13-02", "Line 13 is not as it was exported"),
        ("## Who said so\\?", "Who said so\\?", "Line 13 is not as it was exported"),
        ("Zinc \\&", "Zinc &#x110000; \\&", "Its beginning is not as it was exported"),
        ("form 1", "form 2", "It is no conversation that was exported as Markdown"),
        ("2026-01-30T", "2026-01-99T", "Its beginning is not as it was exported"),
    ],
)
def test_export_that_was_changed_is_refused(old: str, new: str, said: str) -> None:
    text = to_markdown(SMALL)
    assert old in text
    with pytest.raises(ConversationError, match=said):
        from_markdown(text.replace(old, new, 1))


@pytest.mark.parametrize("name", ["a.md", "a.json", "a.txt"])
def test_file_is_read_by_what_it_holds(tmp_path: Path, name: str) -> None:
    text = to_json(SMALL) if name == "a.json" else to_markdown(SMALL).replace("\n", "\r\n")
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    (turn,) = read_export(tmp_path / name, max_megabytes=1).turns
    assert turn.quotations == SMALL.turns[0].quotations


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "cannot be verified. It is no conversation"),
        (b"\xff\xfe", "is not UTF-8 text, as exports are"),
        (b"{" * 1_000_000, "cannot be verified. It is no conversation"),
        (b"#" * 1_000_001, "cannot be verified. It has more than 1 MB"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_file_that_is_no_export_is_named_with_the_cause(
    tmp_path: Path, data: bytes | None, said: str
) -> None:
    if data is not None:
        (tmp_path / "a.md").write_bytes(data)
    with pytest.raises(ConversationError, match=f"a.md {said}"):
        read_export(tmp_path / "a.md", max_megabytes=1)
