"""A conversation as Markdown, and exported files read back. Knows nothing of articles.

What comes from questions, answers and articles is escaped so that a viewer shows it as it is: every
ASCII sign that can mean something to Markdown or HTML has a backslash (CommonMark 0.31, section
2.4), and white space that Markdown would change is a character reference. A citation is one line,
from which the quotation comes back to the character.
"""

from __future__ import annotations

import re
import string
from datetime import date, datetime
from pathlib import Path

from index.errors import ConversationError
from rag.conversation import Conversation, Quotation, Turn, from_json

#: GitHub makes a link of an address with @ even where it is escaped, but for a space of no width.
_NO_WIDTH = "&#8203;"
_FOREIGN = r"(?:[^!-/:-@\[-`{-~]|\\[!-/:-@\[-`{-~]|&#x[0-9a-f]{1,6};|&#8203;)*"
_CITATION = re.compile(
    rf"- \*\*(?P<number>\d{{1,6}})\*\* (?P<quote>{_FOREIGN}) \((?P<title>{_FOREIGN}); "
    rf"(?P<publisher>{_FOREIGN}); (?P<published>(?:\d{{4}}-\d\d-\d\d)?); (?P<source>{_FOREIGN}), "
    r"characters (?P<start>\d{1,12}) to (?P<end>\d{1,12})\)"
)
_BEGINNING = re.compile(
    rf"# (?P<title>{_FOREIGN})\n\nA conversation with Ask Articles, form 1, begun "
    r"(?P<started>[0-9T:.+-]+)\. `python -m rag verify FILE` checks its quotations\.\n"
)


def to_markdown(conversation: Conversation) -> str:
    """The conversation with its citations, which `from_markdown` gives back."""
    started = conversation.started.isoformat()
    lines = [
        f"# {escaped(conversation.title)}",
        f"A conversation with Ask Articles, form 1, begun {started}. "
        "`python -m rag verify FILE` checks its quotations.",
    ]
    for turn in conversation.turns:
        lines.append(f"## {escaped(turn.question)}")
        if turn.understood:
            lines.append(f"Asked as: {escaped(turn.understood)}")
        if turn.short:
            lines.append(f"**{escaped(turn.short)}**")
        lines += [escaped(part) for part in (turn.note, turn.text, turn.error) if part]
        if turn.quotations:
            lines.append("\n".join(map(_citation, turn.quotations)))
    return "\n\n".join(lines) + "\n"


def _citation(quotation: Quotation) -> str:
    return (
        f"- **{quotation.number}** {escaped(quotation.quote)} ({escaped(quotation.title)}; "
        f"{escaped(quotation.publisher)}; {quotation.published or ''}; "
        f"{escaped(quotation.source)}, characters {quotation.start} to {quotation.end})"
    )


def from_markdown(text: str) -> Conversation:
    """The questions and the quotations of what `to_markdown` wrote; answers are left out.

    Raises ConversationError, naming the line, where it is something else or was changed.
    """
    beginning = _BEGINNING.match(text)
    if not beginning:
        raise ConversationError("It is no conversation that was exported as Markdown.")
    try:
        title, started = unescaped(beginning["title"]), datetime.fromisoformat(beginning["started"])
    except ValueError as error:
        raise ConversationError("Its beginning is not as it was exported.") from error
    turns: list[tuple[str, list[Quotation]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.startswith("## "):
                turns.append((unescaped(line[3:]), []))
            elif line.startswith("- "):
                turns[-1][1].append(_quotation(line))
        except (IndexError, ValueError) as error:
            raise ConversationError(f"Line {number} is not as it was exported.") from error
    kept = (Turn(question, quotations=tuple(quoted)) for question, quoted in turns)
    return Conversation(title, tuple(kept), started)


def _quotation(line: str) -> Quotation:
    match = _CITATION.fullmatch(line)
    if not match:
        raise ValueError("it is no citation")
    return Quotation(
        int(match["number"]),
        unescaped(match["quote"]),
        int(match["start"]),
        int(match["end"]),
        unescaped(match["source"]),
        unescaped(match["title"]),
        unescaped(match["publisher"]),
        date.fromisoformat(match["published"]) if match["published"] else None,
    )


def escaped(text: str) -> str:
    """`text` as one line of Markdown that is shown as it is; `unescaped` gives it back."""
    signs = []
    for place, sign in enumerate(text):
        if sign in string.punctuation:
            signs.append(f"{_NO_WIDTH if sign == '@' else ''}\\{sign}")
        elif sign == " " and 0 < place < len(text) - 1 and text[place - 1] != " ":
            signs.append(sign)
        else:
            signs.append(sign if sign.isprintable() and sign != " " else f"&#x{ord(sign):x};")
    return "".join(signs)


def unescaped(line: str) -> str:
    """What `escaped` made `line` of. Raises ValueError where a reference is no character's."""
    return re.sub(
        r"\\([!-/:-@\[-`{-~])|&#x([0-9a-f]{1,6});|&#8203;",
        lambda found: found[1] or (_character(int(found[2], 16)) if found[2] else ""),
        line,
    )


def _character(code: int) -> str:
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError("half of a surrogate pair is no character")
    return chr(code)


def read_export(file: Path, *, max_megabytes: int) -> Conversation:
    """The conversation in a file that was exported as JSON or as Markdown.

    Raises ConversationError that names the file and the cause.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(max_megabytes * 1_000_000 + 1)
        if len(data) > max_megabytes * 1_000_000:
            raise ConversationError(f"It has more than {max_megabytes} MB.")
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return from_json(text) if text.lstrip().startswith("{") else from_markdown(text)
    except OSError as error:
        raise ConversationError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConversationError(f"{file} is not UTF-8 text, as exports are.") from error
    except ConversationError as error:
        raise ConversationError(f"{file} cannot be verified. {error}") from error
