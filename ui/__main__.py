"""The command `python -m ui`: open the chat window over an index, and look after who may use it."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from index import cli
from index.cli import ChosenStore, IndexDir, Uri, settings_for
from index.errors import AccountError, IndexMissing, SettingsError
from index.settings import Settings
from rag import Assistant

if TYPE_CHECKING:
    from ui.accounts import Accounts

BUNDLED_ARTICLES = Path(__file__).resolve().parent.parent / "articles"
#: The gold questions about them.
BUNDLED_GOLD = BUNDLED_ARTICLES.parent / "eval" / "gold.jsonl"

#: Shown over the bundled articles. The last is one that the articles do not answer.
EXAMPLES = (
    "How much money goes into the recycled aluminium project in Pakistan?",
    "Who organised the mineral forum in Islamabad?",
    "Which goods does Kazakhstan mainly sell to China?",
    "How many member states does the SCO have?",
    "Who won the football World Cup in 1998?",
)

app = typer.Typer(
    cls=cli.default_command("serve", bare=True),
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Open the chat window: python -m ui [--articles DIR]. "
    "Its options: python -m ui serve --help.",
)
user = typer.Typer(help="Accounts, for a chat window that others can reach.", no_args_is_help=True)
token = typer.Typer(help="Tokens with which programs ask over HTTP.", no_args_is_help=True)
app.add_typer(user, name="user")
app.add_typer(token, name="token")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the account.")]


@app.command()
def serve(
    articles: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Over these articles alone. Else the index as it is."),
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Gold questions about the articles, JSON lines."),
    ] = None,
    index_dir: IndexDir = None,
    store: ChosenStore = None,
    uri: Uri = "",
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="To listen on; others need accounts.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 7860,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name under which browsers ask. Else RAG_HOSTS."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, help="For HTTPS, as PEM.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, help="Of the certificate.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = True,
    log: Annotated[
        str, typer.Option(metavar="plain|json", help="What to tell. Else RAG_LOG.")
    ] = "",
) -> None:
    """Open the chat window, on this computer only unless --host says otherwise.

    Where there is no index yet, one is made of the articles that come with this project.
    """
    if os.environ.get("GRADIO_VIBE_MODE"):
        raise SettingsError("GRADIO_VIBE_MODE lets a page change this program. Unset it first.")
    for name in [name for name in os.environ if name.startswith("GRADIO_")]:
        del os.environ[name]  # they would change what is decided here
    if log not in {"", "plain", "json"}:
        raise SettingsError("--log is plain or json.")
    settings = settings_for(index_dir, store, uri)
    assistant = _open(articles, index_dir, settings)

    with tempfile.TemporaryDirectory(prefix="ask-articles-") as dropped:
        # Where files lie that are dropped in, until they are taken in. Gradio's own place would be
        # the same for everybody on the machine; it is asked for when Gradio is imported.
        os.environ["GRADIO_TEMP_DIR"] = dropped

        from ui.serving import Address, opened
        from ui.window import About

        names = allow_host or [name.strip() for name in settings.hosts.split(",") if name.strip()]
        address = Address(host, port, names, certificate, key)
        bundled = any(BUNDLED_ARTICLES in Path(a.source).parents for a in assistant.articles())
        about = About(
            folder=articles.resolve() if articles else BUNDLED_ARTICLES if bundled else None,
            examples=EXAMPLES if bundled else (),
            gold=gold or (BUNDLED_GOLD if bundled else None),
        )
        with opened(assistant, address, about, log=log) as (server, shown):
            cli.errors.print(f"The chat window is at {shown} (Ctrl-C stops it).", markup=False)
            if browser:
                threading.Thread(target=webbrowser.open, args=(shown,), daemon=True).start()
            server.listen()


@user.command("add")
def add_user(
    name: Name,
    editor: Annotated[bool, typer.Option("--editor", help="May add and delete articles.")] = False,
    index_dir: IndexDir = None,
) -> None:
    """Make an account; its password is asked for, or read from standard input."""
    with _accounts(index_dir) as accounts:
        added = accounts.add(name, _password(), is_editor=editor)
    _say(f"Added {added.name}.")


@user.command("password")
def change_password(name: Name, index_dir: IndexDir = None) -> None:
    """Change a password; whoever is signed in under that name is signed out."""
    with _accounts(index_dir) as accounts:
        accounts.set_password(name, _password())
    _say(f"Changed the password of {name}.")


@user.command("list")
def list_users(index_dir: IndexDir = None) -> None:
    """List the accounts."""
    with _accounts(index_dir) as accounts:
        for found in accounts.users():
            _say(f"{found.name}  {'editor' if found.is_editor else 'reader'}")


@user.command("remove")
def remove_user(name: Name, index_dir: IndexDir = None) -> None:
    """Remove an account with its tokens and its conversations."""
    from ui.storage import Storage

    with _accounts(index_dir) as accounts:
        removed = accounts.remove(name)
        storage = Storage(settings_for(index_dir, None, "").index_dir)
        storage.delete_all(removed)
        storage.close()
    _say(f"Removed {removed}, and its conversations.")


@token.command("add")
def add_token(name: Name, index_dir: IndexDir = None) -> None:
    """Make a token for a program of theirs; it is shown only now."""
    with _accounts(index_dir) as accounts:
        print(accounts.make_token(name))


@token.command("list")
def list_tokens(index_dir: IndexDir = None) -> None:
    """List the tokens by number, without what they are."""
    with _accounts(index_dir) as accounts:
        for found in accounts.tokens():
            _say(f"{found.id}  {found.user}  {found.made:%Y-%m-%d}")


@token.command("remove")
def remove_token(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `list` shows it.")],
    index_dir: IndexDir = None,
) -> None:
    """Void a token."""
    with _accounts(index_dir) as accounts:
        accounts.remove_token(number)
    _say(f"Removed token {number}.")


@contextmanager
def _accounts(index_dir: Path | None) -> Iterator[Accounts]:
    from ui.accounts import Accounts

    accounts = Accounts(settings_for(index_dir, None, "").index_dir)
    try:
        yield accounts
    finally:
        accounts.close()


def _password() -> str:
    """Asked for twice and hidden; from a pipe, its first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    from getpass import getpass

    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise AccountError("The two differ.")
    return password


def _say(line: str) -> None:
    cli.errors.print(cli.plain(line), markup=False, highlight=False)


def _open(articles: Path | None, index_dir: Path | None, settings: Settings) -> Assistant:
    """Over the index as it is, or over a folder, or over the bundled articles.

    An index of bundled articles alone is brought up to date: its making may have been interrupted.
    """
    with cli.progress_bar("Reading articles") as progress:
        if articles is not None:
            return Assistant.over(articles, index_dir, progress=progress, settings=settings)
        with suppress(IndexMissing):
            assistant = Assistant.open(settings=settings)
            found = assistant.articles()
            if not found or not all(BUNDLED_ARTICLES in Path(a.source).parents for a in found):
                return assistant
            assistant.close()
        index_dir = None if settings.store == "milvus" else settings.index_dir
        return Assistant.over(BUNDLED_ARTICLES, index_dir, progress=progress, settings=settings)


if __name__ == "__main__":
    cli.run(app, "ui")
