"""What the bytes of a file say: Markdown, plain text, a web page, PDF or Word.

Knows nothing of paths, processes or limits of time and memory: whoever parses files that came from
strangers does it in `index.confined`.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from typing import Any

from index.dateline import find_date, read_dateline
from index.errors import ArticleError

#: Of a title or a publisher; and of a cause in a library's words.
_LONGEST_LINE = 200
#: A PDF must end with this marker; what follows it may be at most this long (ISO 32000-1, 7.5.5).
_PDF_END, _PDF_END_WITHIN = b"%%EOF", 1024
#: Unpacked, a Word file may have this many times as many bytes as a text may have characters.
_UNPACKED_FACTOR = 4

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")
#: Share of bytes beyond ASCII: of English less than this, of Polish or Czech more.
_FEW = 0.05
#: Of another encoding's letters some turn into these.
_SIGN_WITHIN_A_WORD = re.compile(r"[A-Za-z][\xa1-\xb4\xb6\xb8-\xbf][A-Za-z]")
#: What front matter may say of an article.
_FIELDS = {"title", "publisher", "published", "date"}

#: A line of a page that may be its number.
_FIRST_NUMBER = re.compile(r"\A\s*[-\u2013]?\s*(\d{1,4})\s*[-\u2013]?[ \t]*[\r\n]+")
_LAST_NUMBER = re.compile(r"[\r\n]+[ \t]*[-\u2013]?[ \t]*(\d{1,4})\s*[-\u2013]?\s*\Z")
_FIRST_LINE = re.compile(r"[^\s#][^\n]*")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a document says of itself, as in an Article."""

    text: str
    title: str = ""
    publisher: str = ""
    published: date | None = None


def prepare(suffix: str) -> None:
    """Import what `parse` needs for such files, which may take longer than to parse one."""
    for library in _LIBRARIES.get(suffix, ()):
        import_module(library)


def parse(suffix: str, data: bytes, *, most_characters: int) -> Parsed:
    """What a file with one of SUFFIXES holds. Raises ArticleError, whose message is the cause.

    The title is the document's own, or its first line. Raises MemoryError as it is.
    """
    try:
        parsed = _PARSERS[suffix](data, most_characters * _UNPACKED_FACTOR)
    except (ArticleError, MemoryError):
        raise
    except Exception as error:  # a parser met what its authors did not expect
        raise ArticleError(f"it is damaged or malformed ({type(error).__name__})") from error
    text = _clean(parsed.text).strip()
    if not re.search(r"\w", text):
        raise ArticleError("there is no text in it")
    if len(text) > most_characters:
        raise ArticleError(
            f"its text is too long; at most {most_characters:,} characters are read "
            "(RAG_MAX_FILE_MEGABYTES)"
        )
    return Parsed(
        text, _line(parsed.title) or _first_line(text), _line(parsed.publisher), parsed.published
    )


def _clean(text: str) -> str:
    """Without what no text holds: control characters, lone surrogates, foreign line ends."""
    return _CONTROL_CHARACTERS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _line(text: str) -> str:
    return " ".join(_clean(text).split())[:_LONGEST_LINE]


def _first_line(text: str) -> str:
    found = _FIRST_LINE.search(text)
    return found[0].rstrip()[:_LONGEST_LINE] if found else ""


