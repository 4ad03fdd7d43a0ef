"""One file of each kind, read; and what is said of files that cannot be read."""

from __future__ import annotations

import io
import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from index.article import Article
from index.errors import ArticleError
from index.loader import SUFFIXES, load

Write = Callable[[str, str | bytes], Path]


def read(path: Path) -> Article:
    return load(path, max_megabytes=50)


def cause(path: Path) -> str:
    with pytest.raises(ArticleError) as caught:
        read(path)
    return str(caught.value)


def pdf(*lines: str, title: str = "") -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.setTitle(title)
    for number, line in enumerate(lines):
        canvas.drawString(72, 800 - 15 * number, line)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def word(*paragraphs: str, title: str = "") -> bytes:
    file = io.BytesIO()
    document = docx.Document()
    document.core_properties.title = title
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(file)
    return file.getvalue()


PAGE = """<!doctype html><html><head><title>Steel output grows | The Daily Metal</title>
<meta property="og:title" content="Steel output grows">
<meta property="og:site_name" content="The Daily Metal">
<meta property="article:published_time" content="2026-01-30T10:00:00Z"></head>
<body><nav><a href="/">Home</a> <a href="/sport">Sport</a></nav><article>
<p>Steel output grew by 3 percent in May, the ministry said in its monthly report.</p>
<p>Exports of steel rose by 5 percent in the same month, as builders bought more beams.</p>
</article><footer>Copyright</footer></body></html>"""

PAGE_TEXT = (
    "Steel output grew by 3 percent in May, the ministry said in its monthly report.\n"
    "Exports of steel rose by 5 percent in the same month, as builders bought more beams."
)


def test_markdown_that_begins_with_a_rule_loses_nothing(write: Write) -> None:
    text = "---\nTASHKENT, Jan. 30 -- Tin rose.\n\n---\nZinc fell."
    assert read(write("a.md", text.encode())).text == text


def test_markdown_gives_front_matter_and_text(write: Write) -> None:
    path = write(
        "a.md",
        "---\ntitle: Steel output grows\npublisher: The Daily Metal\npublished: 2026-01-30\n---\n\n"
        "Output grew.\n\n## Exports\n\nExports rose.\n",
    )
    assert read(path) == Article(
        source=str(path),
        title="Steel output grows",
        publisher="The Daily Metal",
        published=date(2026, 1, 30),
        text="Output grew.\n\n## Exports\n\nExports rose.",
        content_hash="845bd49c7bf1f1beb0832624d76d61fee32c325cf0338a3a02f375ab6e7f1347",
    )


def test_markdown_without_front_matter_is_titled_by_its_first_heading(write: Write) -> None:
    article = read(write("a.md", "# Steel output grows\n\nOutput grew.\n"))
    assert article.title == "Steel output grows"
    assert (article.publisher, article.published) == ("", None)
    assert article.text == "# Steel output grows\n\nOutput grew."


def test_plain_text_gives_first_line_and_dateline(write: Write) -> None:
    text = "Steel output grows\n\nLIMA, Jan. 30, 2026 (Andina) -- Output grew, officials said.\n"
    article = read(write("a.txt", text))
    assert article.title == "Steel output grows"
    assert (article.publisher, article.published) == ("Andina", date(2026, 1, 30))
    assert article.text == text.strip()


def test_web_page_gives_main_text_title_site_and_date(write: Write) -> None:
    article = read(write("a.html", PAGE))
    assert article.title == "Steel output grows"
    assert (article.publisher, article.published) == ("The Daily Metal", date(2026, 1, 30))
    assert article.text == PAGE_TEXT


def test_pdf_gives_title_dateline_and_lines_joined(write: Write) -> None:
    lines = ("LIMA, Jan. 30, 2026 (Andina) -- Output grew by 3 percent in May,", "officials said.")
    article = read(write("a.pdf", pdf(*lines, title="Steel output grows")))
    assert article.title == "Steel output grows"
    assert (article.publisher, article.published) == ("Andina", date(2026, 1, 30))
    assert article.text == " ".join(lines)


def test_pdf_loses_its_page_numbers_and_goes_on_over_pages(write: Write) -> None:
    file = io.BytesIO()
    canvas = Canvas(file)
    pages = (
        ("The aluminium project of the China-", "Pakistan council costs", "3"),
        ("5.5 billion yuan, the council said.", "4"),
    )
    for lines in pages:
        for number, line in enumerate(lines):
            canvas.drawString(72, 800 - 15 * number, line)
        canvas.showPage()
    canvas.save()
    assert read(write("a.pdf", file.getvalue())).text == (
        "The aluminium project of the China-Pakistan council costs "
        "5.5 billion yuan, the council said."
    )


