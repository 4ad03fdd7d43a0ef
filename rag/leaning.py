"""Whether a question leans on what was said before it, and with which words. Pure.

Goes by words alone: pronouns for which nothing earlier in the question can stand, openings such as
"what about", and questions that lack what they ask about. Knows nothing of articles or models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ASKING = _set("who whom whose what which where when why how who's what's where's when's how's")
AUXILIARIES = _set(
    "is are was were be been being do does did has have had can could will would shall should may "
    "might must isn't aren't wasn't weren't don't doesn't didn't won't"
)
PREPOSITIONS = _set("of in on for with between at from to by about during within under since")
#: What begins with one of these is said of a whole question.
LEADING = PREPOSITIONS | _set(
    "according after against as because before besides compared despite except if into like "
    "measured near not outside over per than through towards unless until via when while without"
)
PERSONS, THINGS, MANY = _set("he she him her his"), _set("it its"), _set("they them their")
PRONOUNS = PERSONS | THINGS | MANY | {"there"}
OWNERS = _set("his her its their")
DETERMINERS = _set("the a an this that these those") | OWNERS
#: What says nothing of the matter.
LIGHT = (
    (ASKING | AUXILIARIES | PREPOSITIONS | PRONOUNS | DETERMINERS)
    | _set("and or but so also then too as here one ones i me my we us our you your not no now if")
    | _set("many much more most any all some into than else other others exactly only just please")
)
#: A clause begins with one of these, or with what one of these verbs is followed by.
_CLAUSES = _set(
    "and but or so if when while where before after because once since until although though that "
    "which who what how why"
)
_SAYING = _set("says said say thinks think thought believes believe hopes hope")
_LINKS = _set("of for and the on with de al ur uz")  # within a name, such as Bank of China

OPENING = re.compile(r"^(?:(?:and|but|so|or|ok|okay|then|also)\b[\s,]*)+", re.IGNORECASE)
WHAT_ABOUT = re.compile(r"^(?:what|how)\s+(?:about|of)\b\s*", re.IGNORECASE)
#: "it" that stands for nothing, or for what follows.
_EMPTY_IT = re.compile(
    r"\bit\s+(?:(?:\w+\s+)?(?:costs?|takes?|safe|true|possible|easy|hard|difficult|legal|better|"
    r"important|likely|known|said|expected|worth|become)\b.*\b(?:to|that|when|if)\b"
    r"|(?:next\s+|time\s+)?to\b|\w+\s+(?:years|months|weeks|days)\b|rain)",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"(?:\b(?:in|at|of|about|for|by|from|on|with|to|after|before|like|than|is|was|are|were|does|did|"
    r"do)\s+that\b(?!\s+of\b)"
    r"|\bthat\s*\?*$|^that\b|\bthis\b(?!\s+(?:year|month|week|decade|century|time))"
    r"|\b(?:these|those)\b(?!\s+(?:who|that|which|of|from|in|days))|\bsaid\s+so\b"
    r"|\b(?:the|which|what|any|another|other|first|second|third|last|next)\s+ones?\b(?!-)"
    r"(?=\W*$|\s+(?:in|of|at|on|from|about|be|is|was|are|were|does|did|do|has|have|will|would)\b)"
    r"|\b(?:the|between|of)\s+(?:latter|former|others|rest|two)\b(?=\W*$|\s+(?:is|was|are|were)\b"
    r"|\s+worth\b))",
    re.IGNORECASE,
)
_ELSE = re.compile(r"\belse\b|\bthe\s+other\s+\w+\W*$", re.IGNORECASE)
_VIEW = _set("view opinion eyes words")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, at `[start, end)`."""

    text: str
    start: int
    end: int
    name: bool  #: it is written as a name
    low: str  #: in lower case

    @property
    def light(self) -> bool:
        return self.low in LIGHT and not self.name


def words_of(text: str, *, within: bool = False) -> list[Word]:
    """The words of a text; the first is a name by its capital only `within` a sentence."""
    found: list[Word] = []
    for match in re.finditer(r"\w+(?:[\u2019'.-]\w+)*", text):
        low = match[0].lower().replace("\u2019", "'")
        shout = len(low) > 1 and match[0].isupper()
        name = shout or ((within or bool(found)) and match[0][0].isupper() and low not in LIGHT)
        found.append(Word(match[0], *match.span(), name, low))
    return found


