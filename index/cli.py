"""What the commands of all folders share: how they fail, show progress and print foreign text."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperGroup

from index.errors import RagError, SettingsError
from index.settings import Settings, load_settings

errors = Console(stderr=True, soft_wrap=True)

BAD_USE = 2
#: Persian and Hindi are written with them.
_JOINERS = "\u200c\u200d"


class StoreName(StrEnum):
    """What `--store` takes."""

    LOCAL = "local"
    MILVUS = "milvus"


IndexDir = Annotated[
    Path | None,
    typer.Option("--index", metavar="DIR", help="Folder of the index. Else RAG_INDEX_DIR."),
]
ChosenStore = Annotated[
    StoreName | None, typer.Option("--store", help="Where articles are kept. Else RAG_STORE.")
]
Uri = Annotated[
    str,
    typer.Option(
        help="Of Milvus: http://HOST:PORT or a path that ends with .db. Else RAG_STORE_URI."
    ),
]


def settings_for(index_dir: Path | None, store: StoreName | None, uri: str) -> Settings:
    """The settings of this environment, but for what was said on the command line."""
    settings = load_settings()
    chosen = store or (StoreName.LOCAL if index_dir else StoreName(settings.store))
    if index_dir and chosen is StoreName.MILVUS:
        raise SettingsError("--index is a folder of the local store; Milvus is found by --uri.")
    if uri and chosen is StoreName.LOCAL:
        raise SettingsError("--uri is the address of Milvus; say --store milvus, too.")
    return settings.model_copy(
        update={
            "index_dir": index_dir or settings.index_dir,
            "store": chosen.value,
            "store_uri": uri or settings.store_uri,
        }
    )


def run(app: typer.Typer, name: str) -> NoReturn:
    """Run a command and end; an error that a user may meet is one line and exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a pipe on Windows cannot take every character
            stream.reconfigure(errors="replace")
    status: object = 0
    try:
        app(prog_name=f"python -m {name}")
    except SystemExit as end:
        status = end.code
    except RagError as error:
        errors.print(f"Error: {error}", style="red", markup=False, highlight=False)
        status = BAD_USE
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    # All that must be closed is closed, and Python would take torch apart for 0.6 seconds.
    os._exit(status if isinstance(status, int) else 0)


def default_command(
    name: str, *, bare: bool = False, flags: Sequence[str] = ()
) -> type[TyperGroup]:
    """A group in which `name` may be left out: what is no other command is its argument.

    With `bare`, no arguments at all mean that command, too. A command among `flags` may be written
    as an option, before or after its own.
    """

    class WithDefault(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            for flag in flags:
                if f"--{flag}" in args:
                    args = [flag, *(arg for arg in args if arg != f"--{flag}")]
            if (args and args[0] not in self.commands and args[0] != "--help") or (
                bare and not args
            ):
                args = [name, *args]
            return super().parse_args(ctx, args)

    return WithDefault


def plain(value: object) -> str:
    """As text in one line that moves no cursor: line breaks become spaces, and control characters,
    as in a file's name, are shown as ?."""
    return "".join(
        sign
        if sign.isprintable() or sign in _JOINERS or unicodedata.category(sign) == "Zs"
        else " "
        if sign.isspace()
        else "?"
        for sign in str(value)
    )


@contextmanager
def progress_bar(what: str) -> Iterator[ProgressBar]:
    """A bar on standard error that appears with the first step; silent when that is no screen."""
    with Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[name]}", markup=False),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    ) as bar:
        yield ProgressBar(bar)


class ProgressBar:
    """Called with the number of steps done, of all steps, and a name for the last one."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=None, visible=False, name="")

    def __call__(self, done: int, total: int, name: str) -> None:
        self._bar.update(self._task, completed=done, total=total, visible=True, name=plain(name))
