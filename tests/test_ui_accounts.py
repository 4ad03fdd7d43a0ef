"""Accounts: the file they are kept in, the page where one signs in, and the commands."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from index.errors import (
    AccountError,
    SettingsError,
    StorageError,
)
from rag import Assistant
from ui.accounts import FILE_NAME, Accounts, User
from ui.serving import Address, opened
from ui.signin import COOKIE, Patience, network_of
from ui.storage import Storage

ROOT = Path(__file__).parents[1]
PASSWORD = "a long canary password"
QUESTION = {"question": "Who organised the mineral forum in Islamabad?"}


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    opened = Accounts(tmp_path)
    yield opened
    opened.close()


def test_password_is_checked_and_names_are_one_in_any_case(accounts: Accounts) -> None:
    accounts.add("Ana", PASSWORD, is_editor=True)
    assert accounts.check("ANA", PASSWORD) == User("ana", is_editor=True)
    assert accounts.check("ana", PASSWORD + "!") is None
    assert accounts.check("nobody", PASSWORD) is None
    with pytest.raises(AccountError, match="There is an account ana already"):
        accounts.add("aNa", PASSWORD)


def test_password_of_composed_letters_is_the_same_however_it_is_typed(accounts: Accounts) -> None:
    accounts.add("ana", "caf\u00e9 caf\u00e9 caf\u00e9")
    assert accounts.check("ana", "cafe\u0301 cafe\u0301 cafe\u0301") == User("ana")


@pytest.mark.parametrize(
    ("name", "password", "cause"),
    [
        ("ana", "123456789", "A password has 10 to 200 characters"),
        ("ana", "x" * 201, "A password has 10 to 200 characters"),
        ("", PASSWORD, "A name has one to 64 letters"),
        ("a b", PASSWORD, "A name has one to 64 letters"),
        ("<b>", PASSWORD, "A name has one to 64 letters"),
    ],
)
def test_name_or_password_that_cannot_be_used_is_refused(
    accounts: Accounts, name: str, password: str, cause: str
) -> None:
    with pytest.raises(AccountError, match=cause):
        accounts.add(name, password)
    assert accounts.users() == []


def test_who_changes_the_password_or_is_removed_is_signed_out(accounts: Accounts) -> None:
    ana = accounts.add("ana", PASSWORD)
    first, second = accounts.sign_in(ana, 1), accounts.sign_in(ana, 1)
    assert accounts.signed_in(first) == ana
    accounts.sign_out(first)
    assert accounts.signed_in(first) is None
    assert accounts.signed_in(second) == ana
    accounts.set_password("ana", PASSWORD + " 2")
    assert accounts.signed_in(second) is None
    third, token = accounts.sign_in(ana, 1), accounts.make_token("ana")
    assert accounts.bearer(token) == ana
    accounts.remove("ana")
    assert accounts.signed_in(third) is None
    assert accounts.bearer(token) is None


def test_one_stays_signed_in_for_so_long_only(accounts: Accounts) -> None:
    ana = accounts.add("ana", PASSWORD)
    assert accounts.signed_in(accounts.sign_in(ana, -0.01)) is None


def test_token_is_void_once_it_is_removed(accounts: Accounts) -> None:
    accounts.add("ana", PASSWORD)
    token = accounts.make_token("ana")
    (kept,) = accounts.tokens()
    assert (kept.user, accounts.bearer(token), accounts.bearer("ask_x")) == (
        "ana",
        User("ana"),
        None,
    )
    accounts.remove_token(kept.id)
    assert accounts.bearer(token) is None
    with pytest.raises(AccountError, match="no token"):
        accounts.remove_token(kept.id)


def test_file_has_no_password_and_no_secret_and_is_its_owners(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    ana = accounts.add("ana", PASSWORD)
    secrets = [PASSWORD, accounts.sign_in(ana, 1), accounts.make_token("ana")]
    accounts.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in kept
    assert [secret for secret in secrets if secret.encode() in kept] == []
    if sys.platform != "win32":
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0


def test_file_of_a_newer_release_or_of_something_else_is_named(tmp_path: Path) -> None:
    Accounts(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="newer release"):
        Accounts(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE_NAME).write_bytes(b"something else" * 1000)
    with pytest.raises(StorageError, match="cannot be used"):
        Accounts(other)


def test_each_failure_doubles_the_wait_up_to_a_bound() -> None:
    patience = Patience(most_seconds=8)
    waits = []
    for _ in range(8):
        waits.append(round(patience.seconds_until("ana")))
        patience.failed("ana")
    assert waits == [0, 0, 0, 1, 2, 4, 8, 8]
    for _ in range(1100):
        patience.failed("ana")
    assert round(patience.seconds_until("ana")) == 8
    assert patience.seconds_until("bo") == 0
    patience.forget("ana")
    assert patience.seconds_until("ana") == 0


# Over HTTP


@pytest.fixture(scope="module")
def server(
    bundled_index: Path,
    tmp_path_factory: pytest.TempPathFactory,
    assistant_over: Callable[[Path], Assistant],
) -> Iterator[tuple[str, Accounts]]:
    """A server where one must sign in, its address and its accounts."""
    folder = tmp_path_factory.mktemp("accounts") / "index"
    shutil.copytree(bundled_index, folder)
    accounts = Accounts(folder)
    accounts.add("ana", PASSWORD)
    accounts.add("ed", PASSWORD, is_editor=True)
    assistant = assistant_over(folder)
    assistant.settings = assistant.settings.model_copy(update={"require_accounts": True})
    with opened(assistant, Address(port=0)) as (running, address):
        thread = threading.Thread(target=running.listen)
        thread.start()
        yield address, accounts
        running.should_exit = True
        thread.join(timeout=20)
    accounts.close()


@pytest.fixture
def client(server: tuple[str, Accounts]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server[0], timeout=30) as client:
        yield client


def sign_in(client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
    return client.post("/signin", data={"name": name, "password": password})


def test_nobody_gets_in_without_signing_in(client: httpx.Client) -> None:
    page = client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["Location"]) == (303, "/signin?to=%2F")
    for method, path in (
        ("GET", "/"),
        ("GET", "/articles"),
        ("GET", "/v1/articles"),
        ("POST", "/v1/answer"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/metrics"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/upload"),
        ("GET", "/gradio_api/queue/data"),
        ("GET", "/theme.css"),
        ("GET", "/export/x.json"),
        ("POST", "/signout"),
    ):
        assert client.request(method, path).status_code == 401
    for path in ("/healthz", "/signin"):
        assert client.get(path).status_code == 200


def test_cookies_of_others_do_not_hide_ours(client: httpx.Client) -> None:
    secret = sign_in(client, "ana").cookies[COOKIE]
    for other in ('theme={"dark": true}', "pref=a b", "bare", "a[0]=1"):
        cookie = f"{other}; {COOKIE}={secret}"
        assert client.get("/v1/articles", headers={"Cookie": cookie}).status_code == 200


def test_accounts_that_cannot_be_read_are_told_as_such(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("accounts.sqlite cannot be used.")

    monkeypatch.setattr(Accounts, "check", fail)
    response = sign_in(client, "somebody new")
    assert (response.status_code, response.json()["detail"]) == (
        503,
        "accounts.sqlite cannot be used.",
    )


def test_large_form_is_refused_unread(client: httpx.Client) -> None:
    assert client.post("/signin", content=b"&" * 10_001).status_code == 413


def test_who_signs_in_comes_to_the_page_that_was_asked_for(client: httpx.Client) -> None:
    wanted = "/?conversation=7de4f854bb19454a958aba702bebc702"
    sent = client.get(wanted, headers={"Accept": "text/html"}).headers["Location"]
    page = client.get(sent).text
    assert f'name="to" value="{wanted}"' in page
    for to, location in (
        (wanted, wanted),
        ("/articles", "/articles"),
        ("", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/articles\r\nX: y", "/"),
    ):
        form = {"name": "ana", "password": PASSWORD, "to": to}
        assert client.post("/signin", data=form).headers["Location"] == location
        client.cookies.clear()


def test_who_signs_in_gets_a_cookie_and_in_until_signing_out(client: httpx.Client) -> None:
    response = sign_in(client, "Ana")
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    cookie = response.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert "ana" in client.get("/").text
    assert client.post("/v1/answer", json=QUESTION).json()["short"] == "China Chamber of Commerce"
    secret = client.cookies[COOKIE]
    assert client.post("/signout").headers["Location"] == "/signin"
    again = client.get("/v1/articles", headers={"Cookie": f"{COOKIE}={secret}"})
    assert again.status_code == 401


def test_behind_something_that_does_tls_the_cookie_is_for_https_only(client: httpx.Client) -> None:
    origin = str(client.base_url).replace("http:", "https:").rstrip("/")
    response = client.post(
        "/signin", data={"name": "ana", "password": PASSWORD}, headers={"Origin": origin}
    )
    assert "secure" in response.headers["Set-Cookie"].lower()


def test_reader_may_ask_but_not_change_and_not_see_the_figures(
    client: httpx.Client, server: tuple[str, Accounts]
) -> None:
    sign_in(client, "ana")
    files = [("files", ("tin.md", b"# Tin\n\nTin was found.\n"))]
    assert client.get("/v1/articles").status_code == 200
    assert client.post("/v1/articles", files=files).status_code == 403
    assert client.delete("/v1/articles/0123456789abcdef").status_code == 403
    assert client.get("/metrics").status_code == 403
    token = server[1].make_token("ed")
    with httpx.Client(base_url=server[0], timeout=30) as program:
        program.headers["Authorization"] = f"Bearer {token}"
        assert program.post("/v1/articles", files=files).json()[0]["outcome"] == "added"
        assert program.get("/metrics").status_code == 200
        program.headers["Authorization"] = f"Bearer {token}x"
        assert program.get("/v1/articles").status_code == 401


def test_what_one_keeps_another_cannot_judge(client: httpx.Client) -> None:
    sign_in(client, "ana")
    kept = client.post("/v1/answer", json={**QUESTION, "keep": True}).json()["id"]
    judged = {"answer_id": kept, "helpful": True}
    sign_in(client, "ed")
    assert client.post("/v1/feedback", json=judged).status_code == 404
    sign_in(client, "ana")
    assert client.post("/v1/feedback", json=judged).status_code == 204


def test_sign_in_page_escapes_what_it_was_given_and_keeps_no_password(client: httpx.Client) -> None:
    response = sign_in(client, "<script>alert(1)</script>", PASSWORD)
    assert response.status_code == 401
    assert "<script" not in response.text
    assert "The name or the password is wrong." in response.text
    assert PASSWORD not in response.text


def test_who_guesses_has_to_wait_and_others_have_not(client: httpx.Client) -> None:
    statuses = [sign_in(client, "guess", f"wrong {number}").status_code for number in range(6)]
    assert statuses[:2] == [401, 401]
    assert statuses[-1] == 429
    refused = sign_in(client, "guess")
    assert int(refused.headers["Retry-After"]) >= 1
    assert "Too many tries" in refused.text
    assert sign_in(client, "\uff27UESS").status_code == 429  # the same name, as it is kept


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_addresses_of_one_network_are_slowed_down_together(address: str, network: str) -> None:
    assert network_of(address) == network


# The commands


def ui(*arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ui", *arguments],
        input=said,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )


def test_commands_make_list_change_and_remove_accounts_and_tokens(tmp_path: Path) -> None:
    index = ("--index", str(tmp_path))
    assert ui("user", "add", "Ana", "--editor", *index, said=f"{PASSWORD}\n").returncode == 0
    short = ui("user", "add", "bo", *index, said="short\n")
    assert (short.returncode, short.stderr) == (2, "Error: A password has 10 to 200 characters.\n")
    assert ui("user", "list", *index).stderr == "ana  editor\n"
    token = ui("token", "add", "ana", *index).stdout.strip()
    assert token.startswith("ask_")
    assert ui("token", "list", *index).stderr.startswith("1  ana  2")
    assert ui("user", "password", "ana", *index, said=f"{PASSWORD} 2\n").returncode == 0
    accounts = Accounts(tmp_path)
    assert accounts.check("ana", f"{PASSWORD} 2") == User("ana", is_editor=True)
    assert accounts.bearer(token) == User("ana", is_editor=True)
    accounts.close()
    assert ui("token", "remove", "1", *index).returncode == 0
    storage = Storage(tmp_path)
    storage.begin("ana", "Who dug the tin?")
    assert ui("user", "remove", "Ana", *index).returncode == 0
    assert storage.conversations("ana") == []
    storage.close()
    assert ui("user", "remove", "ana", *index).returncode == 2


@pytest.mark.parametrize(
    "address",
    [
        Address("0.0.0.0"),
        Address("192.0.2.1"),
        Address("::"),
        Address(names=["ask.example"]),  # a proxy's
    ],
)
def test_what_others_reach_needs_an_account_first(assistant: Assistant, address: Address) -> None:
    class Open:
        settings = assistant.settings

        def close(self) -> None:
            pass

    with (
        pytest.raises(SettingsError, match="python -m ui user add NAME"),
        opened(Open(), address),  # type: ignore[arg-type]
    ):
        pass


def test_everywhere_needs_a_name() -> None:
    with pytest.raises(SettingsError, match="--allow-host NAME"):
        _ = Address("0.0.0.0").all_names
    assert Address("0.0.0.0", names=["a.example"]).all_names == ["a.example"]
    assert Address("192.0.2.1", names=["a.example"]).all_names == ["a.example", "192.0.2.1"]
