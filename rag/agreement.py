"""Whether two short answers say the same or contradict each other. Pure.

Only amounts can contradict: two names, reasons or days may both be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from rag.squad import normalise

_NUMBER = re.compile(
    r"(?<![\w.,])(-?\d+(?:[.,]\d+)*)(\w*)(?:[ -](thousand|million|billion|trillion)\b)?", re.I
)
_SCALES = {
    "": 0, "k": 3, "thousand": 3, "m": 6, "million": 6, "bn": 9, "billion": 9, "trillion": 12,
}  # fmt: skip
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_YEAR = re.compile(r"1\d{3}|20\d\d")
_WORD = re.compile(r"[a-z]{1,3}\$|[^\W\d_]+|[%$€£¥₹₽]")
#: A sign, which may stand before a currency.
_MINUS = re.compile(r"(?<![\w.,])(?:minus |[-\u2212\u2013])((?:[a-z]{0,3}[$€£¥₹₽])?)(?=\d)")
_BOUND = re.compile(
    r"\b(?:than|over|above|under|below|up to|at least|at most|as many as|as much as)\s\D{0,5}\d"
    r"|\bor (?:more|less|fewer)\b|[<>\u2264\u2265]|\d\+",
    re.IGNORECASE,
)
_SYNONYMS = {"%": "percent", "$": "dollars", "us$": "dollars", "usd": "dollars",
             "dollar": "dollars", "€": "euros", "eur": "euros", "euro": "euros",
             "rmb": "yuan", "¥": "yuan", "cny": "yuan"}  # fmt: skip
_LIGHT = {"a", "about", "almost", "an", "and", "around", "at", "by", "for", "from", "in", "is",
          "just", "more", "nearly", "of", "on", "over", "per", "some", "than", "the", "to",
          "us", "with"}  # fmt: skip
_MONTH = re.compile(
    r"\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(\.|t?\b|[rucbte][a-z]*\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with the words beside it, which say of what."""

    value: Decimal
    digits: int  #: significant ones
    unit: frozenset[str]


def amount(short: str) -> Amount | None:
    """The amount that a short answer is; None for a year, a day, several numbers or none."""
    short = _MINUS.sub(r"\1-", re.sub(r"\bper cent\b", "percent", short.lower()))
    found = list(_NUMBER.finditer(short))
    if len(found) != 1 or _MONTH.search(short):
        return None
    number, suffix, scale = found[0][1], found[0][2], found[0][3] or ""
    if ("," in number and not _THOUSANDS.fullmatch(number)) or (suffix and scale):
        return None
    plain = number.replace(",", "")
    # "14th", "5G" and the like are no amounts.
    if plain.count(".") > 1 or (suffix or scale) not in _SCALES:
        return None
    if not (suffix or scale) and _YEAR.fullmatch(number):
        return None
    rest = short[: found[0].start()] + " " + short[found[0].end() :]
    words = frozenset(_SYNONYMS.get(word, word) for word in _WORD.findall(rest)) - _LIGHT
    shown = plain.lstrip("-").replace(".", "").lstrip("0")
    # The noughts of 30 billion and of 12,000 may come of rounding, those of 40 and 900 hardly.
    digits = len(shown.rstrip("0") if suffix or scale or len(shown) > 3 else shown) or 1
    return Amount(Decimal(plain).scaleb(_SCALES[suffix or scale]), digits, words)


def same(one: str, other: str) -> bool:
    """Whether both say the same: like amounts, or the same words but for what SQuAD leaves out."""
    first, second = amount(one), amount(other)
    if first and second:
        return _comparable(first, second) and _close(first, second)
    return normalise(one) == normalise(other) != ""


def contradict(one: str, other: str) -> bool:
    """Whether both are amounts of the same thing of which neither is the other one rounded.

    One that is but a bound, as "more than 800" is, contradicts nothing.
    """
    if _BOUND.search(one) or _BOUND.search(other):
        return False
    first, second = amount(one), amount(other)
    return bool(first and second and _comparable(first, second) and not _close(first, second))


def _comparable(first: Amount, second: Amount) -> bool:
    """Of the same unit; "900" may be of any, and "900 people" are "900 people in all"."""
    if not first.unit or not second.unit:
        return first.unit == second.unit or first.value == second.value
    return first.unit <= second.unit or second.unit <= first.unit


def _close(first: Amount, second: Amount) -> bool:
    if first.value == second.value:
        return True
    digits = min(first.digits, second.digits)
    rounded = f"{first.value:.{digits - 1}e}" == f"{second.value:.{digits - 1}e}"
    most = max(abs(first.value), abs(second.value))
    return rounded and abs(first.value - second.value) <= most * Decimal("0.05")
