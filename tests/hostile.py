"""Hostile files, made here: each tries to take more time, memory or rights than an article may."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

import docx

#: What stands in a file that no article may show: entities and relationships point to it.
CANARY = "the canary sings at 4,711 hertz"

_NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_WORDS = "Steel output grew by 3 percent in May, the ministry said in its monthly report. "


def word(*, document: str = "", **parts: bytes) -> bytes:
    """A Word file; `document` is the inside of its body, and `parts` replace whole parts."""
    plain, file = io.BytesIO(), io.BytesIO()
    docx.Document().save(plain)
    new = {name.replace("__", "/").replace("_xml", ".xml"): data for name, data in parts.items()}
    if document:
        new["word/document.xml"] = _document(document)
    with (
        zipfile.ZipFile(plain) as old,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made,
    ):
        for name in old.namelist():
            made.writestr(name, new.pop(name, None) or old.read(name))
        for name, data in new.items():
            made.writestr(name, data)
    return file.getvalue()


def _document(body: str, head: str = "") -> bytes:
    return f"{head}<w:document {_NAMESPACE}><w:body>{body}</w:body></w:document>".encode()


def _paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _laughs(document: str) -> str:
    """A billion laughs, called by &l9;."""
    lines = ['<!ENTITY l0 "ha ha ha ha ha ha ">'] + [
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)
    ]
    return f"<!DOCTYPE {document} [{''.join(lines)}]>"


def _outside(document: str) -> str:
    """An entity from outside, called by &x;. CANARY-FILE is where the test has put one."""
    return f'<!DOCTYPE {document} [<!ENTITY x SYSTEM "file://CANARY-FILE">]>'


def _declared(data: bytes, size: int, name: bytes = b"word/document.xml") -> bytes:
    """The same zip, lying about how large one file in it is."""
    at = data.index(name, data.index(b"PK\x01\x02")) - 46
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


def _overlapping(count: int) -> bytes:
    """A zip in which many names share one stretch of compressed bytes."""
    whole = word(padding_xml=bytes(5_000_000))
    end = whole.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", whole[end + 16 : end + 20])[0]
    at = whole.index(b"padding.xml", start) - 46
    entry = whole[at : at + 46 + len(b"padding.xml")]
    directory = whole[start:end] + b"".join(
        entry.replace(b"padding.xml", f"padd{n:03}.xml".encode()) for n in range(count)
    )
    total = struct.unpack("<H", whole[end + 10 : end + 12])[0] + count
    return (
        whole[:start]
        + directory
        + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, total, total, len(directory), start, 0)
    )


def _matryoshka(depth: int) -> bytes:
    data = bytes(10_000_000)
    for _ in range(depth):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", data)
        data = file.getvalue()
    return data


def pdf(*objects: bytes, trailer: bytes = b"/Root 1 0 R", xref: bytes | None = None) -> bytes:
    """A PDF of these objects, numbered from 1."""
    file, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d %b >>\n" % (len(objects) + 1, trailer)
    return file + (table if xref is None else xref) + end + b"startxref\n%d\n%%%%EOF" % len(file)


_CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
_PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
_PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R "
    b"/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> "
    b"/XObject << /X 5 0 R >> >> >>"
)
_SHOW = b"BT /F 12 Tf 60 700 Td (Steel output grew by 3 percent in May.) Tj ET "


def _stream(content: bytes, *, packed: int = 0, entries: bytes = b"") -> bytes:
    for _ in range(packed):
        content = zlib.compress(content, 9)
    filters = b"/Filter [%b]" % (b"/FlateDecode " * packed) if packed else b""
    return b"<< /Length %d %b %b >>\nstream\n%b\nendstream" % (
        len(content), filters, entries, content,
    )  # fmt: skip


def _one_page(content: bytes, *more: bytes) -> bytes:
    return pdf(_CATALOG, _PAGES, _PAGE, content, *more)


def _many_pages(count: int) -> bytes:
    kids = b"".join(b"%d 0 R " % number for number in range(5, count + 5))
    pages = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, count)
    return pdf(_CATALOG, pages, b"null", _stream(_SHOW), *([_PAGE] * count))


def _kids_of_one_page(count: int) -> bytes:
    pages = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (b"3 0 R " * count, count)
    return pdf(_CATALOG, pages, _PAGE, _stream(_SHOW))


def _xrefs_in_a_circle() -> bytes:
    whole = _one_page(_stream(_SHOW))
    start = int(re.findall(rb"startxref\n(\d+)", whole)[0])
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % start)


def page(body: str, head: str = "", before: str = "") -> str:
    return (
        f"{before}<html><head><title>Steel</title>{head}</head><body><article>"
        f"<p>{_WORDS * 3}</p>{body}</article></body></html>"
    )


def _front_matter(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", _WORDS])


def _yaml_tree(start: str, line: str) -> list[str]:
    """Nine levels, each of ten aliases of the level above."""
    return [start, *(line.format(n=n, above=", ".join([f"*a{n - 1}"] * 10)) for n in range(1, 10))]


#: name of the file: what makes its bytes
FILES: dict[str, Callable[[], bytes | str]] = {
    # Word
    "unpacks-to-90-megabytes.docx": lambda: word(document="<w:p/>" * 15_000_000),
    "unpacks-to-90-megabytes-of-text.docx": lambda: word(document=_paragraph("a" * 90_000_000)),
    "declares-4-gigabytes.docx": lambda: _declared(word(document=_paragraph("a")), 0xFFFFFFF0),
    "declares-10-bytes.docx": lambda: _declared(word(document=_paragraph("a" * 90_000_000)), 10),
    "overlapping-entries.docx": lambda: _overlapping(900),
    "zip-in-a-zip-in-a-zip.docx": lambda: word(
        document=_paragraph(_WORDS), word__embeddings__inner_xml=_matryoshka(5)
    ),
    "billion-laughs.docx": lambda: word(
        word__document_xml=_document(_paragraph("A &l9; B"), _laughs("w:document"))
    ),
    "billion-laughs-in-properties.docx": lambda: word(
        document=_paragraph(_WORDS),
        docProps__core_xml=(_laughs("t") + "<t>&l9;</t>").encode(),
    ),
    "quadratic-entities.docx": lambda: word(
        word__document_xml=_document(
            _paragraph("&x;" * 30_000),
            f'<!DOCTYPE w:document [<!ENTITY x "{"steel " * 10_000}">]>',
        )
    ),
    "entity-from-outside.docx": lambda: word(
        word__document_xml=_document(_paragraph("A &x; B"), _outside("w:document"))
    ),
    "part-from-outside.docx": lambda: word(
        word___rels__document_xml_rels=b'<Relationships xmlns="http://schemas.openxmlformats.org/'
        b'package/2006/relationships"><Relationship Id="rId1" Target="../../..CANARY-FILE" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"/>'
        b"</Relationships>",
    ),
    "cell-across-a-billion-columns.docx": lambda: word(
        document="<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val='1000000000'/></w:tcPr>"
        f"{_paragraph(_WORDS)}</w:tc></w:tr></w:tbl>"
    ),
    "tables-in-tables.docx": lambda: word(
        document="<w:tbl><w:tr><w:tc>" * 50_000 + "</w:tc></w:tr></w:tbl>" * 50_000
    ),
    "million-paragraphs.docx": lambda: word(document=_paragraph("a") * 1_000_000),
    "cell-across-5000-rows.docx": lambda: word(
        document="<w:tbl><w:tr><w:tc><w:tcPr><w:vMerge w:val='restart'/></w:tcPr>"
        + f"{_paragraph(_WORDS)}</w:tc></w:tr>"
        + "<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc></w:tr>" * 5_000
        + "</w:tbl>"
    ),
    # Web pages
    "100000-nested-tags.html": lambda: page("<div>" * 100_000 + _WORDS),
    "100000-nested-quotations.html": lambda: page("<blockquote><b>" * 50_000 + _WORDS),
    "30000-open-tags.html": lambda: page("<p><b><i>" * 10_000),
    "attribute-of-300-kilobytes.html": lambda: page(f'<p class="{"a" * 300_000}">{_WORDS}</p>'),
    "10000-attributes.html": lambda: page(
        f"<p {' '.join(f'a{n}=1' for n in range(10_000))}>{_WORDS}</p>"
    ),
    "billion-laughs.html": lambda: page("<p>&l9;</p>", before=_laughs("html")),
    "entity-from-outside.html": lambda: page("<p>&x;</p>", before=_outside("html")),
    "table-of-7000-cells.html": lambda: page(f"<table>{'<tr><td>1</td>' * 7_000}</table>"),
    "10000-links.html": lambda: page('<a href="/a">a b c</a> ' * 10_000),
    "dates-without-end.html": lambda: page(
        "<p>" + "2020-2020-2020-" * 20_000 + "</p>", f'<meta name="date" content="{"1" * 300_000}">'
    ),
    "json-that-goes-deep.html": lambda: page(
        "", f'<script type="application/ld+json">{"[" * 300_000}</script>'
    ),
    "title-of-300-kilobytes.html": lambda: page("", f"<title>{'| - ' * 75_000}</title>"),
    # PDF
    "stream-of-300-megabytes.pdf": lambda: _one_page(_stream(b" " * 300_000_000, packed=2)),
    "page-of-a-million-lines.pdf": lambda: _one_page(_stream(_SHOW * 1_000_000, packed=2)),
    "1500-pages.pdf": lambda: _many_pages(1_500),
    "page-that-is-15000-pages.pdf": lambda: _kids_of_one_page(15_000),
    "says-it-has-a-billion-pages.pdf": lambda: pdf(
        _CATALOG, _PAGES.replace(b"1 >>", b"1000000000 >>"), _PAGE, _stream(_SHOW)
    ),
    "10000-objects.pdf": lambda: _one_page(_stream(_SHOW), *([b"[]"] * 10_000)),
    "pages-in-a-circle.pdf": lambda: pdf(
        _CATALOG, b"<< /Type /Pages /Kids [2 0 R 2 0 R 3 0 R] /Count 3 >>", _PAGE, _stream(_SHOW)
    ),
    "outline-in-a-circle.pdf": lambda: pdf(
        _CATALOG.replace(b"/Pages", b"/Outlines 6 0 R /Pages"),
        _PAGES,
        _PAGE,
        _stream(_SHOW),
        b"null",
        b"<< /First 7 0 R /Last 7 0 R /Count 1 >>",
        b"<< /Title (A) /Parent 6 0 R /Next 7 0 R /First 6 0 R >>",
    ),
    "forms-in-a-circle.pdf": lambda: _one_page(
        _stream(_SHOW + b"/X Do"),
        _stream(
            b"/X Do " * 10,
            entries=b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] "
            b"/Resources << /XObject << /X 5 0 R >> >>",
        ),
    ),
    "xrefs-in-a-circle.pdf": _xrefs_in_a_circle,
    "broken-xref.pdf": lambda: pdf(
        _CATALOG, _PAGES, _PAGE, _stream(_SHOW), xref=b"xref\n0 99999999\n" + b"9" * 1000
    ),
    "truncated.pdf": lambda: _one_page(_stream(_SHOW))[:300],
    "truncated-but-ends.pdf": lambda: _one_page(_stream(_SHOW))[:300] + b"\n%%EOF",
    "arrays-that-go-deep.pdf": lambda: _one_page(_stream(_SHOW), b"[" * 1_000_000),
    "page-of-a-billion-points.pdf": lambda: _one_page(_stream(_SHOW)).replace(
        b"600 800", b"99999999999 99999999999"
    ),
    "javascript-and-launch.pdf": lambda: pdf(
        _CATALOG.replace(
            b"/Pages",
            b"/OpenAction << /S /Launch /F (/bin/sh) /Next << /S /JavaScript "
            b"/JS (while (true) { app.alert(1) }) >> >> /Pages",
        ),
        _PAGES,
        _PAGE,
        _stream(_SHOW),
    ),
    # Front matter
    "aliases.md": lambda: _front_matter(
        *_yaml_tree("a0: &a0 [a, b]", "a{n}: &a{n} [{above}]"), "title: *a9"
    ),
    "merged-aliases.md": lambda: _front_matter(
        *_yaml_tree("a0: &a0 {a: b}", "a{n}: &a{n} {{<<: [{above}]}}"), "title: x"
    ),
    "tags.md": lambda: _front_matter("title: !!python/object/apply:os.system ['echo']"),
    "tag-of-a-megabyte.md": lambda: _front_matter(f"title: !{'a' * 1_000_000} x"),
    "lists-that-go-deep.md": lambda: _front_matter(f"title: {'[' * 90_000}"),
    "number-of-a-million-digits.md": lambda: _front_matter(f"title: {'1' * 1_000_000}"),
    "number-to-the-base-of-60.md": lambda: _front_matter(f"title: {'1:' * 45_000}1"),
    "publisher-of-a-megabyte.md": lambda: _front_matter(f"publisher: {'a b ' * 250_000}"),
    "date-of-a-megabyte.md": lambda: _front_matter(f"published: x {'31.02.2026 ' * 100_000}"),
    "million-dashes.md": lambda: "-" * 1_000_000 + "x",
    "dashes-on-every-line.md": lambda: "---\n \n" * 200_000,
    # Plain text
    "million-hashes.txt": lambda: "#" * 1_000_000 + " a",
    "heading-signs-on-every-line.txt": lambda: "# \n" * 100_000 + "a",
    "million-spaces.txt": lambda: "A" + " " * 1_000_000 + "b",
    "million-blank-lines.txt": lambda: "A\n" + "\n" * 1_000_000 + "b",
    "million-spaces-and-line-ends.txt": lambda: "A" + "\n \t" * 300_000 + "b",
    "million-quotes.txt": lambda: "A said " + "\"'" * 500_000,
    "million-brackets.txt": lambda: "A said " + "(" * 500_000 + ")" * 500_000,
    "million-full-stops.txt": lambda: "A" + "." * 1_000_000,
    "million-initials.txt": lambda: "A. " * 333_000,
    "million-sentences.txt": lambda: "a.\n" * 333_000,
    "one-word-of-a-megabyte.txt": lambda: "a" * 1_000_000,
    "one-line-of-a-megabyte.txt": lambda: "steel and copper " * 60_000,
    "place-of-a-megabyte.txt": lambda: "A, " * 333_000 + "(Xinhua",
    "source-of-a-megabyte.txt": lambda: "Source:" + " \t" * 500_000 + "A" * 70,
    "dates-of-a-megabyte.txt": lambda: "31.02.2026 " * 90_000,
    # Unicode and encodings
    "million-marks-on-one-letter.txt": lambda: "a" + "\u0301\u0489" * 500_000,
    "written-both-ways.txt": lambda: "\u202e\u2066\u200f\ufdfa" * 250_000,
    "separators.txt": lambda: "a\u2028b\u2029\x85\x1c\x1d" * 150_000,
    "faces-joined.txt": lambda: "👩\u200d" * 300_000,
    "utf-16-of-lone-surrogates.txt": lambda: b"\xff\xfe" + b"\x00\xd8" * 300_000,
    "utf-16-of-an-odd-length.txt": lambda: b"\xff\xfe" + _WORDS.encode("utf-16-le") + b"a",
    "utf-32.txt": lambda: _WORDS.encode("utf-32"),
    "gbk-then-utf-8.txt": lambda: ("钢铁产量增长" * 9).encode("gbk") + "é钢".encode() * 30_000,
    "utf-8-cut-in-a-sign.txt": lambda: ("钢" * 300_000).encode()[:-1],
    "every-byte-but-zero.txt": lambda: bytes(range(1, 256)) * 4_000,
    "escapes-to-other-sets.txt": lambda: b"\x1b$B\x1b(B\x1b$)C\x0e\x0f" * 100_000 + b"\xff",
}
