"""Whether one sentence says nothing but what a quotation says. Pure; knows nothing of models.

The sentence must be made of the quotation's own words, in its order. That is less than a reader of
English would allow, and on purpose: a false sentence that passes costs more than a true one that is
dropped. `python tests/lying_model.py` measures both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache
from itertools import groupby, pairwise

from index.keyword import stems


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that may come and go. Who said it is held by the name, not by the verb of saying.
_LIGHT = _words("""
a an the of in on at for with as to by and that which who whom whose this these those there
it its they them their he him his she her we our you your i me my is are was were be been
being am has have had having do does did done so such also too then thus
about around approximately roughly some say says said saying according note notes noted
add adds added state states stated tell tells told explain explains explained article articles
""")
#: Whatever turns a statement round. Both must have the same ones.
_TURNING = _words("""
not no never none nor neither nobody nothing nowhere without cannot hardly barely scarcely
few little if unless until except false wrong untrue alleged rumour rumor myth deny denies
denied reject rejects rejected refuse refuses refused fail fails failed lack lacks lacked
stop stops stopped cease ceases ceased cancel cancels cancelled canceled prevent prevents
prevented avoid avoids avoided instead rather contrary
""")
#: Whatever makes less of one. None may be left out beside the words that are taken.
_HEDGES = _words("""
hope hopes hoped want wants wanted wish wishes wished intend intends intended plan plans
planned aim aims aimed expect expects expected propose proposes proposed suggest suggests
suggested recommend recommends recommended ask asks asked seek seeks sought try tries tried
believe believes believed think thinks thought seem seems seemed appear appears appeared
will would shall should could can may might must likely unlikely possible possibly perhaps
probably potential potentially more less over under above below least most nearly almost up
only many several former formerly previously once before after partly half jointly or than
""")
#: Before a name they tell who did what to whom.
_LEADS = _words("to from by against into than before after over under")
#: Words, a group a line, that say the same in news of any kind.
_ALIKE = """
percent percentage
nation country
firm company enterprise
begin began begun start started
build built construct
show showed shown
large big
purchase buy bought
assist help
organisation organization
aluminium aluminum
million mn
amount sum
chairman chairperson
come came
hold held
sell sold
make made
give gave given
grow grew grown
rise rose risen
fall fell fallen
speak spoke spoken
become became
meet met
"""
_UNITS = {
    "$": "dollar", "us$": "dollar", "usd": "dollar", "dollar": "dollar", "dollars": "dollar",
    "€": "euro", "eur": "euro", "euro": "euro", "euros": "euro", "£": "pound", "gbp": "pound",
    "¥": "yuan", "yuan": "yuan", "rmb": "yuan", "cny": "yuan", "%": "percent",
    "percent": "percent",
}  # fmt: skip
_SCALES = {"hundred": 2, "thousand": 3, "k": 3, "million": 6, "m": 6, "mn": 6,
           "billion": 9, "bn": 9, "trillion": 12}  # fmt: skip
_COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip

_PIECE = re.compile(
    r"(?P<before>us\$|[$€£¥]|\b(?:usd|eur|gbp|rmb|cny)(?=\s?\d))?\s?"
    r"(?P<number>(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?)(?!\w*[^\W\d_]\w*\d)"
    r"(?:[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|bn|mn|[km])\b)?"
    r"(?:[\s-]?(?P<after>%|percent\b|per cent\b|us\$|usd\b|(?:us )?dollars?\b|euros?\b|yuan\b"
    r"|rmb\b))?"
    r"|(?P<word>\w+(?:'\w+)*)"
    r"|(?P<break>[,;:()\[\]]|\s[\u2013-]\s|\u2014)",
    re.IGNORECASE,
)
_FEWEST = 3  #: words that are not light


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, or a number with its unit, that is not light."""

    key: str  #: a stem, or a number and its unit
    word: str  #: as it stands, in lower case
    capital: bool
    initial: bool  #: first of its sentence, where a capital says little
    clause: int  #: counted from 0; marks such as commas part them
    run: int  #: capital words in a row have the same
    lead: str  #: a word of _LEADS before a name

    @property
    def is_number(self) -> bool:
        return self.key.startswith("#")

    def stands_for(self, other: _Token) -> bool:
        """Whether this token of a sentence is that one of a quotation."""
        if self.lead != other.lead and (self.capital or other.capital):
            return False
        if self.capital and not self.initial:
            return other.capital and self.word == other.word
        return self.key == other.key


