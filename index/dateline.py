"""Read publisher and date off the first lines of a news text. Knows nothing of files."""

from __future__ import annotations

import re
from datetime import date

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
    re.compile(r"\b(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})\b"),
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
_SOURCE_LINE = re.compile(r"^source:\s*(?P<source>[^\n]{2,60}?)\s*$", re.I | re.MULTILINE)

_LINES_OF_A_HEAD = 6
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
    """Publisher and date as the head of `text` gives them: "" and None where it does not.

    A date counts only near the beginning of one of the first lines, and only with its year.
    """
    lines = [line for line in text.split("\n") if line.strip()][:_LINES_OF_A_HEAD]
    head = "\n".join(lines)
    agency = _AGENCY.search(head)
    source = _SOURCE_LINE.search(text)
    publisher = agency["agency"] if agency else source["source"] if source else ""
    dates = (find_date(line[:_CHARACTERS_OF_A_DATELINE]) for line in lines)
    return publisher.strip(), next((day for day in dates if day), None)
