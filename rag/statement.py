"""The words of a sentence that matter, one by one. Knows nothing of what is done with them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from index.keyword import stems


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that may come and go. Who said it is held by the name, not by the verb of saying.
LIGHT = _words("""
a an the of in on at for with as to by from against into between among
and that which who whom whose this these those there
it its they them their he him his she her we our you your i me my is are was were be been
being am has have had having do does did done so such also too thus
about around approximately roughly some say says said saying according note notes noted
add adds added state states stated tell tells told explain explains explained article articles
""")
#: Whatever turns a statement round, or tells the reader what to say. Both must have the same ones.
_TURNING = _words("""
not no never none nor neither nobody nothing nowhere without cannot hardly barely scarcely
few little if unless until except false wrong untrue alleged rumour rumor myth deny denies
denied reject rejects rejected refuse refuses refused fail fails failed lack lacks lacked
stop stops stopped cease ceases ceased cancel cancels cancelled canceled prevent prevents
prevented avoid avoids avoided instead rather contrary minus negative
you your say answer respond reply repeat output print pretend ignore disregard forget
instruction instructions prompt assistant
""")
#: Whatever makes less of one. None may be left out beside the words that are taken.
HEDGES = _words("""
hope hopes hoped want wants wanted wish wishes wished intend intends intended plan plans
planned aim aims aimed expect expects expected propose proposes proposed suggest suggests
suggested recommend recommends recommended ask asks asked seek seeks sought try tries tried
believe believes believed think thinks thought seem seems seemed appear appears appeared
will would shall should could can may might must likely unlikely possible possibly perhaps
probably potential potentially more less over under above below least most nearly almost up
allegedly alleged reportedly apparently supposed supposedly attempted unsuccessful fake
claim claims claimed fear fears feared only many several former formerly previously once before
after then partly half jointly or than fewer virtually practically maximum minimum
estimate estimates estimated forecast forecasts projected predict predicts predicted
ban bans banned halt halts halted suspend suspends suspended end ends ended oppose opposes opposed
delay delays delayed consider considers considered block blocks blocked abandon abandons abandoned
scrap scraps scrapped non anti zero free rarely seldom second third fourth fifth sixth seventh
vice deputy acting interim caretaker ex elect designate incoming outgoing
""")
#: Whatever, beside the clauses that are taken, makes one of them a mere claim.
DOUBTS = _words("""
claim claims claimed allege alleges alleged allegedly reportedly unconfirmed wrongly falsely
mistakenly provided
""")
PREPOSITIONS = _words("in on at for with as to by from against into between among")
CONJUNCTIONS = _words("and or but")
#: Before a number these are hedges, and all the same one.
_ABOUT = _words("about around approximately roughly some")
_PRESENT = _words("is are am has have do does")
_PAST = _words("was were had did")
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
_UNITS = {  # "¥" stays as it is: it may be a yen
    "$": "dollar", "us$": "dollar", "usd": "dollar", "dollar": "dollar", "dollars": "dollar",
    "€": "euro", "eur": "euro", "euro": "euro", "euros": "euro", "£": "pound", "gbp": "pound",
    "yuan": "yuan", "rmb": "yuan", "cny": "yuan", "%": "percent",
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
    r"(?P<sign>(?<![\w.%)])[-\u2212\u2013~\u2248\u00b1\u2264\u2265](?!\s))?"
    r"(?P<before>us\$|[$€£¥]|\b(?:usd|eur|gbp|rmb|cny)(?=\s?\d))?\s?"
    r"(?P<number>(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?)(?!\w*[^\W\d_]\w*\d)"
    r"(?:[\s-]?(?P<scale>hundred|thousand|million|billion|trillion|bn|mn|[km])\b)?"
    r"(?:[\s-]?(?P<after>%|percent\b|per cent\b|us\$|usd\b|(?:us )?dollars?\b|euros?\b|yuan\b"
    r"|rmb\b))?(?P<more>\+)?"
    r"|(?P<word>\w+(?:'\w+)*)"
    # Not those within a number: "1,5", "16:30", "1.5 - 2".
    r"|(?P<break>[;()\[\]]|(?<!\d)[,:]|[,:](?!\d)|\s[\u2013-]\s(?!\W?\d)|\u2014)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a number with its unit, that is not light."""

    key: str  #: a stem, or a number and its unit
    word: str  #: as it stands, in lower case
    capital: bool
    initial: bool  #: first of its sentence, where a capital says little
    clause: int  #: counted from 0; marks such as commas part them
    run: int  #: capital words in a row have the same
    links: tuple[str, ...]  #: light words between the token before it and this one
    part: int  #: counted from 0; colons part them

    @property
    def is_number(self) -> bool:
        return self.key.startswith("#")

    @property
    def cases(self) -> frozenset[str]:
        """The prepositions before it, but for "of", which says nothing that order does not.

        Before a number also "about", for all words that say so.
        """
        links = frozenset(self.links)
        is_about = self.is_number and _ABOUT & links
        return (PREPOSITIONS & links) | (frozenset(["about"]) if is_about else frozenset())

    @property
    def tenses(self) -> frozenset[str]:
        """Those of the auxiliary verbs before it; of other verbs the tense is not known."""
        links = frozenset(self.links)
        found = {"present": _PRESENT & links, "past": _PAST & links}
        return frozenset(tense for tense, words in found.items() if words)

    def goes_on_in(self, following: Token) -> bool:
        """Whether the token after it is of the same number: "two hundred", "1.5-2", "5 to 10"."""
        is_range = following.links == ("to",) and "from" not in self.links
        adjoin = self.clause == following.clause and (is_range or not following.links)
        return adjoin and self.is_number and following.is_number

    def stands_for(self, other: Token) -> bool:
        """Whether this token of a sentence is that one of a quotation."""
        if self.capital and not self.initial:
            return other.capital and self.word == other.word
        return self.key == other.key