def test_word_file_gives_title_dateline_paragraphs_and_tables(write: Write) -> None:
    file = io.BytesIO(word("LIMA, Jan. 30, 2026 (Andina) -- Output grew.", title="Steel"))
    document = docx.Document(file)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Chile", "5.3"
    document.save(file)
    article = read(write("a.docx", file.getvalue()))
    assert article.title == "Steel"
    assert (article.publisher, article.published) == ("Andina", date(2026, 1, 30))
    assert article.text == "LIMA, Jan. 30, 2026 (Andina) -- Output grew.\n\nChile | 5.3"


def test_word_file_is_read_with_its_changes_controls_and_tables_in_tables(write: Write) -> None:
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = (
        "<w:p><w:r><w:t>The price is </w:t></w:r>"
        "<w:del><w:r><w:delText>7</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>9</w:t></w:r></w:ins><w:r><w:t> dollars.</w:t></w:r></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>Tin</w:t><w:tab/><w:t>rose.</w:t></w:r></w:p>"
        "</w:sdtContent></w:sdt>"
        "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val='2'/></w:tcPr>"
        "<w:p><w:r><w:t>Chile</w:t></w:r></w:p></w:tc>"
        "<w:tc><w:tbl><w:tr><w:tc><w:p><w:r><w:t>5.3</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
        "<w:p/></w:tc></w:tr></w:tbl>"
    )
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(word("x"))) as whole,
        zipfile.ZipFile(changed, "w") as part,
    ):
        for name in whole.namelist():
            data = whole.read(name)
            if name == "word/document.xml":
                data = f"<w:document {w}><w:body>{body}</w:body></w:document>".encode()
            part.writestr(name, data)
    text = read(write("a.docx", changed.getvalue())).text
    assert text == "The price is 9 dollars.\n\nTin\trose.\n\nChile | 5.3"


def test_word_file_without_properties_is_titled_by_its_first_line(write: Write) -> None:
    """Google Docs exports such files; python-docx then makes up the title "Word Document"."""
    stripped = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(word("Steel output grows", "Output grew."))) as whole,
        zipfile.ZipFile(stripped, "w") as part,
    ):
        for name in whole.namelist():
            data = whole.read(name)
            if name == "_rels/.rels":
                data = re.sub(rb"<Relationship [^>]*core-properties[^>]*/>", b"", data)
            if name != "docProps/core.xml":
                part.writestr(name, data)
    assert read(write("a.docx", stripped.getvalue())).title == "Steel output grows"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.md", b"", "it is empty"),
        ("a.txt", b" \r\n\n", "there is no text in it"),
        ("a.txt", bytes(range(256)), "it is not text: it holds zero bytes"),
        ("a.txt", b"A\x00B", "it is not text: it holds zero bytes"),
        ("a.txt", bytes(range(128, 256)) * 4, "it is not text in any encoding that is known"),
        ("a.md", b'---\ntitle: "a\n---\nText.', "its front matter is not valid YAML"),
        ("a.md", b"---\npublished: 2026-02-31\n---\nText.", "day is out of range for month"),
        ("a.html", b"<html><body></body></html>", "no main text was found in the page"),
        ("a.pdf", pdf("Text.")[:600], "it is not a whole PDF: its end is missing"),
        ("a.pdf", b"%PDF-1.4 %%EOF", "the PDF cannot be opened"),
        ("a.pdf", pdf(), "there is no text in it; it may hold only pictures of pages"),
        ("a.docx", b"PK no zip", "it is not a Word file"),
        ("a.rtf", b"{\\rtf1 Text.}", "only .md, .txt, .html, .htm, .pdf, .docx files are read"),
    ],
)
def test_bad_file_names_its_cause(write: Write, name: str, content: bytes, said: str) -> None:
    assert said in cause(write(name, content))


def test_zip_that_is_no_word_file_is_an_article_error(write: Write) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "Text.")
    assert "it is not a Word file" in cause(write("a.docx", file.getvalue()))


def test_word_file_that_unpacks_to_too_much_is_refused(write: Write) -> None:
    file = io.BytesIO(word("Text."))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("padding", bytes(5_000_000))
    path = write("a.docx", file.getvalue())
    with pytest.raises(ArticleError, match="unpacked, it is too large"):
        load(path, max_megabytes=1)


def test_file_of_300_megabytes_is_refused_unread(write: Write) -> None:
    path = write("a.txt", "Text.")
    os.truncate(path, 300_000_000)
    assert cause(path) == "it has 300 MB; at most 50 are read (RAG_MAX_FILE_MEGABYTES)"


