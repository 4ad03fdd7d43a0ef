"""An earlier question asked again about another time, place, number or name. Pure.

Goes by words alone: a time takes the place of a time, what follows a preposition that of what
followed the same one, what can be counted that of what was, a name that of a name. Knows nothing of
turns, articles or models.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.leaning import (
    ASKING,
    AUXILIARIES,
    DETERMINERS,
    LEADING,
    PREPOSITIONS,
    Word,
    name_end,
    names_of,
    words_of,
)
from rag.times import END, LATER, SAYS_WHEN, TIME, at, parted

#: "The city of Lima" is Lima.
_PLACES = {"city", "country", "district", "island", "port", "province", "region", "republic",
           "state", "town", "village"}  # fmt: skip
_DOES = frozenset({"do", "does", "did"})


def is_fragment(text: str) -> bool:
    """Whether it is but a time, or a preposition with what follows, as "In 2024?" is."""
    words = words_of(text)
    if not words or len(words) > 6 or not text.endswith("?"):
        return False
    if TIME.fullmatch(text.rstrip(END)):  # "in May", which is no verb
        return True
    asks = any(word.low in ASKING | AUXILIARIES for word in words)
    return len(words) > 1 and words[0].low in PREPOSITIONS and not asks


def exchanged(earlier: str, matter: str, *, capitals: bool = True, another: bool = False) -> str:
    """The earlier question about `matter`; the two side by side where no place for it is clear.

    "" where `matter` is another thing than the earlier question asks about, as "the price" may be.
    Without `capitals` the matter may be a name all the same. `another` says that it was "the one in
    Lima", which is not the earlier one.
    """
    if leads(matter) or SAYS_WHEN.match(matter):
        matter = matter[0].lower() + matter[1:]
    time, rest = parted(matter)
    if time:
        earlier = at(earlier, time)
    return _about(earlier, rest, capitals, another) if words_of(rest) else earlier


def _about(earlier: str, matter: str, capitals: bool, another: bool) -> str:
    """The earlier question about another matter, which is no time."""
    # A time is no name, nor what follows a preposition.
    words = words_of(TIME.sub(lambda time: "." * len(time[0]), earlier))
    new = words_of(matter, within=True)
    named = any(word.name for word in new)
    if leads(matter):
        first, end = _after(earlier, words, new)
        if not end and another:
            first, end = next(iter(names_of(words)), (0, 0))
        if not end:
            return f"{earlier.rstrip(END)} {matter}?"
        return _put(earlier, words, first, end, matter[new[1].start :])
    thing = not named and new[0].low in DETERMINERS and not LATER.search(matter)
    if thing or _all_light(new) or (len(new) == 1 and new[0].low in LEADING):
        return ""
    first, end = (0, 0) if named or LATER.search(matter) else _counted(words)
    defines = all(word.light or word.name or word.low == "mean" for word in words)
    if not end and (named or (len(new) < 3 and (defines or not capitals))):
        first, end = _name_for(earlier, words, new)
    if not end:
        return f"{earlier.rstrip(END)}, {matter}?"
    owns = words[end - 1].low.endswith("'s") and not new[-1].low.endswith("'s")
    return _put(earlier, words, first, end, f"{matter}'s" if owns else matter)


def _after(earlier: str, words: Sequence[Word], new: Sequence[Word]) -> tuple[int, int]:
    """The places of what follows the same preposition and is of the new one's kind, or (0, 0).

    A name, or what begins with an article, gives way to either, a bare noun to a bare noun:
    "in Lima" is not where "in dollars" goes.
    """
    kind = _kind(new[1])
    places = [
        place
        for place, word in enumerate(words)
        if place
        and words[place - 1].low == new[0].low
        and (_kind(word) or not word.light)
        and bool(_kind(word)) is bool(kind)
    ]
    same = [place for place in places if _kind(words[place]) == kind]
    first = (same or places or [0])[0]
    return (first, _phrase_end(earlier, words, first)) if first else (0, 0)


def _kind(word: Word) -> str:
    return "name" if word.name else "article" if word.low in DETERMINERS else ""


def _phrase_end(text: str, words: Sequence[Word], first: int) -> int:
    """The place after the noun phrase that begins at `first`, without a verb that ends it."""
    if words[first].name:
        return name_end(words, first)
    end = first + 1
    while end < len(words) and text[words[end - 1].end : words[end].start].isspace():
        if words[end].light:
            break
        end = name_end(words, end) if words[end].name else end + 1
    does = any(word.low in _DOES for word in words[:first])
    ends_with_verb = does and end == len(words) > first + 2 and not words[-1].name
    return end - ends_with_verb


def _counted(words: Sequence[Word]) -> tuple[int, int]:
    """The places of what is counted: that before the verb, "copper" of "tonnes of copper"."""
    if len(words) < 4 or words[0].low != "how" or words[1].low not in {"many", "much"}:
        return 0, 0
    light = next((n for n, word in enumerate(words[2:], start=2) if word.light), len(words))
    verb = next((n for n, w in enumerate(words) if n > 2 and w.low in AUXILIARIES), light - 1)
    if light == 2 or verb == 2:
        return 0, 0
    weighed = verb > light + 1 and words[light].low == "of" and not _kind(words[light + 1])
    return (light + 1 if weighed else 2), verb


def _name_for(earlier: str, words: Sequence[Word], new: Sequence[Word]) -> tuple[int, int]:
    """The places of the name that gives way, with the words around it that the new one brings.

    That is the first, or the one beside a noun that both have: "president of Peru". (0, 0) if none.
    """
    nouns = {word.low for word in new if not word.light and not word.name}
    shared = [place for place, word in enumerate(words) if word.low in nouns]
    names = names_of(words)
    article = new[0].low in DETERMINERS
    before = [word.low for word in new[: next((n for n, w in enumerate(new) if w.name), 0)]]
    if not (names or shared) or (not shared and not article and PREPOSITIONS & {*before}):
        return 0, 0  # "exports to Russia"
    if shared:
        noun = shared[0]  # and the name beside it: "summit in Lima", "Lima summit"
        beside = [n for n in names if _all_light([*words[noun + 1 : n[0]], *words[n[1] : noun]])]
        spans = [(noun, noun + 1), *beside[:1]]
        first, end = min(begin for begin, _ in spans), max(end for _, end in spans)
        while end in shared:
            end += 1
        # "the finance minister", "China's growth rate": as a whole, where one sees its beginning.
        begin = next((n for n in range(first, 0, -1) if words[n - 1].light), first)
        owner = words[begin].low.endswith("'s")
        if owner or (begin and words[begin - 1].low in DETERMINERS):
            first = begin
    else:
        first, end = names[0]
    led_by = words[first - 1].low if first else ""
    if led_by == "between" and "and" not in {word.low for word in new}:
        return 0, 0
    articled = led_by in DETERMINERS
    link = first - 1 - articled
    if article and not shared and link > 0 and words[link].low == "of" and _noun_of(new):
        # "the president of Peru" gives way to "the mayor of Lima" as a whole.
        begin = next((n for n in range(link - 1, 0, -1) if words[n].light), 0)
        if begin < link - 1 and words[begin].low in DETERMINERS:
            return begin, end
    if article and articled:
        # "the Lima mine" is one thing; after "was", "the SCO founded" is not.
        whole = not shared and not any(word.low in AUXILIARIES for word in words[:first])
        return first - 1, max(end, _phrase_end(earlier, words, first - 1)) if whole else end
    if articled and end < len(words) and not (words[end].light or any(w.name for w in new)):
        return 0, 0  # "the Lima mine" does not become "the tin mine"
    return first, end


def _noun_of(words: Sequence[Word]) -> bool:
    """Whether it is something of another thing: "the mayor of Lima", not "the city of Lima"."""
    is_whole = len(words) < 4 or words[1].name or words[1].low in _PLACES
    return not is_whole and "of" in {word.low for word in words[2:-1]}


def _all_light(words: Sequence[Word]) -> bool:
    return all(word.light for word in words)


def leads(text: str) -> bool:
    """Whether it begins with a preposition or the like, and is said of the whole question."""
    words = words_of(text, within=True)
    return len(words) > 1 and words[0].low in LEADING


def _put(text: str, words: Sequence[Word], first: int, end: int, new: str) -> str:
    return text[: words[first].start] + new + text[words[end - 1].end :]
