"""A question with what it leans on in the turns before it. Pure.

Knows nothing of articles or models: what it puts in was asked or answered before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.exchange import exchanged, is_fragment, leads
from rag.leaning import (
    ASKING,
    AUXILIARIES,
    DETERMINERS,
    MANY,
    OPENING,
    OWNERS,
    PERSONS,
    PREPOSITIONS,
    THINGS,
    WHAT_ABOUT,
    Word,
    lacks_its_matter,
    leaning_pronoun,
    name_end,
    names_of,
    points_back,
    words_of,
)
from rag.times import END, TIME

if TYPE_CHECKING:
    from rag.conversation import Turn

_LONGEST = 1_000
#: With so many words of matter a question stands alone: its pronouns mean something within it. Of
#: 9,318 complete questions 5 are changed, without this rule 40; the follow-ups of the dev
#: conversations that lean by a pronoun have five such words at most.
_ENOUGH_WORDS = 6

_KNOWN = re.compile(r" \([^()]*\)\?$")  # an earlier answer that was put into a question
_ARTICLES = OWNERS | {"the", "a", "an"}
#: "the one in Lima" is in Lima, "the Lima one" and "that of Lima" are Lima.
_THE_ONE = re.compile(
    r"^(?:(?:the|that)\s+((?-i:[A-Z])[\w-]*\s+|\d{4}\s+)?ones?\b|(?:that|those)\s+of\b)\s*",
    re.IGNORECASE,
)
#: Words that ask, beside those that always do.
_ALSO_ASKING = frozenset({"many", "much", "long", "large", "in", "at", "from", "to", "by", "since"})
#: Verbs that end a question and belong to no noun.
_VERBS = frozenset(
    {"begin", "due", "happen", "held", "live", "mean", "place", "stand", "take", "took", "worth"}
)


def understand(question: str, history: Sequence[Turn]) -> str:
    """`question` with what it leans on in `history` (oldest turn first), or "" if on nothing.

    Only the last turn without an error is looked at: its question as it was understood, and its
    answer. Never longer than 1,000 characters, else "".
    """
    last = next((turn for turn in reversed(history) if not turn.error), None)
    understood = _understood(question, last) if last else ""
    return understood if len(understood) <= _LONGEST else ""


def _understood(question: str, last: Turn) -> str:
    rest = OPENING.sub("", question).strip()
    about = WHAT_ABOUT.match(rest)
    named = (rest[about.end() :] if about else rest).rstrip(END)
    matter = _THE_ONE.sub(r"\1", named).rstrip()
    again = rest != question and not _asks(matter)
    if words_of(matter) and (about or again or is_fragment(rest)):
        if leaning_pronoun(matter) and not leads(matter):
            return _replaced(f"What is {matter}?", last)
        another, capitals = matter != named, question != question.lower()
        matter = _replaced(matter, last)
        asked = exchanged(_asked(last), matter, capitals=capitals, another=another)
        return asked or _joined(matter, _about(last), last.short)
    if sum(not word.light for word in words_of(rest)) >= _ENOUGH_WORDS:
        return ""
    if leaning_pronoun(rest):
        return _replaced(rest, last)
    if points_back(rest):
        return _joined(rest, _without_asking(_asked(last)))
    said = " ".join((_asked(last), last.text, *(passage.text for passage in last.passages[:1])))
    return _joined(rest, _about(last), last.short) if lacks_its_matter(rest, said) else ""


def _asked(turn: Turn) -> str:
    """The turn's question as it was understood, without the answer that was put into it."""
    return _KNOWN.sub("?", turn.understood) or turn.question


def _asks(text: str) -> bool:
    """Whether it begins as a whole question does, if need be after a place or a time."""
    parts = [words_of(part) for part in (TIME.sub("", text, count=1), *text.split(",")[1:])]
    begins = [next((w.low for w in part if w.low not in PREPOSITIONS), "") for part in parts]
    return any(low in ASKING | AUXILIARIES for low in begins)


def _joined(question: str, matter: str, short: str = "") -> str:
    """The question with the matter that it does not say, and what was answered about that."""
    known = f" ({re.sub('[()]', '', short)})" if short else ""
    return f"{question.rstrip(END)}, {matter}{known}?"