def test_file_that_is_gone_is_an_article_error(tmp_path: Path) -> None:
    assert cause(tmp_path / "a.txt") == "it cannot be opened: No such file or directory"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("The ministry paid \u00a34.2 million for the crane of the old harbour.", "cp1252"),
        (
            "China\u2019s exports rose, \u201cvery much\u201d as the minister said in Lima.",
            "cp1252",
        ),
        (
            "\u0141\u00f3d\u017a to du\u017ce miasto i s\u0105 tam \u017c\u00f3\u0142te domy",
            "cp1250",
        ),
        ("Москва - столица России, большой город", "cp1251"),
    ],
)
def test_text_of_windows_keeps_its_signs(write: Write, text: str, encoding: str) -> None:
    assert read(write("a.txt", text.encode(encoding))).text == text


def test_markdown_between_rules_is_text_where_it_has_blank_lines_and_no_known_field(
    write: Write,
) -> None:
    text = "---\nNote: all prices are in yuan.\n\n---\nZinc fell."
    assert read(write("a.md", text)).text == text
    spaced = read(
        write("b.md", '---\ntitle: Zinc\n\ndate: "2026-01-30T10:00:00Z"\n---\nIt fell.\n')
    )
    assert (spaced.title, spaced.published, spaced.text) == ("Zinc", date(2026, 1, 30), "It fell.")
    told = read(write("c.md", "LIMA, Jan. 30, 2026 (Andina) -- Zinc fell."))
    assert (told.publisher, told.published) == ("Andina", date(2026, 1, 30))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_unicode_files_are_decoded_by_their_mark(write: Write, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    article = read(write("a.txt", f"{mark}Steel – 钢\r\n\r\nOutput grew.\r\n".encode(encoding)))
    assert article.title == "Steel – 钢"
    assert article.text == "Steel – 钢\n\nOutput grew."


def test_chinese_in_gbk_is_decoded(write: Write) -> None:
    text = "钢铁产量增长\n\n国家统计局公布,今年五月份钢铁产量同比增长百分之三,出口增长百分之五。"
    assert read(write("a.txt", text.encode("gbk"))).text == text


def test_front_matter_is_found_after_a_mark_and_with_windows_line_ends(write: Write) -> None:
    data = b"\xef\xbb\xbf---\r\ntitle: Steel\r\npublished: 2026-01-30\r\n---\r\nOutput\r\ngrew.\r\n"
    article = read(write("a.md", data))
    assert (article.title, article.published) == ("Steel", date(2026, 1, 30))
    assert article.text == "Output\ngrew."


def test_zero_bytes_and_surrogates_of_a_page_are_left_out(write: Write) -> None:
    article = read(write("a.html", PAGE.replace("by 3", "by &#0;&#xD800;3")))
    assert re.sub("\ufffd", "", article.text) == PAGE_TEXT


def test_surrogates_of_plain_text_are_not_kept(write: Write) -> None:
    text = read(write("a.txt", b"Steel output grew \xed\xa0\x80 by 3 percent in May.")).text
    assert text.startswith("Steel output grew ")
    assert text.endswith(" by 3 percent in May.")
    assert not re.search("[\ud800-\udfff]", text)


def test_long_first_line_is_a_title_of_200_characters(write: Write) -> None:
    assert read(write("a.txt", "steel " * 100)).title == ("steel " * 34)[:200]


def test_renamed_file_is_the_same_article(write: Write) -> None:
    old = read(write("a.txt", "Steel\n\nOutput grew."))
    new = read(write("b/c.txt", "Steel\n\nOutput grew."))
    assert (old.title, old.text, old.content_hash) == (new.title, new.text, new.content_hash)


@settings(max_examples=100)
@given(
    suffix=st.sampled_from(SUFFIXES),
    start=st.sampled_from([b"", b"---\n", b"%PDF-1.4\n", b"PK\x03\x04", b"<html><p>", b"\xff\xfe"]),
    rest=st.binary(max_size=300),
    end=st.sampled_from([b"", b"\n%%EOF", b"\n---\ntext"]),
)
def test_whatever_a_file_holds_it_is_an_article_or_an_article_error(
    suffix: str, start: bytes, rest: bytes, end: bytes
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file").with_suffix(suffix)
        path.write_bytes(start + rest + end)
        try:
            article = read(path)
        except ArticleError:
            return
    assert article.title
    assert article.text == article.text.strip()
    assert not re.search("[\x00\ufeff\ud800-\udfff]", article.title + article.text)