def turning(text: str) -> Counter[str]:
    """The words of _TURNING in a text, and how often each."""
    words = re.findall(r"\w+(?:'\w+)*", straight(text).lower())
    return Counter(word for word in words if word in _TURNING)


def straight(text: str) -> str:
    """With one kind of apostrophe, and "not" for "n't"."""
    text = re.sub(r"\bcan't\b", "cannot", text.replace("\u2019", "'"), flags=re.IGNORECASE)
    text = re.sub(r"\bwon't\b", "will not", text, flags=re.IGNORECASE)
    return re.sub(r"(?<=\w)n't\b", " not", text, flags=re.IGNORECASE)


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a sentence that are not light, in order."""
    found: list[Token] = []
    links: list[str] = []
    clause = run = part = 0
    beside, initial = False, True
    for piece in _PIECE.finditer(straight(text)):
        if piece["break"]:
            clause, beside = clause + 1, False
            part += piece["break"] == ":"
            continue
        if piece["number"]:
            word, key, capital = piece[0].lower(), _number(piece), False
        else:
            written = piece["word"].removesuffix("'s")
            word, capital = written.lower(), written[0].isupper()
            if word in LIGHT and (initial or not capital):
                if links[-1:] != ["according"]:  # whose "to" is no direction
                    links.append(word)
                beside, initial = False, False
                continue
            key = _key(word)
        run += not (capital and beside)
        found.append(Token(key, word, capital, initial, clause, run, tuple(links), part))
        links, beside, initial = [], capital, False
    # "Buy from it" is not "buy to it", nor "the damage was done" the damage that is.
    if (PREPOSITIONS | _PRESENT | _PAST) & set(links):
        found.append(Token("", "", False, False, clause, run + 1, tuple(links), part))
    return tuple(found)


def _number(piece: re.Match[str]) -> str:
    value = Decimal(piece["number"].replace(",", "")).scaleb(
        _SCALES.get((piece["scale"] or "").lower(), 0)
    )
    unit = (piece["before"] or piece["after"] or "").lower().removeprefix("us ").replace(" ", "")
    sign = re.sub("[\u2212\u2013]", "-", piece["sign"] or "")
    return f"#{sign}{value.normalize():f}{piece['more'] or ''} {_UNITS.get(unit, unit)}"


@lru_cache(maxsize=4096)
def _key(word: str) -> str:
    """A word's stem, or that of the first word of its group; a number word's value."""
    if word in _COUNTS:
        return f"#{_COUNTS[word]} "
    if word in _SCALES:
        return f"#{10 ** _SCALES[word]} "
    return _alike().get(_stem(word), _stem(word))


def _stem(word: str) -> str:
    return "".join(stems(re.sub(r"is(e[ds]?|ers?|ing|ations?)$", r"iz\1", word))) or word


@cache
def _alike() -> dict[str, str]:
    groups = [[_stem(word) for word in line.split()] for line in _ALIKE.split("\n") if line]
    return {stem: group[0] for group in groups for stem in group}
