"""The server around the window, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import load
import pytest
from fuzz_api import fuzz
from http_client import QUESTION, TIN, Client, Serve
from served import running

from index.errors import IndexBusy, IndexDamaged, SettingsError
from index.settings import Settings
from index.syncing import sync
from rag import Assistant
from ui import __main__ as main
from ui.problems import said
from ui.serving import Address


def test_answer_over_http_quotes_exactly(client: Client) -> None:
    answer = client.post("/v1/answer", json=QUESTION).json()
    assert answer["short"] == "China Chamber of Commerce"
    assert not answer["abstained"]
    for quotation in answer["quotations"]:
        article = client.get(f"/v1/articles/{quotation['article']}").json()
        assert article["text"][quotation["start"] : quotation["end"]] == quotation["quote"]
        assert article["file"].endswith(".md")


def test_answer_as_events_ends_with_the_answer(client: Client) -> None:
    headers = {"Accept": "text/event-stream"}
    text = client.post("/v1/answer", json=QUESTION, headers=headers).text
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", text)
    names = [name for name, _ in events]
    done = json.loads(events[-1][1])
    sentences = ["sentence"] * len(done["quotations"])
    assert names == ["stage"] * names.count("stage") + sentences + ["done"]
    assert done["quotations"]
    assert done["short"] == "China Chamber of Commerce"
    bad = client.post("/v1/answer", json={"question": " "}, headers=headers).text
    (_, said) = re.findall(r"event: (\w+)\ndata: (.*)\n\n", bad)[-1]
    assert json.loads(said)["detail"] == "The question is empty."


def test_problems_are_told_as_such_with_an_id_and_without_what_was_sent(client: Client) -> None:
    for body, detail in (
        (b'{"question": " "}', "The question is empty."),
        (b'{"question": "a", "limit": 0}', "body.limit: Input should be greater than"),
        (b'{"question": "\\ud800 canary"}', "body.question: "),
        (b"[" * 100_000, ""),
        (b'{"question": "a", "publisher": "canary"}', "No article is by canary"),
    ):
        response = client.post(
            "/v1/answer", content=body, headers={"Content-Type": "application/json"}
        )
        assert response.status_code in {400, 422}
        assert response.headers["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert problem["detail"].startswith(detail)
        assert problem["request_id"] == response.headers["X-Request-ID"]


def test_file_is_uploaded_asked_about_and_deleted(client: Client) -> None:
    files = [("files", ("../../tin.md", TIN)), ("files", ("tin.exe", TIN))]
    tin, exe = client.post("/v1/articles", files=files).json()
    assert (tin["name"], tin["outcome"]) == ("../../tin.md", "added")
    assert (exe["outcome"], exe["article"]) == ("refused", None)
    asked = {"question": "How many tonnes of tin did the Orvalia mine make?"}
    assert client.post("/v1/answer", json=asked).json()["short"].startswith("4,512")
    assert {"tin.md" in a["file"] or "tin-" in a["file"] for a in client.get("/v1/articles").json()}
    deleted = client.delete(f"/v1/articles/{tin['article']}")
    assert deleted.json() == {"file_deleted": True}
    assert client.delete(f"/v1/articles/{tin['article']}").status_code == 404
    assert list((client.folder / "uploads").iterdir()) == []


def test_answer_that_is_kept_can_be_judged(client: Client) -> None:
    kept = client.post("/v1/answer", json={**QUESTION, "keep": True}).json()
    judged = {"answer_id": kept["id"], "helpful": False, "reason": "no"}
    assert client.post("/v1/feedback", json=judged).status_code == 204
    lost = client.post("/v1/answer", json=QUESTION).json()
    again = client.post("/v1/feedback", json={**judged, "answer_id": lost["id"]})
    assert again.status_code == 404


def test_many_at_once_are_all_answered_or_cleanly_refused(serve: Serve) -> None:
    async def ask_all(address: str, count: int) -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
            return await asyncio.gather(
                *(client.post("/v1/answer", json=QUESTION) for _ in range(count))
            )

    with serve(max_waiting=4) as client:
        responses = asyncio.run(ask_all(str(client.base_url), 20))
        answered = [r for r in responses if r.status_code == 200]
        refused = [r for r in responses if r.status_code == 503]
        assert len(answered) + len(refused) == 20
        assert len(answered) >= 6
        assert {r.json()["short"] for r in answered} == {"China Chamber of Commerce"}
        for response in refused:
            assert "waiting already" in response.json()["detail"]
            assert response.headers["Retry-After"] == "5"
        assert client.post("/v1/answer", json=QUESTION).status_code == 200
        figures = client.get("/metrics").text
        assert f"ask_articles_refused_as_busy {float(len(refused))}" in figures
        assert "ask_articles_waiting 0.0" in figures
        ask = load.ask_page(client.get("/").text)
        outcomes = asyncio.run(load.at_once(str(client.base_url).rstrip("/"), 50, ask))
        counts = Counter(outcome for outcome, _ in outcomes)
        assert set(counts) == {"answered", "refused"}
        assert counts["answered"] >= 6


def test_error_that_nobody_foresaw_is_told_by_its_id_only(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("/home/canary/secret: token canary")

    with serve() as client:
        monkeypatch.setattr(Assistant, "stream", fail)
        monkeypatch.setattr(Assistant, "articles", fail)
        for method, path in (("POST", "/v1/answer"), ("GET", "/v1/articles")):
            response = client.request(method, path, json=QUESTION)
            assert response.status_code == 500
            assert "canary" not in response.text
            name = response.headers["X-Request-ID"]
            assert response.json()["detail"] == f"Something went wrong (error {name})."
            assert f"Error {name}" in caplog.text
        assert "canary" in caplog.text
        assert "ask_articles_errors_total 2.0" in client.get("/metrics").text


def test_log_has_a_line_for_each_request_and_answer_but_not_the_question(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(log="json") as client:
        client.post("/v1/answer?secret=canary", json=QUESTION, headers={"X-Request-ID": "canary"})
        client.get("/export/canary")
    said = capfd.readouterr().err
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (answered,) = [line for line in lines if line["event"] == "answer" and line["request"]]
    (request,) = [line for line in lines if line.get("route") == "/v1/answer"]
    assert answered["request"] == request["request"]
    assert (request["method"], request["status"]) == ("POST", 200)
    assert set(answered["seconds"]) >= {"retrieve", "read"}
    assert "canary" not in said
    assert "Islamabad" not in said


def test_log_has_the_question_where_a_setting_asks_for_it(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve(log="json", log_questions=True) as client:
        client.post("/v1/answer", json=QUESTION)
    assert "Islamabad" in capfd.readouterr().err


def test_by_default_nothing_is_logged_while_all_is_well(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    with serve() as client:
        client.post("/v1/answer", json=QUESTION)
        client.get("/nothing")
    assert capfd.readouterr().err == ""


def test_stopping_server_says_so_and_answers_what_it_was_asked(serve: Serve) -> None:
    with serve() as client:
        end = time.monotonic() + 60  # it warms up beside what it is asked
        while client.get("/readyz").status_code != 200 and time.monotonic() < end:
            time.sleep(0.1)
        assert client.get("/readyz").status_code == 200
        statuses = []
        asking = threading.Thread(
            target=lambda: statuses.append(client.post("/v1/answer", json=QUESTION).status_code)
        )
        asking.start()
        while not client.server.gate.running:
            pass
        client.server.handle_exit(2, None)
        asking.join()
        assert statuses == [200]


def test_description_of_the_api_names_every_operation(client: Client) -> None:
    described = client.get("/v1/openapi.json").json()
    assert sorted(described["paths"]) == [
        "/v1/answer",
        "/v1/articles",
        "/v1/articles/{id}",
        "/v1/feedback",
    ]
    page = client.get("/v1").text
    for path, calls in described["paths"].items():
        for method in calls:
            assert f"<code>{method.upper()} {path}</code>" in page
    links = set(re.findall(r'<a href="#(\w+)"', page))
    assert links == set(re.findall(r'<h3 id="(\w+)"', page))


def test_follow_up_is_understood_from_what_was_asked_before(client: Client) -> None:
    asked = {"question": "And who organised it?", "history": [QUESTION]}
    answer = client.post("/v1/answer", json=asked).json()
    assert answer["question"] == "And who organised it?"
    assert "forum" in answer["understood"]


def test_who_leaves_at_once_leaves_no_place_taken(client: Client) -> None:
    body = json.dumps(QUESTION)
    for accept in ("text/event-stream", "application/json"):
        for _ in range(8):
            asked = (
                f"POST /v1/answer HTTP/1.1\r\nHost: 127.0.0.1:{client.base_url.port}\r\n"
                f"Accept: {accept}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
            address = (client.base_url.host, client.base_url.port or 80)
            with socket.create_connection(address) as connection:
                connection.sendall(asked.encode())
    gate = client.server.gate
    for _ in range(600):
        if not gate.waiting and not gate.running:
            break
        time.sleep(0.1)
    assert (gate.waiting, gate.running) == (0, 0)
    assert client.post("/v1/answer", json=QUESTION).status_code == 200


def test_random_requests_never_end_in_5xx(client: Client) -> None:
    count, found = fuzz(str(client.base_url).rstrip("/"), examples=2, seed=1)
    assert count > 20
    assert found == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_signal_ends_the_command_within_seconds_though_a_page_listens(
    name: str, tmp_path: Path, bundled_index: Path
) -> None:
    shutil.copytree(bundled_index, tmp_path / "index")
    with (
        running(tmp_path / "index") as server,
        httpx.Client(base_url=server.address, timeout=30) as client,
    ):
        with client.stream("GET", "/gradio_api/heartbeat/abc") as heard:
            assert next(heard.iter_lines()) == "data: ALIVE"
            server.process.send_signal(getattr(signal, name))
            assert server.process.wait(timeout=15) == 0
        assert [line for line in server.said if "Traceback" in line or "ERROR" in line] == []


def test_path_of_an_index_is_said_to_nobody_but_who_runs_the_server() -> None:
    error = IndexDamaged("The index in /srv/canary is damaged.")
    assert said(error, "") == str(error)
    assert said(error, "ana") == (
        "The articles cannot be read just now. The server's log has the cause."
    )
    assert said(IndexBusy("Another process writes."), "ana") == "Another process writes."


def test_certificate_that_cannot_be_used_is_refused_before_anything_listens(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("none")
    with pytest.raises(SettingsError, match="--key goes with --certificate"):
        Address(key=tmp_path / "a.pem").check_certificate()
    for name in ("a.pem", "no.pem"):
        with pytest.raises(SettingsError, match=f"{name} cannot be used as a certificate"):
            Address(certificate=tmp_path / name).check_certificate()


def test_empty_index_is_not_filled_with_the_bundled_articles(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    settings = Settings(index_dir=tmp_path / "index")
    sync(tmp_path / "articles", settings=settings)
    with main._open(None, settings.index_dir, settings) as assistant:
        assert assistant.articles() == []
