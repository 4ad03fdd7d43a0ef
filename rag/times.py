"""The times that questions speak of, and a question at another time. Pure.

Knows years, months, days of the week and words such as "last year" and "the first half of 2024", in
English. Knows nothing of calendars: that "the year before" 2023 is 2022 is not worked out.
"""

from __future__ import annotations

import re

END = " ?!."
_YEAR = r"(?<![\d$€£.,])(?:1[5-9]|20)\d\d(?![\d%]|[.,]\d)"
_MONTH = (
    r"(?:january|february|(?-i:March)|april|(?-i:May)|june|july|august|september|october|november|"
    r"december|spring|summer|autumn|winter)"
)
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_UNIT = r"(?:year|half|quarter|season|month|week|day|decade|century)s?"
#: "last year" says when without a preposition, "the last year" and "2024" do not.
SAYS_WHEN = re.compile(
    rf"(?:last|this|next|\w+\s+{_UNIT}\s+ago|today|now|yesterday|tomorrow)\b", re.IGNORECASE
)
_POINT = (
    r"(?:(?:the\s+)?(?:beginning|start|middle|end)\s+of\s+)?(?:(?:early|mid|late)[\s-]+)?"
    rf"(?:(?:\d\d?\s+)?{_MONTH}\b(?:\s+\d\d?\b)?(?:,?\s+{_YEAR})?"
    rf"|(?:the\s+)?{_YEAR}s\b|{_YEAR}(?:\s?[-/\u2013]\s?\d\d(?:\d\d)?)?"
    rf"|[QH][1-4]\b(?:\s+{_YEAR})?"
    rf"|{_DAY}"
    r"|(?:the\s+)?(?:first|second|third|fourth|last|next|this|previous|past|current|coming)\s+"
    rf"(?:\w+\s+)?{_UNIT}\b(?:\s+of\s+{_YEAR})?"
    rf"|\w+\s+{_UNIT}\s+ago|today|now|yesterday|tomorrow)"
)
TIME = re.compile(
    r"(?:\b(?P<lead>in|on|at|by|since|during|from|before|after|until|for|(?:as\s+)?of|over|around|"
    r"within|between)"
    rf"\s+)?\b(?P<when>{_POINT}(?:\s*(?:to|and|until|-|\u2013)\s*{_POINT})?)(?![\w-])",
    re.IGNORECASE,
)
_PART_OF_YEAR = re.compile(
    rf"(?:\d\d?\s+)?{_MONTH}(?:\s+\d\d?)?|[QH][1-4]"
    r"|(?P<half>(?:the\s+)?(?:first|second|third|fourth)\s.*)",
    re.IGNORECASE,
)
LATER = re.compile(rf"\b{_UNIT}\s+(?:before|after|earlier|later)\b", re.IGNORECASE)


def parted(matter: str) -> tuple[re.Match[str] | None, str]:
    """The time that a matter begins or ends with, and the rest: "Iran in 2024"."""
    for time in TIME.finditer(matter):
        before, after = matter[: time.start()].strip(" ,"), matter[time.end() :].strip(" ,")
        says_when = time["lead"] or SAYS_WHEN.match(time["when"])
        if not after and (says_when or not before):
            return time, before
        if not before and time["lead"]:
            return time, after
    return None, matter


def at(earlier: str, time: re.Match[str]) -> str:
    """The earlier question at another time, which is put in the place of its own if it has one."""
    old = next(reversed(list(TIME.finditer(earlier))), None)
    when = time["when"]
    part = _PART_OF_YEAR.fullmatch(when)
    if old and part and not re.search(_YEAR, when) and (year := re.search(_YEAR, old[0])):
        when = f"{when} of {year[0]}" if part["half"] else f"{when} {year[0]}"
    lead = time["lead"] or ""
    if not lead and not SAYS_WHEN.match(when):
        lead = (old["lead"] if old else "") or ("on" if re.match(_DAY, when, re.I) else "in")
    told = f"{lead} {when}".lstrip()
    if not old:
        return f"{earlier.rstrip(END)} {told}?"
    if not (old["lead"] or SAYS_WHEN.match(old["when"])):  # "the 2020 election"
        if not (re.match(_YEAR, when) and re.match(_YEAR, old["when"])):
            return f"{earlier.rstrip(END)}, {time[0]}?"
        told = when
    told = told if old.start() else told[0].upper() + told[1:]
    return earlier[: old.start()] + told + earlier[old.end() :]
