"""Feed the parsers and the chunker random bytes, and small files that were changed at random.

    python tests/fuzz_loader.py --engine hypothesis --count 100000
    python tests/fuzz_loader.py --engine atheris --count 100000

Everything happens in this one process, under the memory limit of the process that parses files. The
input in hand lies in a file, for where the process itself crashes.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SUFFIXES = (".md", ".txt", ".html", ".pdf", ".docx", ".xml")  # .xml becomes a .docx

_PAGE = b"""<!doctype html><html><head><title>Steel output grows | The Daily Metal</title>
<meta property="og:site_name" content="The Daily Metal">
<meta property="article:published_time" content="2026-01-30T10:00:00Z"></head>
<body><nav><a href="/">Home</a></nav><article><h1>Steel</h1>
<p>Steel output grew by 3 percent in May, the ministry said in its monthly report.</p>
<ul><li>copper<li>tin</ul><table><tr><td>Chile<td>5.3</table></article></body></html>"""
_TOKENS = (
    b"---\n", b"\n\n", b"# ", b"- ", b"1. ", b"&a ", b"*a", b"<<: ", b"!!map ", b"\xef\xbb\xbf",
    b"\xff\xfe", b"\xc2\xa0.", b"A\xe3\x80\x80.", b"<p>", b"</p>", b"<table><tr><td>", b"&#0;",
    b"<!DOCTYPE x [", b"<![CDATA[", b"<w:tbl><w:tr><w:tc>", b"<w:gridSpan w:val='9999'/>",
    b"<w:vMerge/>", b"<<", b">>", b"[", b"5 0 R", b"99999999999", b"-1", b"stream\n", b"endstream",
    b"%%EOF", b"/Kids", b"LIMA, Jan. 30 (", b"Source: ", b"30 January 2026", b"31.02.2026", b"\"",
)  # fmt: skip
#: Hypothesis remembers every example of a round.
_ROUND = 5000


class Subject:
    """What is fuzzed, and what came of it."""

    def __init__(self, instrumented: Any) -> None:
        with instrumented:
            from index import parsing
        from index import chunker, confined, errors

        self._parse, self._chunk = parsing.parse, chunker.chunk
        self._expected = (errors.ArticleError, MemoryError)  # the child makes one of the other
        for suffix in SUFFIXES:
            parsing.prepare(suffix)
        self._resident_before = _peak_megabytes()
        self._confined = confined
        self.started = time.monotonic()
        self.outcomes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.slowest, self.slowest_input = 0.0, b""
        self.in_hand = Path(tempfile.gettempdir(), f"fuzz-loader-{os.getpid()}")

    def __call__(self, suffix: str, data: bytes) -> None:
        self.in_hand.write_bytes(suffix.encode() + b"\n" + data)
        if suffix == ".xml":
            suffix, data = ".docx", _zipped(data)
        # What the engine itself keeps does not count.
        most = self._confined.bytes_in_use(os.getpid()) + self._confined.MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))
        started = time.process_time()
        try:
            parsed = self._parse(suffix, data, most_characters=1_000_000)
            for part in self._chunk(parsed.text, len, 300):
                assert parsed.text[part.start : part.end] == part.text
            self.outcomes["articles"] += 1
        except self._expected:
            self.outcomes["refused"] += 1
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self.outcomes["failures"] += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.failures[f"{type(error).__name__} at {where.name}: {str(error)[:80]}"] += 1
            self.in_hand.rename(f"{self.in_hand}-failure-{len(self.failures)}")
        seconds = time.process_time() - started
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if seconds > self.slowest:
            self.slowest, self.slowest_input = seconds, suffix.encode() + b"\n" + data

    def report(self) -> None:
        for failure, count in self.failures.items():
            print(f"{count} x {failure}")
        self.in_hand.with_name(self.in_hand.name + "-slowest").write_bytes(self.slowest_input)
        print(
            f"{self.outcomes.total()} inputs in {time.monotonic() - self.started:.0f} s: "
            f"{self.outcomes['articles']} articles, {self.outcomes['refused']} refused, "
            f"{self.outcomes['failures']} failures; slowest {self.slowest:.2f} s; "
            f"peak memory {_peak_megabytes()} MB, {self._resident_before} MB before the first",
            flush=True,
        )


def _peak_megabytes() -> int:
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1000


def _seeds() -> dict[str, list[bytes]]:
    """Small files that are as they should be."""
    from docx import Document
    from reportlab.pdfgen.canvas import Canvas

    article = (ROOT / "articles" / "sco-temp-recycled-aluminium.md").read_bytes()[:1500]
    pdf = io.BytesIO()
    canvas = Canvas(pdf, pageCompression=0)
    canvas.drawString(72, 800, "LIMA, Jan. 30, 2026 (Andina) -- Output grew.")
    canvas.save()
    document = Document()
    document.add_heading("Steel")
    document.add_paragraph("LIMA, Jan. 30, 2026 (Andina) -- Output grew.")
    document.add_table(rows=2, cols=2).rows[0].cells[0].text = "Chile"
    word = io.BytesIO()
    document.save(word)
    with zipfile.ZipFile(word) as archive:
        xml = archive.read("word/document.xml")
    text = article.partition(b"\n---\n")[2]
    return {
        ".md": [article, b"---\ntitle: &a [1, *a]\ndate: 2026-01-30\n---\n# Steel\n\n1. A\n"],
        ".txt": [text, "钢铁产量增长。\u3000A.\u00a0B. «é»".encode(), "Éa".encode("utf-16")],
        ".html": [_PAGE],
        ".pdf": [pdf.getvalue()],
        ".docx": [word.getvalue()],
        ".xml": [xml],
    }


def _zipped(xml: bytes) -> bytes:
    """A Word file with this as its text: changed after it was zipped, few get past the checksum."""
    file = io.BytesIO()
    with zipfile.ZipFile(_template()) as old, zipfile.ZipFile(file, "w") as new:
        for name in ("[Content_Types].xml", "_rels/.rels"):
            new.writestr(name, old.read(name))
        new.writestr("word/document.xml", xml)
    return file.getvalue()


def _template() -> Path:
    import docx

    return Path(docx.__file__).parent / "templates" / "default.docx"


def _hypothesis(count: int) -> None:
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from hypothesis import strategies as st

    files = [(suffix, file) for suffix, files in _seeds().items() for file in files]
    starts = st.sampled_from(files) | st.tuples(st.sampled_from(SUFFIXES), st.binary(max_size=200))
    edit = st.tuples(
        st.integers(0, 2**24),
        st.integers(0, 40),
        st.sampled_from(_TOKENS) | st.binary(max_size=12),
        st.sampled_from([1, 1, 1, 2, 50]),
    )
    subject = Subject(nullcontext())

    def feed(start: tuple[str, bytes], edits: list[tuple[int, int, bytes, int]]) -> None:
        suffix, data = start
        for place, gone, new, times in edits:
            at = place % (len(data) + 1)
            data = data[:at] + new * times + data[at + gone :]
        subject(suffix, data)

    for done in range(0, count, _ROUND):
        options = settings(
            max_examples=min(_ROUND, count - done),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(done)(options(given(starts, st.lists(edit, max_size=8))(feed)))()
    subject.report()


def _atheris(count: int) -> None:
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: python -m pip install -c constraints.txt -e '.[fuzz]'")
    subject = Subject(atheris.instrument_imports(include=["index.parsing"]))

    def feed(data: bytes) -> None:
        if data:
            subject(SUFFIXES[data[0] % len(SUFFIXES)], data[1:])
        if subject.outcomes.total() == count:
            subject.report()
            os._exit(0)  # libFuzzer ends the process itself, and would not let anyone report

    with tempfile.TemporaryDirectory() as corpus:
        for suffix, files in _seeds().items():
            for number, seed in enumerate(files):
                first = bytes([SUFFIXES.index(suffix)])
                Path(corpus, f"{suffix[1:]}{number}").write_bytes(first + seed)
        atheris.Setup([sys.argv[0], "-max_len=40000", "-rss_limit_mb=0", corpus], feed)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    options = argparse.ArgumentParser()
    options.add_argument("--engine", choices=["hypothesis", "atheris"], default="hypothesis")
    options.add_argument("--count", type=int, default=1000)
    chosen = options.parse_args()
    {"hypothesis": _hypothesis, "atheris": _atheris}[chosen.engine](chosen.count)
