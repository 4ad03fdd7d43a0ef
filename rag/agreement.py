"""Whether two short answers say the same or contradict each other. Pure.

Only amounts can contradict: two names, reasons or days may both be right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from rag.squad import normalise

_AMOUNT = re.compile(
    r"(?<![\w.,])(\d+(?:[.,]\d+)*)(?:\s*-?\s*(thousand|million|billion|trillion|m|bn|k)\b)?", re.I
)
_SCALES = {
    "k": 3, "thousand": 3, "m": 6, "million": 6, "bn": 9, "billion": 9, "trillion": 12,
}  # fmt: skip
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+|[%$€£¥₹₽]")
_SYNONYMS = {"%": "percent", "per": "percent", "cent": "percent", "$": "dollars", "usd": "dollars",
             "dollar": "dollars", "us": "dollars", "€": "euros", "eur": "euros", "euro": "euros",
             "rmb": "yuan", "¥": "yuan", "cny": "yuan"}  # fmt: skip
_LIGHT = {"a", "about", "almost", "an", "and", "around", "at", "in", "is", "just", "more", "nearly",
          "of", "over", "some", "than", "the"}  # fmt: skip
_MONTHS = {"january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with the words beside it, which say of what."""

    value: Decimal
    digits: int  #: significant ones
    unit: frozenset[str]


def amount(short: str) -> Amount | None:
    """The amount that a short answer is; None where it holds no number, several, or a day."""
    found = list(_AMOUNT.finditer(short))
    if len(found) != 1:
        return None
    number, scale = found[0][1], (found[0][2] or "").lower()
    if "," in number and not _THOUSANDS.fullmatch(number):
        return None
    plain = number.replace(",", "")
    if plain.count(".") > 1:
        return None
    rest = (short[: found[0].start()] + " " + short[found[0].end() :]).lower()
    words = frozenset(_SYNONYMS.get(word, word) for word in _WORD.findall(rest)) - _LIGHT
    if words & _MONTHS or (not scale and re.fullmatch(r"(19|20)\d\d", number)):
        return None
    shown = plain.replace(".", "").lstrip("0")
    # The noughts of 30 billion and of 12,000 may come of rounding, those of 40 and 900 hardly.
    digits = len(shown.rstrip("0") if scale or len(shown) > 3 else shown) or 1
    return Amount(Decimal(plain).scaleb(_SCALES.get(scale, 0)), digits, words)


def same(one: str, other: str) -> bool:
    """Whether both say the same: the same words but for what SQuAD leaves out, or like amounts."""
    if normalise(one) == normalise(other):
        return bool(normalise(one))
    first, second = amount(one), amount(other)
    return bool(first and second and _comparable(first, second) and _round(first, second))


def contradict(one: str, other: str) -> bool:
    """Whether both are amounts of the same thing of which neither is the other one rounded."""
    first, second = amount(one), amount(other)
    return bool(first and second and _comparable(first, second) and not _round(first, second))


def _comparable(first: Amount, second: Amount) -> bool:
    return first.unit == second.unit or bool(first.unit & second.unit)


def _round(first: Amount, second: Amount) -> bool:
    digits = min(first.digits, second.digits)
    return f"{first.value:.{digits - 1}e}" == f"{second.value:.{digits - 1}e}"