def support(sentence: str, quotation: str) -> float:
    """How much of the quotation the sentence says, in (0, 1]; 0 where it says anything else.

    Held to it are every number with its unit, every name, every other word by its stem, the order
    of all of them, negations, hedges such as "hopes" or "more than", and the names of those whom a
    clause is about.
    """
    if sentence.split() == quotation.split():
        return 1.0
    said, quoted = _tokens(sentence), _tokens(quotation)
    if len(said) < _FEWEST or _turning(sentence) != _turning(quotation):
        return 0.0
    for matched in _alignments(said, quoted):
        taken = {place for _, place in matched}
        if _names_are_whole(matched, quoted) and _leaves_nothing_out(taken, quoted):
            return len(taken) / len(quoted)
    return 0.0


def _alignments(
    said: Sequence[_Token], quoted: Sequence[_Token]
) -> Iterator[list[tuple[_Token, int]]]:
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
    said: Sequence[_Token], quoted: Sequence[_Token], step: int
) -> Iterator[list[tuple[_Token, int]]]:
    """One alignment at most: the earliest with a step of 1, the latest with one of -1."""
    places = iter(range(len(quoted))[::step])
    matched = []
    for token in said[::step]:
        place = next((place for place in places if token.stands_for(quoted[place])), None)
        if place is None:
            return
        matched.append((token, place))
    yield matched[::step]


def _names_are_whole(matched: Sequence[tuple[_Token, int]], quoted: Sequence[_Token]) -> bool:
    """Whether no name is put together from two: what is one in the sentence is one there."""
    return all(
        place + 1 == following and quoted[place].run == quoted[following].run
        for (token, place), (after, following) in pairwise(matched)
        if token.capital and after.capital and token.run == after.run
    )


def _leaves_nothing_out(taken: set[int], quoted: Sequence[_Token]) -> bool:
    """Whether the clauses that the sentence is taken from lose neither hedges nor subjects.

    Of a clause the names before the last word taken must be kept: they are what it is about. The
    first clause speaks for those that follow it and have no name of their own.
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
            continue
        if any(quoted[place].word in _HEDGES for place in set(clause) - taken):
            return False
        until = clause[-1] if first and leaning else max(used, default=-1)
        names = {quoted[p].run for p in clause if quoted[p].capital and p <= until}
        if not all(last_of_run[run] in taken for run in names):
            return False
    return True


def _turning(text: str) -> Counter[str]:
    """The words of _TURNING in a text, and how often each."""
    words = re.findall(r"\w+(?:'\w+)*", _straight(text).lower())
    words = ["not" if word.endswith("n't") else word for word in words]
    return Counter(word for word in words if word in _TURNING)


def _straight(text: str) -> str:
    """With one kind of apostrophe."""
    return text.replace("\u2019", "'")


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[_Token, ...]:
    """The tokens of a sentence that are not light, in order."""
    found: list[_Token] = []
    clause = run = 0
    lead, beside, initial = "", False, True
    for piece in _PIECE.finditer(_straight(text)):
        if piece["break"]:
            clause, lead, beside = clause + 1, "", False
            continue
        if piece["number"]:
            word, key, capital = piece[0].lower(), _number(piece), False
        else:
            written = re.sub(r"'s$", "", piece["word"])
            word, capital = written.lower(), written[0].isupper()
            if word in _LIGHT and (initial or not capital):
                lead = word if word in _LEADS else ""
                beside, initial = False, False
                continue
            key = _key(word)
        run += not (capital and beside)
        found.append(_Token(key, word, capital, initial, clause, run, lead if capital else ""))
        lead = lead if capital else ""
        beside, initial = capital, False
    return tuple(found)


def _number(piece: re.Match[str]) -> str:
    value = Decimal(piece["number"].replace(",", "")).scaleb(
        _SCALES.get((piece["scale"] or "").lower(), 0)
    )
    unit = (piece["before"] or piece["after"] or "").lower().removeprefix("us ").replace(" ", "")
    return f"#{value.normalize():f} {_UNITS.get(unit, unit)}"


@lru_cache(maxsize=4096)
def _key(word: str) -> str:
    """A word's stem, or that of the first word of its group; a number word's value."""
    if word in _COUNTS:
        return f"#{_COUNTS[word]} "
    return _alike().get(_stem(word), _stem(word))


def _stem(word: str) -> str:
    return "".join(stems(re.sub(r"is(e[ds]?|ers?|ing|ations?)$", r"iz\1", word))) or word


@cache
def _alike() -> dict[str, str]:
    groups = [[_stem(word) for word in line.split()] for line in _ALIKE.split("\n") if line]
    return {stem: group[0] for group in groups for stem in group}
