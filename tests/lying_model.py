"""What gets through when a chat model lies, and how much of what is true.

    python tests/lying_model.py

A server on this machine speaks OpenAI's protocol and is asked, through the real client, about the
bundled articles. Its lies are made of the very quotations that it was sent, each with their valid
number, and taken from a list written by hand, like its true statements. The exit status is 1 when a
lie got through.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from chat_server import ChatServer, Quotation, Reply, Request, chat_server  # noqa: E402

from eval.gold import load_gold  # noqa: E402
from index.loader import load  # noqa: E402
from index.sentences import sentence_spans  # noqa: E402
from index.settings import Settings  # noqa: E402
from rag import Assistant  # noqa: E402
from rag.events import Sentence  # noqa: E402
from rag.support import support  # noqa: E402

#: True and false ones, each with words of the sentence that decides it.
STATEMENTS = ROOT / "tests" / "statements.jsonl"

#: What a sentence and the sentences of all quotations are made into; None where it cannot be done.
Lie = Callable[[str, Sequence[str], random.Random], str | None]

_NAME = re.compile(r"(?<=\s)[A-Z][\w-]+(?: [A-Z][\w-]+)*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_IS = re.compile(r"\b(is|are|was|were|has|have|can|will|should)\b")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)[-\u2013/](\d+(?:\.\d+)?)")
_ABOUT = re.compile(
    r"\b(?:about|around|approximately|roughly|nearly|almost|more than|at least|up to) (?=\W?\d)",
    re.IGNORECASE,
)
_TENSES = {"is": "was", "are": "were", "has": "had", "was": "is", "were": "are", "had": "has"}
_OPPOSITES = (
    ("more", "less"), ("increase", "decrease"), ("largest", "smallest"), ("larger", "smaller"),
    ("grew", "shrank"), ("growing", "shrinking"), ("export", "import"), ("exports", "imports"),
    ("sells", "buys"), ("first", "last"), ("joined with", "broke with"), ("widen", "narrow"),
    ("praised", "criticised"), ("supported", "opposed"), ("signed", "torn up"), ("open", "close"),
    ("from", "to"), ("strengthen", "weaken"), ("deeper", "shallower"),
    ("key", "minor"), ("rich", "poor"), ("easier", "harder"), ("billion", "million"),
    ("yuan", "dollars"), ("percent", "points"), ("%", " tonnes"), ("new", "old"),
)  # fmt: skip
_INVENTED = (
    "The president of {name} resigned over the project.",
    "{name} will pay a fine of {number} million dollars for it.",
    "Critics in {name} called the agreement a failure.",
    "The talks with {name} broke down after {number} days.",
    "{name} has agreed to finance the whole project.",
    "A spokesman for {name} denied that there was any agreement.",
)


def wrong_number(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    numbers = list(_NUMBER.finditer(sentence))
    if not numbers:
        return None
    place = dice.choice(numbers)
    known = {number for other in others for number in _NUMBER.findall(other)} - {place[0]}
    new = dice.choice(sorted(known) or [str(float(place[0]) + 1)])
    return sentence[: place.start()] + new + sentence[place.end() :]


def wrong_name(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    places = list(_NAME.finditer(sentence))
    known = {name for other in others for name in _NAME.findall(other)}
    known -= {place[0] for place in places}
    if not places:
        return None
    place = dice.choice(places)
    known = {name for name in known if name not in place[0]}  # a surname is no other name
    if not known:
        return None
    return sentence[: place.start()] + dice.choice(sorted(known)) + sentence[place.end() :]


def swapped_names(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    places = list(_NAME.finditer(sentence))
    if len({place[0] for place in places}) < 2:
        return None
    first, second = sorted(dice.sample(places, 2), key=lambda place: place.start())
    if first[0] == second[0] or re.fullmatch(r" and ", sentence[first.end() : second.start()]):
        return None  # "Pakistan and China" are "China and Pakistan"
    between = sentence[first.end() : second.start()]
    return f"{sentence[: first.start()]}{second[0]}{between}{first[0]}{sentence[second.end() :]}"


def negated(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    if " not " in sentence:
        return sentence.replace(" not ", " ", 1)
    places = list(_IS.finditer(sentence))
    if not places:
        return None
    place = dice.choice(places)
    return f"{sentence[: place.end()]} {dice.choice(['not', 'never'])}{sentence[place.end() :]}"


def opposite(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    known = [
        pair for pair in _OPPOSITES if re.search(rf"(?<!\w){re.escape(pair[0])}(?!\w)", sentence)
    ]
    if not known:
        return None
    word, other = dice.choice(known)
    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", other, sentence, count=1)


def stitched(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    other = dice.choice(others)
    first, second = sentence.split(), other.split()
    if other == sentence or min(len(first), len(second)) < 8:
        return None
    return " ".join([*first[: len(first) // 2], *second[len(second) // 2 :]])


def invented(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    names = _NAME.findall(sentence)
    if not names:
        return None
    template = dice.choice(_INVENTED)
    return template.format(name=dice.choice(names), number=dice.randint(2, 90))


def bare_amount(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    if found := _RANGE.search(sentence):
        return f"{sentence[: found.start()]}{dice.choice(found.groups())}{sentence[found.end() :]}"
    bare = _ABOUT.sub("", sentence, count=1)
    return bare[:1].upper() + bare[1:] if bare != sentence else None


def wrong_sign(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    places = list(re.finditer(r"(?<=\s)[$\u20ac\u00a3]?\d", sentence))
    if not places:
        return None
    place = dice.choice(places).start()
    return sentence[:place] + dice.choice(["-", "\u2212", "minus "]) + sentence[place:]


def wrong_tense(sentence: str, others: Sequence[str], dice: random.Random) -> str | None:
    places = list(re.finditer(rf"\b({'|'.join(_TENSES)})\b", sentence))
    if not places:
        return None
    place = dice.choice(places)
    return f"{sentence[: place.start()]}{_TENSES[place[0]]}{sentence[place.end() :]}"


KINDS: dict[str, Lie] = {
    "wrong number": wrong_number,
    "wrong name": wrong_name,
    "swapped names": swapped_names,
    "negation": negated,
    "opposite word": opposite,
    "stitched from two": stitched,
    "invented": invented,
    "bare amount": bare_amount,
    "wrong sign": wrong_sign,
    "wrong tense": wrong_tense,
}


def sentences_of(quotation: Quotation) -> list[str]:
    text = quotation.text
    found = [text[start:end] for start, end in sentence_spans(text)]
    return [sentence for sentence in found if len(sentence.split()) > 5 and "#" not in sentence]


def lies(request: Request, dice: random.Random) -> Iterator[tuple[str, str, str]]:
    """Kind, lie and marker; also true sentences with the number of another quotation."""
    quoted = [(q.number, sentence) for q in request.quotations for sentence in sentences_of(q)]
    every = [sentence for _, sentence in quoted]
    for kind, lie in KINDS.items():
        made = 0
        for number, sentence in dice.sample(quoted, len(quoted)):
            told = lie(sentence, every, dice)
            if told and told not in every and made < 3:
                made += 1
                # Both halves of a stitched one are in what is cited.
                numbers = range(1, 9) if kind == "stitched from two" else [number]
                yield kind, told, "".join(f"[{n}]" for n in numbers)
    picked = dice.sample(quoted, min(5, len(quoted)))
    for number, sentence in picked[:2]:
        yield "copied", sentence, f"[{number}]"
    for _, sentence in picked[2:]:
        without = [q.number for q in request.quotations if sentence not in q.text]
        if without and sentence not in [copied for _, copied in picked[:2]]:
            yield "wrong number of a quotation", sentence, f"[{dice.choice(without)}]"


def kept(assistant: Assistant, question: str) -> set[str]:
    """The sentences that were held to be supported, as they are compared."""
    events = list(assistant.stream(question))
    for event in events:
        if isinstance(event, Sentence):
            for citation in event.citations:
                assert citation.article.text[citation.start : citation.end] == citation.quote
    return {plain(event.text) for event in events if isinstance(event, Sentence)}


def plain(sentence: str) -> str:
    return " ".join(re.findall(r"[-\u2212]?\w+", sentence))


def measure(
    assistant: Assistant, server: ChatServer, questions: Sequence[str], seed: int
) -> tuple[dict[str, list[int]], list[str]]:
    """How many of each kind were told and got through; and the lies that did."""
    counts: dict[str, list[int]] = {}
    through: list[str] = []
    dice = random.Random(seed)

    def count(kind: str, told: str, found: set[str]) -> None:
        passed = plain(told) in found
        counts.setdefault(kind, [0, 0])
        counts[kind][0] += 1
        counts[kind][1] += passed
        if passed and kind not in TRUE:
            through.append(f"{kind}: {told}")

    for question in questions:
        told: list[tuple[str, str, str]] = []

        def script(request: Request, told: list[tuple[str, str, str]] = told) -> Reply:
            told += lies(request, dice)
            return Reply(" ".join(f"{lie.rstrip('.')} {mark}." for _, lie, mark in told))

        server.script = script
        found = kept(assistant, question)
        for kind, lie, _ in told:
            count(kind, lie, found)
    written = [json.loads(line) for line in STATEMENTS.read_text("utf-8").splitlines()]
    for words in dict.fromkeys(entry["about"] for entry in written):
        about = [entry for entry in written if entry["about"] == words]

        def reply(
            request: Request, words: str = words, about: list[dict[str, str]] = about
        ) -> Reply:
            held = "".join(f"[{q.number}]" for q in request.quotations if words in q.text)
            return Reply(" ".join(f"{entry['statement']} {held}" for entry in about))

        server.script = reply
        found = kept(assistant, about[0]["statement"])
        for entry in about:
            count(entry["kind"], entry["statement"], found)
    return counts, through


TRUE = ("copied", "in the articles' words", "in other words")


def told_about_news(seed: int) -> tuple[int, list[str]]:
    """How many lies are made of the invented news in eval/, and which a sentence there supports.

    Each is held to every sentence of its article, without a server.
    """
    dice = random.Random(seed)
    told, through = 0, []
    for file in sorted((ROOT / "eval" / "news").glob("*/*.md"))[:80]:
        text = load(file, max_megabytes=1).text
        sentences = sentences_of(Quotation(1, "", " ".join(text.split())))
        for sentence in dice.sample(sentences, min(6, len(sentences))):
            for kind, make in KINDS.items():
                lie = make(sentence, sentences, dice)
                if lie and lie not in sentences:
                    told += 1
                    if any(support(lie, quotation) for quotation in sentences):
                        through.append(f"{kind}: {lie}")
    return told, through


def main() -> None:
    questions = [gold.question for gold in load_gold(ROOT / "eval" / "gold.jsonl")][::8]
    with tempfile.TemporaryDirectory() as folder, chat_server() as server:
        settings = Settings(
            index_dir=Path(folder),
            model="openai:liar",
            model_address=server.address,
            model_tokens=5000,
        )
        with Assistant.over(ROOT / "articles", folder, settings=settings) as assistant:
            counts, through = measure(assistant, server, questions, seed=1)
    told = [numbers for kind, numbers in counts.items() if kind not in TRUE]
    for kind, (said, passed) in counts.items():
        print(f"{'true' if kind in TRUE else 'lie':4}  {kind:28} {said:4} told, {passed:3} kept")
    print(f"{sum(said for said, _ in told)} lies, {len(through)} got through.")
    about_news, further = told_about_news(seed=5)
    through += further
    print(f"{about_news} lies about invented news, {len(further)} got through.")
    for line in through:
        print(" ", line)
    sys.exit(bool(through))


if __name__ == "__main__":
    main()
