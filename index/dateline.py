"""Read publisher and date off the first lines of a news text. Knows nothing of files."""

from __future__ import annotations

import re
from datetime import date
from itertools import islice

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june",
            "jul july", "aug august", "sep sept september", "oct october", "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))

#: Dates that name their year, each with the groups year, month, day.
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})\b"),
    re.compile(rf"\b(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}}),? (?P<year>\d{{4}})\b", re.I),
    re.compile(rf"\b(?P<day>\d{{1,2}}) (?P<month>{_MONTH})\.?,? (?P<year>\d{{4}})\b", re.I),
)

#: `ISLAMABAD, Jan. 30 (Xinhua) --`: a place in capitals, perhaps a date, the agency in brackets.
_AGENCY = re.compile(
    rf"^[A-Z][A-Z .,'/-]+?,?(?: (?i:{_MONTH})\.? \d{{1,2}})?(?:, \d{{4}})? "
    r"\((?P<agency>[^()\n]{2,40})\)\s*(?:--|[-:\u2013\u2014])",
    re.MULTILINE,
)
_SOURCE_LINE = re.compile(r"^source:[ \t]*(?P<source>\S[^\n]{1,59})$", re.I | re.MULTILINE)

#: A line that is not blank, from its first sign on.
_LINE = re.compile(r"\S[^\n]*")

_LINES_OF_A_HEAD = 6
_LINES_OF_A_FOOT = 2
_CHARACTERS_OF_A_DATELINE = 60


def find_date(text: str) -> date | None:
    """The first full date in `text`: 2026-01-30, 30.01.2026, January 30, 2026 or 30 Jan 2026."""
    found = sorted(
        (match for pattern in _DATES for match in pattern.finditer(text)),
        key=lambda match: match.start(),
    )
    for match in found:
        month = match["month"]
        try:
            return date(
                int(match["year"]), _MONTHS.get(month.lower()) or int(month), int(match["day"])
            )
        except ValueError:
            continue  # 31.02.2026 is no date
    return None


def read_dateline(text: str) -> tuple[str, date | None]:
    """Publisher and date as the first lines of `text` give them: "" and None where they do not.

    A line such as `Source: Agency` may stand at the end as well.

    A date counts only near the beginning of one of the first lines, and only with its year.
    """
    lines = [found[0].rstrip() for found in islice(_LINE.finditer(text), _LINES_OF_A_HEAD)]
    agency = _AGENCY.search("\n".join(lines))
    source = _SOURCE_LINE.search("\n".join([*lines, *_last_lines(text, _LINES_OF_A_FOOT)]))
    publisher = agency["agency"] if agency else source["source"] if source else ""
    dates = (find_date(line[:_CHARACTERS_OF_A_DATELINE]) for line in lines)
    return publisher.strip(), next((day for day in dates if day), None)


def _last_lines(text: str, count: int) -> list[str]:
    """The last lines that are not blank; the others of a long text are not taken apart."""
    lines: list[str] = []
    while text and len(lines) < count:
        text, _, line = text.rstrip().rpartition("\n")
        lines.insert(0, line.strip())
    return lines
