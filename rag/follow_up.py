"""A question with what it leans on in the turns before it. Pure.

Knows nothing of articles or models: what it puts in was asked or answered before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.leaning import (
    ASKING, AUXILIARIES, DETERMINERS, LIGHT, MANY, OPENING, OWNERS, PERSONS, PREPOSITIONS, PRONOUNS, THINGS,
    WHAT_ABOUT, Word, lacks_its_matter, leaning_pronoun, name_end, points_back, words_of,
)

if TYPE_CHECKING:
    from rag.conversation import Turn

_THE_ONE = re.compile(r"^(?:the|that)\s+ones?\b\s*", re.IGNORECASE)
_COUNTED = re.compile(
    rf"^(how many|how much)\s+((?:(?!(?:{'|'.join(AUXILIARIES)})\b)[\w-]+\s+)+?)(?=(?:{'|'.join(AUXILIARIES)})\b)", re.IGNORECASE
)
#: Verbs that end a question and belong to no noun.
_VERBS = frozenset("held worth take took place together mean live happen stand begin due".split())
VARIANT = {"join": "topic", "point": "matter"}


def understand(question: str, history: Sequence[Turn]) -> str:
    """`question` with what it leans on in `history` (oldest turn first), or "" if on nothing.

    Only the last turn without an error is looked at: its question as it was understood, and its
    short answer.
    """
    last = next((turn for turn in reversed(history) if not turn.error), None)
    if last is None:
        return ""
    rest = OPENING.sub("", question).strip()
    about = WHAT_ABOUT.match(rest)
    fragment = _THE_ONE.sub("", rest[about.end() :] if about else rest).rstrip(" ?!.")
    if fragment and (about or (rest != question and not _asks(fragment))):
        rest = _exchanged(_asked(last), fragment) or f"What is {fragment}?"
        if "What is" not in rest[:7] or not (leaning_pronoun(rest) or True):
            return rest
        return _replaced(rest, last) if leaning_pronoun(rest) else _joined(fragment, last, VARIANT["join"])
    if leaning_pronoun(rest):
        return _replaced(rest, last)
    if points_back(rest):
        return _joined(rest, last, VARIANT["point"])
    said = " ".join((_asked(last), last.text, *(passage.text for passage in last.passages[:1])))
    return _joined(rest, last, VARIANT["join"]) if lacks_its_matter(rest, said) else ""


def _asked(turn: Turn) -> str:
    return turn.understood or turn.question


def _asks(text: str) -> bool:
    """Whether it begins as a whole question does."""
    lows = [word.low for word in words_of(text)]
    lows = lows[1:] if lows and lows[0] in PREPOSITIONS else lows
    return bool(lows) and lows[0] in ASKING | AUXILIARIES


def _exchanged(earlier: str, fragment: str) -> str:
    """The earlier question with `fragment` in the place of what is of its kind, or ""."""
    words = words_of(earlier)
    new = words_of(f"x {fragment}")[1:]
    counted = _COUNTED.match(earlier)
    if not any(word.name for word in new) and new[0].low not in DETERMINERS | PREPOSITIONS and counted:
        return f"{earlier[: counted.start(2)]}{fragment} {earlier[counted.end(2) :]}"
    names = [
        (words[place], words[name_end(words, place) - 1])
        for place in range(len(words))
        if words[place].name and not (place and words[place - 1].name)
    ]
    preposition = ""
    if new[0].low in PREPOSITIONS and len(new) > 1:
        preposition, fragment = new[0].low, fragment[len(new[0].text) :].lstrip()
        new = new[1:]
    if not names or new[0].low in DETERMINERS and not any(word.name for word in new) or len(new) > 2 and not any(word.name for word in new):
        return ""
    first, last = next(
        (pair for pair in names if preposition and earlier[: pair[0].start].lower().rstrip().endswith(preposition)),
        names[0],
    )
    return earlier[: first.start] + fragment + earlier[last.end :]


def _joined(question: str, last: Turn, how: str) -> str:
    """Both questions together, where only together they ask something."""
    bare = question.rstrip(" ?!.")
    earlier = _asked(last)
    short = f", {last.short}" if last.short and "short" in how else ""
    if "topic" in how:
        return f"{bare}, {_put_in(last) or topic(earlier)}{short}?"
    if "matter" in how:
        return f"{bare}, {_matter(earlier)}{short}?"
    if "both" in how:
        return f"{earlier.rstrip(' ?!.')}{short}, {bare}?"
    raise AssertionError


def _replaced(question: str, last: Turn) -> str:
    """The question with what its pronoun stands for."""
    word = leaning_pronoun(question)
    assert word is not None
    referent = _referent(word.low, last)
    rest = question[word.end :]
    if word.low in OWNERS and rest.strip(" ?!."):
        referent += "'" if referent.endswith("s") else "'s"
    return question[: word.start] + referent + rest


def _referent(pronoun: str, last: Turn) -> str:
    """What the pronoun stands for, in the last question or its short answer."""
    asked, short = last.question.lower(), last.short
    named = bool(short) and all(word.name or word.light for word in words_of(f"x {short}")[1:])
    put_in = _put_in(last)
    if pronoun in PERSONS:
        if named and asked.startswith(("who", "which", "name")) and not _names(last.question):
            return short
        if put_in:
            return put_in
        names = _names(_asked(last))
        return max(names, key=lambda name: len(name.split()), default="") or topic(_asked(last))
    if named and (
        (pronoun == "there" and asked.startswith(("where", "in which", "in what")))
        or (pronoun in THINGS and asked.startswith(("which", "what")))
    ):
        return short
    if pronoun in MANY and asked.startswith(("which", "who", "what")) and re.search(",| and ", short):
        return short
    return put_in or topic(_asked(last))


def _names(text: str) -> list[str]:
    words = words_of(text)
    return [
        text[words[place].start : words[name_end(words, place) - 1].end]
        for place in range(len(words))
        if words[place].name and not (place and words[place - 1].name)
    ]


def _put_in(turn: Turn) -> str:
    """What the turn's question was given when it was understood, or ""."""
    pronoun = leaning_pronoun(OPENING.sub("", turn.question))
    if not turn.understood or not pronoun:
        return ""
    own = OPENING.sub("", turn.question)
    start, rest = own[: pronoun.start], own[pronoun.end :]
    if not (turn.understood.startswith(start) and turn.understood.endswith(rest)):
        return ""
    return re.sub(r"'s?$", "", turn.understood[len(start) : len(turn.understood) - len(rest)])