def _decode(data: bytes) -> str:
    """Text in UTF-8 or UTF-16, or in the encoding that it most looks like.

    Where nearly all is ASCII the rest is too little to guess by: it is what Windows writes in the
    West.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in data:
        raise ArticleError("it is not text: it holds zero bytes")
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        if sum(byte > 127 for byte in data) < _FEW * len(data):
            with suppress(UnicodeDecodeError):
                text = data.decode("cp1252")
                if not _SIGN_WITHIN_A_WORD.search(text):
                    return text
        from charset_normalizer import from_bytes

        best = from_bytes(data).best()
        if best is None or best.percent_chaos > 10:
            raise ArticleError("it is not text in any encoding that is known") from None
        return str(best)


def _parse_markdown(data: bytes, _: int) -> Parsed:
    import frontmatter
    import yaml

    whole = _decode(data).replace("\r\n", "\n")
    try:
        fields, text = frontmatter.parse(whole)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-31
        cause = _line(str(error))
        raise ArticleError(f"its front matter is not valid YAML: {cause}") from error
    # What stands between the rules at its beginning may be text.
    if not fields or (
        not _FIELDS & fields.keys() and "\n\n" in whole[: whole.rindex(text)].rstrip()
    ):
        fields, text = {}, whole
    published = fields.get("published", fields.get("date"))
    if isinstance(published, datetime):
        published = published.date()
    if not isinstance(published, date):
        published = find_date(_line(_scalar(published)))
    agency, day = read_dateline(text)
    return Parsed(
        text=text,
        title=_scalar(fields.get("title")),
        publisher=_scalar(fields.get("publisher")) or agency,
        published=published or day,
    )


def _scalar(value: object) -> str:
    """As text; a YAML list or mapping, which aliases can make endless, is none."""
    return str(value) if isinstance(value, str | int | float) else ""


def _parse_plain_text(data: bytes, _: int) -> Parsed:
    text = _decode(data)
    publisher, published = read_dateline(text.replace("\r\n", "\n"))
    return Parsed(text, publisher=publisher, published=published)


def _parse_html(data: bytes, _: int) -> Parsed:
    from trafilatura import bare_extraction
    from trafilatura.settings import Document, set_date_params

    # An extensive search tries the words for dates in 205 languages, and takes 3 s to load them.
    page = bare_extraction(
        data,
        with_metadata=True,
        include_comments=False,
        date_extraction_params=set_date_params(extensive=False),
    )
    if not isinstance(page, Document):
        raise ArticleError("no main text was found in the page")
    text = page.text or ""
    publisher, published = read_dateline(text)
    return Parsed(
        text,
        title=page.title or "",
        publisher=page.sitename or publisher,
        published=find_date(page.date or "") or published,
    )


def _parse_pdf(data: bytes, _: int) -> Parsed:
    import pypdfium2

    if _PDF_END not in data[-_PDF_END_WITHIN:]:
        raise ArticleError("it is not a whole PDF: its end is missing")
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise ArticleError(f"the PDF cannot be opened: {error}") from error
    try:
        pages = [page.get_textpage().get_text_bounded() for page in document]
        title = document.get_metadata_value("Title")
    finally:
        document.close()
    text = _joined([_unwrap(page) for page in _without_numbers(pages)])
    if not text.strip():
        raise ArticleError("there is no text in it; it may hold only pictures of pages")
    publisher, published = read_dateline(text)
    named = title.casefold() != "untitled"  # what programs write where the author wrote nothing
    return Parsed(text, title if named else "", publisher, published)


def _without_numbers(pages: Sequence[str]) -> Sequence[str]:
    """Without a first or last line that counts the pages: at least two, each one more."""
    for number in (_FIRST_NUMBER, _LAST_NUMBER):
        found = [(place, number.search(page)) for place, page in enumerate(pages)]
        counts = [int(match[1]) - place for place, match in found if match]
        if len(counts) > 1 and len(set(counts)) == 1:
            pages = [number.sub("", page) for page in pages]
    return pages


def _joined(pages: Sequence[str]) -> str:
    """One text; a sentence goes on where the next page does."""
    text = ""
    for page in pages:
        goes_on = text[-1:].isalnum() or text[-1:] in {",", ";", "-"}
        between = " " if goes_on and re.match(r"[a-z\d$€£¥]", page) else "\n\n"
        text += (between if text and page else "") + page
    return text


def _unwrap(page: str) -> str:
    """A page's lines joined to paragraphs: a line that is short and ends a sentence ends one."""
    # PDFium's marks for a hyphen at the end of a line: "China-Pakistan" is written with it anyway.
    page = re.sub(r"[\x02\ufffe]\s*(?=[A-Z])", "-", page)
    lines = [line.strip() for line in page.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    longest = max(map(len, lines))
    text = ""
    for line in lines:
        if text.endswith("\ufffe"):  # PDFium's mark for a hyphen at the end of a line
            text = text[:-1] + line
        elif not text or not line:
            text += line
        else:
            text += " " + line if text[-1] != "\n" else line
        ends = line.endswith((".", "!", "?", ":", "\u201d", '"')) and len(line) < 0.8 * longest
        if text and text[-1] != "\n" and (ends or not line):
            text += "\n\n"
    return text.strip()


def _parse_word(data: bytes, most_bytes: int) -> Parsed:
    import docx

    if not zipfile.is_zipfile(io.BytesIO(data)):
        raise ArticleError("it is not a Word file")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if "word/document.xml" not in archive.namelist():
            raise ArticleError("it is not a Word file")
        has_properties = "docProps/core.xml" in archive.namelist()
        if sum(file.file_size for file in archive.infolist()) > most_bytes:
            raise ArticleError("unpacked, it is too large")
    document = docx.Document(io.BytesIO(data))
    text = "\n\n".join(_word_blocks(document.element.body))
    publisher, published = read_dateline(text)
    return Parsed(
        text,
        # Without properties of its own python-docx would make some up.
        title=document.core_properties.title if has_properties else "",
        publisher=publisher,
        published=published,
    )


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_WORD_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
#: What was deleted or moved away, and what stands beside the text.
_NOT_WORDS = {f"{_W}del", f"{_W}moveFrom", f"{_W}txbxContent", f"{_W}rPr", f"{_W}pPr"}


def _word_blocks(parent: Any) -> Iterator[str]:
    """Paragraphs and tables in their order, also those in content controls (ISO/IEC 29500-1, 17).

    python-docx leaves out what was inserted while changes were tracked, content controls and tables
    within tables.
    """
    for child in parent:
        if child.tag == f"{_W}p":
            block = "".join(_words(child))
        elif child.tag == f"{_W}tbl":
            rows = (
                " | ".join("\n".join(_word_blocks(cell)) for cell in _within(row, "tc"))
                for row in _within(child, "tr")
            )
            block = "\n".join(rows)
        elif child.tag in _NOT_WORDS:
            continue
        else:
            yield from _word_blocks(child)
            continue
        if block.strip(" |\n"):
            yield block


def _words(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _WORD_SIGNS:
            yield _WORD_SIGNS[child.tag]
        elif child.tag not in _NOT_WORDS:
            yield from _words(child)


def _within(element: Any, name: str) -> Iterator[Any]:
    """The rows of a table or the cells of a row, also those in content controls."""
    for child in element:
        if child.tag == f"{_W}{name}":
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}customXml", f"{_W}ins"):
            yield from _within(child, name)


_PARSERS: dict[str, Callable[[bytes, int], Parsed]] = {
    ".md": _parse_markdown,
    ".txt": _parse_plain_text,
    ".html": _parse_html,
    ".htm": _parse_html,
    ".pdf": _parse_pdf,
    ".docx": _parse_word,
}
SUFFIXES = tuple(_PARSERS)

_LIBRARIES = {
    ".md": ("frontmatter", "yaml"),
    ".html": ("trafilatura", "trafilatura.settings"),
    ".htm": ("trafilatura", "trafilatura.settings"),
    ".pdf": ("pypdfium2",),
    ".docx": ("docx", "docx.table"),
}