def name_end(words: Sequence[Word], place: int) -> int:
    """The place after the name that begins at `place`; that place itself where none does."""
    if not words[place].name:
        return place
    end = place + 1
    while end < len(words):
        linked = words[end].low in _LINKS and end + 1 < len(words) and words[end + 1].name
        if not words[end].name and not linked:
            break
        end += 1 + linked
    return end


def names_of(words: Sequence[Word]) -> list[tuple[int, int]]:
    """The places `(first, end)` of names."""
    found: list[tuple[int, int]] = []
    for place in range(len(words)):
        if words[place].name and (not found or place >= found[-1][1]):
            found.append((place, name_end(words, place)))
    return found


def leaning_pronoun(question: str) -> Word | None:
    """The first pronoun for which nothing in the question itself can stand.

    For "it" or "them" that is a name or a noun of an earlier clause, since in one clause two such
    words mean two things (Chomsky 1981, principle B); for "its" a noun before it or a subject after
    it.
    """
    words = words_of(question)
    empty = _EMPTY_IT.search(question)
    earlier, clause = False, False  # whether a noun stands in an earlier clause, or in this one
    for place, word in enumerate(words):
        before = words[place - 1] if place else None
        after = words[place + 1] if place + 1 < len(words) else None
        pronoun = word.low in PRONOUNS and not word.name
        if before and _begins_clause(before, word, after, question[before.end : word.start]):
            earlier, clause = earlier or clause, False
        if not pronoun:
            clause = clause or word.name or _is_noun(before, word, after)
        elif word.low == "there":
            exists = any(near and near.low in AUXILIARIES for near in (before, after))
            if not (earlier or clause or (exists and after)):
                return word
        elif word.low in OWNERS and after and not after.light:
            if after.low in _VIEW or not (earlier or _owned(words, place)):
                return word
        elif not (earlier or (empty and empty.start() == word.start)):
            return word
    return None


def _begins_clause(before: Word, word: Word, after: Word | None, between: str) -> bool:
    if word.low in _CLAUSES or re.search(r"[,:;]| [-\u2013\u2014] ", between):
        return True
    if before.low in _SAYING or word.low in _SAYING:
        return word.low not in PREPOSITIONS and not (after and after.low in PREPOSITIONS)
    # "the gearbox it got": a noun, a pronoun and a verb
    verb = after is not None and (not after.light or after.low in AUXILIARIES)
    return word.low in PRONOUNS and not word.name and not before.light and verb


def _is_noun(before: Word | None, word: Word, after: Word | None) -> bool:
    """Whether it is a noun beyond doubt: after an article, or before a relative clause."""
    articled = before is not None and before.low in {"the", "a", "an", "those"}
    return not word.light and (
        articled or (after is not None and after.low in {"who", "that", "which"})
    )


def _owned(words: Sequence[Word], place: int) -> bool:
    """Whether a possessive has an owner in its own clause."""
    rest = words[place + 1 :]
    verb = next((n for n, word in enumerate(rest) if word.low in AUXILIARIES), len(rest))
    subject_after = any(not word.light for word in rest[verb + 1 :])
    whose = words[0].low in {"who", "whose"} and words[place].low == "their"
    return subject_after or whose or sum(not word.light for word in words[:place]) > 1


def points_back(question: str) -> bool:
    """Whether "that", "those", "the one" or the like mean something outside the question."""
    found = _POINTING.search(question)
    if not found:
        return False
    words = [word for word in words_of(question) if word.start < found.start()]
    if found[0].lower().endswith(("one", "ones", "two", "former", "latter", "others")):
        return not any(word.name for word in words)
    clauses = any(word.low in _CLAUSES for word in words[1:])
    return not (clauses and any(word.name for word in words))


def lacks_its_matter(question: str, said: str) -> bool:
    """Whether it asks without saying about what, as "Where?" and "How much in dollars?" do.

    One or two words of content are enough to stand alone where `said` does not hold them.
    """
    words = words_of(question)
    content = [word for word in words if not word.light]
    asks = any(word.low in ASKING for word in words)
    states = any(word.low in AUXILIARIES for word in words)
    if words and (not content or (_ELSE.search(question) and len(content) < 3)):
        return True
    if any(word.name for word in words):  # "In Pakistan?"
        return question.endswith("?") and not asks and not states and all(w.name for w in content)
    if len(content) > 2 or not asks:
        return False
    if len(content) == 1 and not states:
        return True
    first = words.index(content[0])
    if states and words[first - 1].low in AUXILIARIES and len(content) == len(words) - first:
        return False  # "What is digital trade?"
    heard = {word.low[:5] for word in words_of(said)}
    return 2 * sum(word.low[:5] in heard for word in content) >= len(content)
