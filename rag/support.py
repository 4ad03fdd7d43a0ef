"""Whether one sentence says nothing but what a quotation says. Pure; knows nothing of models.

The sentence must be made of the quotation's own words, in its order. That is less than a reader of
English would allow, and on purpose: a false sentence that passes costs more than a true one that is
dropped. `python tests/lying_model.py` measures both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, pairwise

from rag.statement import (
    CONJUNCTIONS,
    DOUBTS,
    HEDGES,
    LIGHT,
    PREPOSITIONS,
    Token,
    straight,
    tokens,
    turning,
)

_TOLD_AFTERWARDS = re.compile(
    r"(?P<what>.+), (?:according to (?P<a>[\w .-]+?)"
    r"|said (?P<b>[\w .-]+?)|(?P<c>[\w .-]+?) said)\.?"
)
_TOLD_BEFORE = re.compile(r"(?:According to (?P<who>[^,]+)), (?P<what>.+?)\.?")
_PASSIVE = re.compile(
    r"(?P<what>.+?) (?:is|are|was|were|has been|have been) (?P<verb>\w+) by (?P<who>.+?)\.?"
)
_OWNER = re.compile(r"\b(\w+(?: [A-Z]\w+)*)'s(?= )")
_MARKUP = re.compile("[<>{}`]")
_BE = {"is", "are", "am", "was", "were", "be", "been", "being"}
_SAYING = {"say", "says", "said", "saying", "state", "states", "stated", "tell", "tells", "told",
           "explain", "explains", "explained", "note", "notes", "noted"}  # fmt: skip
_SPEAKERS = {"he", "she", "it", "they", "that"}
_HAVE = {"has", "have", "had"}
_FEWEST = 3  #: words that are not light
_MOST = 60  #: likewise; only as it stands is a longer sentence supported
_MOST_OWNERS = 4  #: whose "'s" is also read as "of"
_ADJECTIVES = 1  #: that may be left out in a row; two may be a subject and its verb


def support(sentence: str, quotation: str) -> float:
    """How much of the quotation the sentence says, in (0, 1]; 0 where it says anything else.

    Held to it are every number with its sign and unit, every name, every other word by its stem,
    the order of all of them, prepositions, negations, whether something "is" or "was", hedges such
    as "hopes", "about" or "more than", and the names of those whom a clause is about. Left out may
    be whole clauses, what ends a clause, what stands between commas or begins with a preposition,
    and adjectives. The tense of other verbs than "is", "has" and "does" is not held to it.
    """
    if sentence.split() == quotation.split():
        return 1.0
    if "?" in quotation or _MARKUP.search(quotation):  # it states nothing
        return 0.0
    quoted, told = tokens(quotation), tokens(sentence)
    # Its forms have the same words. There are many, so that most sentences must be done with here.
    known = {"", *(token.key for token in quoted)}
    has_other_words = any(t.key not in known and t.word not in LIGHT for t in told)
    if has_other_words or not _FEWEST <= len(told) <= _MOST:
        return 0.0
    if turning(sentence) == turning(quotation):
        for said in map(tokens, _same_said_otherwise(straight(sentence))):
            for matched in _alignments(said, quoted) if len(said) >= _FEWEST else ():
                if _names_are_whole(matched, quoted) and _leaves_nothing_out(matched, quoted):
                    return len(matched) / len(quoted)
    return 0.0


def _same_said_otherwise(sentence: str) -> Iterator[str]:
    """The sentence, and forms of it that say the same in another order."""
    forms = [sentence]
    if told := _TOLD_AFTERWARDS.fullmatch(sentence):
        forms.append(f"{told['a'] or told['b'] or told['c']} said that {_inside(told['what'])}")
    if told := _TOLD_BEFORE.fullmatch(sentence):
        forms.append(f"{told['who']} said that {_inside(told['what'])}")
        forms.append(f"{told['what']}, {told['who']} said")
    if passive := _PASSIVE.fullmatch(sentence):
        forms.append(f"{passive['who']} {passive['verb']} {_inside(passive['what'])}")
    for form in forms:
        yield form
        for owner in islice(_OWNER.finditer(form), _MOST_OWNERS):
            following = list(re.finditer(r"\w+", form[owner.end() :]))[:3]
            for word in following:  # "Iran's oil exports": "oil exports of Iran"
                end = owner.end() + word.end()
                owned = form[owner.end() : end].strip()
                yield f"{form[: owner.start()]}{owned} of {owner[1]}{form[end:]}"


def _inside(beginning: str) -> str:
    """As it is written inside a sentence; a name is then compared as any word is."""
    return beginning[:1].lower() + beginning[1:]


def _alignments(
    said: Sequence[Token], quoted: Sequence[Token]
) -> Iterator[list[tuple[Token, int]]]:
    """The sentence's tokens with their places in the quotation: in its order, or turned once.

    "The CCCPK organised the forum" is "The forum's organiser was the CCCPK" with the end first.
    Only once, and without names or numbers on both sides, for else "costs exceed benefits" would
    pass for its opposite.
    """
    for turn in range(len(said)):
        end, beginning = said[:turn], said[turn:]
        mixed = any(
            any(map(kind, end)) and any(map(kind, beginning))
            for kind in (lambda token: token.capital, lambda token: token.is_number)
        )
        if not (turn and mixed):
            for step in (1, -1):
                yield from _in_order([*beginning, *end], quoted, step)


def _in_order(
    said: Sequence[Token], quoted: Sequence[Token], step: int
) -> Iterator[list[tuple[Token, int]]]:
    """One alignment at most: the earliest with a step of 1, the latest with one of -1."""
    places = iter(range(len(quoted))[::step])
    matched = []
    for token in said[::step]:
        place = next((place for place in places if token.stands_for(quoted[place])), None)
        if place is None:
            return
        matched.append((token, place))
    yield matched[::step]


def _names_are_whole(matched: Sequence[tuple[Token, int]], quoted: Sequence[Token]) -> bool:
    """Whether no name is put together from two: what is one in the sentence is one there."""
    return all(
        place + 1 == following and quoted[place].run == quoted[following].run
        for (token, place), (after, following) in pairwise(matched)
        if token.capital and after.capital and token.run == after.run
    )


def _leaves_nothing_out(matched: Sequence[tuple[Token, int]], quoted: Sequence[Token]) -> bool:
    """Whether what the sentence leaves out of the quotation changes nothing of the rest."""
    places = sorted(place for _, place in matched)
    return (
        all(said.cases == quoted[place].cases for said, place in matched)
        and _keeps_the_tense(matched, quoted)
        and _keeps_the_voice(matched, quoted)
        and _numbers_are_whole(set(places), quoted)
        and not quoted[places[0]].part  # what a colon announces is not said by itself
        and all(_may_be_skipped(quoted, before, after) for before, after in pairwise(places))
        and not _goes_on(quoted, places[-1])
        and _keeps_hedges_and_subjects(set(places), quoted)
    )


def _keeps_the_tense(matched: Sequence[tuple[Token, int]], quoted: Sequence[Token]) -> bool:
    """Whether the sentence has no "is" for a "was", nor the other way round.

    It may have one where the quotation has none: "Chen, the chairman" is the chairman.
    """
    if any(
        said.tenses and quoted[place].tenses and said.tenses != quoted[place].tenses
        for said, place in matched
    ):
        return False
    places = [place for _, place in matched]
    clauses = {quoted[place].clause for place in places}
    around = quoted[min(places) : max(places) + 1]
    said = {tense for token, _ in matched for tense in token.tenses}
    there = {tense for token in around if token.clause in clauses for tense in token.tenses}
    return not there or said <= there


def _keeps_the_voice(matched: Sequence[tuple[Token, int]], quoted: Sequence[Token]) -> bool:
    """Whether the sentence's verbs are as passive and as much hearsay as the quotation's.

    Who was paid did not pay, who fired 300 people does not have them, and who said that she won may
    not have won. After a comma a verb may be added, as to "Chen, named in 2019".
    """
    for said, place in matched:
        there = quoted[place]
        is_passive, was_passive = (bool(_BE & {*token.links[-1:]}) for token in (said, there))
        follows = place > 0 and quoted[place - 1].clause == there.clause
        if was_passive and not (_BE & {*said.links} or there.capital or there.is_number):
            return False
        if is_passive and follows and not _BE & {*there.links}:
            return False
        if _SAYING & {*there.links} and _SPEAKERS & {*there.links} and not _SAYING & {*said.links}:
            return False
        if said.is_number and follows and _HAVE & {*said.links} and not _HAVE & {*there.links}:
            return False
    return True


def _numbers_are_whole(taken: set[int], quoted: Sequence[Token]) -> bool:
    """Whether no number is taken out of a longer one, such as "hundred" out of "two hundred"."""
    return all(
        (place in taken) == (place + 1 in taken)
        for place, (token, following) in enumerate(pairwise(quoted))
        if token.goes_on_in(following)
    )


def _may_be_skipped(quoted: Sequence[Token], before: int, after: int) -> bool:
    """Whether the tokens between two places may be left out, and what is around them put together.

    That is an adjective, what stands in between commas, or what begins with a preposition: "900
    people from two countries" are 900 people, but no 900 countries.
    """
    between = quoted[before + 1 : after + 1]
    first, last = between[0], between[-1]
    adjoining = all(not token.links and token.clause == last.clause for token in between)
    if len(between) == 1 or (adjoining and len(between) <= 1 + _ADJECTIVES):
        return True
    if quoted[before].clause < first.clause and quoted[after - 1].clause < last.clause:
        return True
    one_phrase = all(
        token.clause == quoted[before].clause and not CONJUNCTIONS & set(token.links)
        for token in between
    )
    return one_phrase and bool(first.links) and first.links[0] in PREPOSITIONS | {"of"}


def _goes_on(quoted: Sequence[Token], place: int) -> bool:
    """Whether the next token adjoins, as in "a trading", which is no trading platform."""
    following = quoted[place + 1 : place + 2]
    return any(t.clause == quoted[place].clause and not t.links for t in following)


def _keeps_hedges_and_subjects(taken: set[int], quoted: Sequence[Token]) -> bool:
    """Whether the clauses that the sentence is taken from lose neither hedges nor subjects.

    A clause is taken from its first word on, which may be whose opinion it is. Its names before the
    last word taken must be kept: they are what it is about. The first clause speaks for those that
    follow it and have no name of their own.
    """
    clauses = [
        list(places) for _, places in groupby(range(len(quoted)), lambda p: quoted[p].clause)
    ]
    last_of_run = {token.run: place for place, token in enumerate(quoted)}
    leaning = any(
        not any(quoted[place].capital for place in clause if place <= min(taken & set(clause)))
        for clause in clauses[1:]
        if taken & set(clause)
    )
    for clause in clauses:
        used = taken & set(clause)
        first = clause is clauses[0]
        if not used and not first:
            if any(quoted[place].word in DOUBTS for place in clause):
                return False
            continue
        if any(quoted[place].word in HEDGES for place in set(clause) - taken):
            return False
        if used and clause[0] not in used:
            return False
        until = clause[-1] if first and leaning else max(used, default=-1)
        names = {quoted[p].run for p in clause if quoted[p].capital and p <= until}
        if not all(last_of_run[run] in taken for run in names):
            return False
    return True
