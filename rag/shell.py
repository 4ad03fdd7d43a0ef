"""The chat in a terminal, or over a pipe: a line is a question or a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console
from rich.text import Text

from index.cli import plain
from index.errors import ConversationError, QuestionError, RagError
from rag.answers import Answer
from rag.assistant import Assistant
from rag.conversation import to_json
from rag.export import to_markdown
from rag.printing import print_answer, print_sources, print_trace
from rag.talk import Talk

_HELP = """\
Ask a question; the next may lean on it: "And in dollars?", "Who said that?"
/sources       the sources of the last answer
/why           how it was found
/new           begin a new conversation
/export FILE   write this one down, as FILE.json or FILE.md
/help          this
Ctrl-D or Ctrl-C ends."""


def chat(assistant: Assistant, out: Console) -> None:
    """Answer line by line until the input ends or Ctrl-C is pressed."""
    if isinstance(sys.stdin, TextIOWrapper):  # a line that is no text must not end the chat
        sys.stdin.reconfigure(errors="surrogateescape")
    asks = sys.stdin.isatty()
    if asks:
        with suppress(ImportError):  # Windows has its own
            import readline  # noqa: F401 - gives `input` a history
        out.print(Text(_HELP, "dim"))
    shell = Shell(assistant.conversation, out)
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            shell.take(input("> " if asks else ""))
    if asks:
        out.print()


class Shell:
    """One line after another, over one conversation after another."""

    def __init__(self, begin: Callable[[], Talk], out: Console) -> None:
        self._begin = begin
        self._out = out
        self._talk = begin()
        self._last: Answer | None = None
        self._commands: dict[str, Callable[[str], None]] = {
            "/sources": self._sources,
            "/why": self._why,
            "/new": self._new,
            "/export": self._export,
            "/help": self._help,
        }

    def take(self, line: str) -> None:
        """Answer a question or obey a command. What goes wrong is said, and the next may come."""
        name, _, argument = line.strip().partition(" ")
        try:
            if name in self._commands:
                self._commands[name](argument.strip())
            elif name.startswith("/"):
                raise ConversationError(f"There is no command {name}. /help says which there are.")
            elif any("\ud800" <= sign <= "\udfff" for sign in line):
                raise QuestionError(f"This line is no text in {sys.stdin.encoding}.")
            elif line.strip():
                self._last = self._talk.ask(line)
                self._out.print()
                print_answer(self._out, self._last)
                self._out.print()
        except RagError as error:
            self._out.print(Text(f"Error: {plain(error)}", "red"))

    def _answered(self) -> Answer:
        if not self._last:
            raise ConversationError("Nothing was asked yet.")
        return self._last

    def _sources(self, _: str) -> None:
        print_sources(self._out, self._answered())

    def _why(self, _: str) -> None:
        print_trace(self._out, self._answered())

    def _new(self, _: str) -> None:
        self._talk, self._last = self._begin(), None
        self._out.print("A new conversation.")

    def _help(self, _: str) -> None:
        self._out.print(Text(_HELP))

    def _export(self, name: str) -> None:
        self._answered()
        write = {".json": to_json, ".md": to_markdown}.get(Path(name).suffix.lower())
        if not write:
            raise ConversationError("Name a file that ends with .json or .md: /export FILE.md")
        text = write(self._talk.conversation)
        try:
            with Path(name).expanduser().open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError as error:
            raise ConversationError(f"{name} exists. Choose another name.") from error
        except (OSError, RuntimeError, ValueError) as error:  # as a NUL in it, or ~ and no user
            raise ConversationError(f"{name} cannot be written: {error}.") from error
        self._out.print(Text(f"Wrote {plain(name)}. Check it with: python -m rag verify FILE"))