def topic(question: str) -> str:
    """The noun phrase that the question is about, or all of it but the words that ask."""
    words = words_of(question)
    begin = _after_asking(words)
    starts = [
        place
        for place in range(begin, len(words))
        if words[place].low in DETERMINERS or words[place].name or (words[place-1].low in PREPOSITIONS and not words[place].light)
    ]
    helping = next((place for place, word in enumerate(words) if word.low in AUXILIARIES), None)
    does = helping is not None and words[helping].low in {"do", "does", "did"}
    if helping is not None and helping + 1 < len(words):
        subject = words[helping + 1]
        if not subject.light and not subject.low.endswith(("ing", "ed")) and (does or words[helping].low in {"is", "are", "was", "were"}):
            starts.insert(0, helping + 1)
    if not starts:
        return _matter(question)
    start = end = starts[0]
    while end < len(words):
        word = words[end]
        if (after := name_end(words, end)) > end:
            end = after
            if does and start == after - 1 or does and words[start].name:
                break
        elif not word.light or word.low in DETERMINERS or (end > start and (word.low in PREPOSITIONS or word.low == "and")):
            end += 1
        else:
            break
    if does and end == len(words) and end > start + 1 and not words[end - 1].name and words[end - 1].low not in _VERBS:
        end -= 1
    while end > start + 1 and (words[end - 1].low in _VERBS | PREPOSITIONS or words[end - 1].low.endswith("ed")):
        end -= 1
    return question[words[start].start : words[end - 1].end]


def _matter(question: str) -> str:
    """All of the question but the words that ask."""
    words = words_of(question)
    begin = _after_asking(words)
    return question[words[begin].start : words[-1].end] if begin < len(words) else ""


def _after_asking(words: Sequence[Word]) -> int:
    asking = ASKING | AUXILIARIES | {"many", "much", "long", "large", "in", "at", "from", "to", "by", "since"}
    place = 0
    while place < len(words) and words[place].low in asking:
        place += 1
    return place