def _replaced(question: str, last: Turn) -> str:
    """The question with what its pronoun stands for."""
    word = leaning_pronoun(question)
    if word is None:
        return question
    stands_for = _stands_for(word.low, last)
    rest = question[word.end :]
    if word.low == "there":
        stands_for = f"{'in' if stands_for == last.short else 'at'} {stands_for}"
    if word.low in OWNERS and rest.strip(END):
        stands_for = re.sub(r"['\u2019]s?$", "", stands_for)
        stands_for += "'" if stands_for.endswith("s") else "'s"
    return question[: word.start] + stands_for + rest


def _stands_for(pronoun: str, last: Turn) -> str:
    """What the pronoun means: the last short answer, or what the last question was about."""
    asked, short = last.question.lower(), last.short
    named = bool(short) and all(word.name or word.light for word in words_of(short, within=True))
    if pronoun in PERSONS:
        names = names_of(words_of(last.question)) if asked.startswith("who") else []
        known = bool(names) and names[0][0] <= 2  # "Who is Ana Quispe?"
        fits = named and not known and asked.startswith(("who", "which", "name"))
    elif pronoun in MANY:
        fits = asked.startswith(("who", "which", "what")) and bool(re.search(",| and ", short))
    elif pronoun in THINGS:
        fits = named and asked.startswith(("which", "what"))
    else:  # there
        fits = named and asked.startswith(("where", "in which", "in what"))
    if fits:
        return short
    put_in = _put_in(last)
    if pronoun in PERSONS and not put_in:
        words = words_of(_asked(last))
        longest = max(names_of(words), key=lambda name: name[1] - name[0], default=None)
        return _piece(_asked(last), words, *longest) if longest else _about(last)
    return put_in or _about(last)


def _put_in(turn: Turn) -> str:
    """What was put into the turn's question when it was understood, or ""."""
    question = OPENING.sub("", turn.question).strip()
    joined = f"{question.rstrip(END)}, "
    if turn.understood.startswith(joined):
        return _KNOWN.sub("?", turn.understood)[len(joined) :].removesuffix("?")
    pronoun = leaning_pronoun(question)
    if not turn.understood or not pronoun:
        return ""
    before, after = question[: pronoun.start], question[pronoun.end :]
    if not (turn.understood.startswith(before) and turn.understood.endswith(after)):
        return ""
    put_in = turn.understood[len(before) : len(turn.understood) - len(after)]
    return re.sub(r"'s?$" if pronoun.low in OWNERS else r"^(?:in|at) ", "", put_in)


def _about(turn: Turn) -> str:
    """What the turn's question was about."""
    return _put_in(turn) or topic(_asked(turn))


def topic(question: str) -> str:
    """The noun phrase that a question is about; all but the words that ask where none is found.

    The subject where a verb stands before it, else what begins with an article, as a name or after
    a preposition; with the phrases that follow it.
    """
    words = words_of(question)
    begin = _after_asking(words)
    helping = next((word.low for word in words if word.low in AUXILIARIES), "")
    does, is_ = helping in {"do", "does", "did"}, helping in {"is", "are", "was", "were"}
    start = next(
        (
            place
            for place, word in enumerate(words[begin:], start=begin)
            if word.low in _ARTICLES
            or word.name
            or (place and words[place - 1].low in PREPOSITIONS and not word.light)
            or (
                place
                and words[place - 1].low == helping
                and (does or is_)
                and not word.light
                and not word.low.endswith(("ing", "ed"))
            )
        ),
        None,
    )
    if start is None:
        return _without_asking(question)
    end = start
    while end < len(words):
        word = words[end]
        if word.name:
            end = name_end(words, end)
            if does and words[start].name:  # a verb follows
                break
        elif (
            not word.light
            or word.low in DETERMINERS
            or (end > start and word.low in PREPOSITIONS | {"and"})
        ):
            end += 1
        else:
            break
    if does and end == len(words) > start + 1 and not words[-1].name and not words[-1].light:
        end -= 1  # the verb
    while end > start + 1 and (
        words[end - 1].low in _VERBS | PREPOSITIONS or words[end - 1].low.endswith("ed")
    ):
        end -= 1
    return _piece(question, words, start, end)


def _without_asking(question: str) -> str:
    words = words_of(question)
    begin = _after_asking(words)
    return _piece(question, words, begin, len(words)) if begin < len(words) else ""


def _after_asking(words: Sequence[Word]) -> int:
    asking = ASKING | AUXILIARIES | _ALSO_ASKING
    return next((n for n, word in enumerate(words) if word.low not in asking), len(words))


def _piece(text: str, words: Sequence[Word], first: int, end: int) -> str:
    return text[words[first].start : words[end - 1].end]
