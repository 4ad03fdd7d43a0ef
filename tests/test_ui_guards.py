"""What the server refuses: other names, other sites, other paths, and too much."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_client import QUESTION, Client, Serve


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "[::2]"]
)
def test_other_names_get_400(client: Client, host: str) -> None:
    for path in ("/", "/v1/articles", "/gradio_api/queue/data", "/healthz", "/nothing"):
        assert client.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_pages_of_other_sites_get_403(client: Client, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/v1/answer"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/queue/data"),
        ("GET", "/v1/articles"),
        ("DELETE", "/v1/articles/0123456789abcdef"),
        ("POST", "/gradio_api/upload"),
        ("OPTIONS", "/v1/answer"),
    ):
        response = client.request(method, path, headers=headers)
        assert response.status_code == 403
        assert not [name for name in response.headers if name.startswith("access-control")]


def test_link_from_another_site_opens_the_page_and_the_page_may_ask(client: Client) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/v1/answer", json=QUESTION, headers=own).status_code == 200


def path_variants(secret: Path) -> list[str]:
    """500 and more ways to ask for a file that is nobody's business."""
    doors = [
        "/gradio_api/file=",
        "/gradio_api/file/",
        "/gradio_api/proxy=",
        "/gradio_api/upload/",
        "/gradio_api/stream/",
        "/gradio_api/custom_component/",
        "/file=",
        "/file/",
        "/proxy=",
        "/assets/",
        "/static/",
        "/svelte/",
        "/export/",
        "/v1/articles/",
        "/pwa_icon/",
        "/",
        "//",
        "/theme.css/",
    ]
    absolute = str(secret)
    up = "../" * 12
    files = [
        absolute,
        absolute.lstrip("/"),
        f"file://{absolute}",
        f"{up}{absolute.lstrip('/')}",
        f"..\\{absolute}".replace("/", "\\"),
        f"{'..;/' * 12}{absolute}",
        f"{'....//' * 12}{absolute}",
        f"{absolute}\x00.png".replace("\x00", "%00"),
        f"{absolute}?x=.css",
        f"./{absolute}",
        f"x/{up}{absolute.lstrip('/')}",
        "link.md",
        "articles.sqlite",
        "http://127.0.0.1:1/",
    ]
    encoded = [
        lambda text: text,
        lambda text: text.replace("/", "%2f").replace("\\", "%5c"),
        lambda text: text.replace("/", "%252f").replace(".", "%252e"),
        lambda text: text.replace(".", "%2e"),
    ]
    found = {door + code(file) for door in doors for file in files for code in encoded}
    return sorted(target for target in found if " " not in target and target not in {"/", "//"})


def test_500_variants_of_a_path_are_refused_and_leak_nothing(client: Client) -> None:
    secret = client.folder / "secret.md"
    secret.write_text("canary of the file")
    (client.folder / "uploads").mkdir(exist_ok=True)
    (client.folder / "uploads" / "link.md").symlink_to(secret)
    variants = path_variants(secret)
    assert len(variants) > 500
    passed = []
    for target in variants:
        status = client.send_raw(target)
        if not 400 <= status < 500 or b"canary" in client.last or b"root:" in client.last:
            passed.append((target, status))
    assert passed == []


@pytest.mark.parametrize(
    "path",
    [
        "/config",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/token",
        "/gradio_api/app_id",
        "/gradio_api/user",
        "/gradio_api/runs",
        "/gradio_api/vibe-code",
        "/gradio_api/mcp/sse",
        "/monitoring",
        "/monitoring/summary",
        "/login",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/manifest.json",
    ],
)
def test_what_no_page_needs_is_not_there(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404


def test_200_files_of_900_kb_do_not_pass_a_cap_of_1_mb(serve: Serve) -> None:
    files = [("files", (f"{number}.txt", b"a" * 900_000)) for number in range(200)]
    with serve(max_request_megabytes=1) as client:
        for path in ("/v1/articles", "/gradio_api/upload"):
            assert client.post(path, files=files).status_code == 413
        assert len(client.get("/v1/articles").json()) == 5


def test_what_a_request_says_of_its_length_is_not_believed(serve: Serve) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"question": "'
        for _ in range(40):
            yield b"a" * 100_000

    with serve(max_request_megabytes=1) as client:
        json_type = {"Content-Type": "application/json"}
        response = client.post("/v1/answer", content=endless(), headers=json_type)
        assert response.status_code == 413
        assert response.json()["detail"] == "At most 1,000,000 bytes are taken at once."


def test_quota_of_an_hour_is_for_all_uploads_together(serve: Serve) -> None:
    with serve(max_upload_megabytes_per_hour=1) as client:
        file = [("files", ("a.exe", b"tin " * 100_000))]
        assert [client.post("/v1/articles", files=file).status_code for _ in range(4)] == [
            200,
            200,
            429,
            429,
        ]
        last = client.post("/gradio_api/upload", files=file)
        assert last.status_code == 429
        assert 3500 < int(last.headers["Retry-After"]) <= 3600
        assert client.post("/v1/answer", json=QUESTION).status_code == 200


def test_every_response_says_what_a_browser_may_do(client: Client) -> None:
    nonces = set()
    for path in ("/", "/", "/articles", "/v1/articles", "/healthz", "/nothing", "/theme.css"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        nonces.add(re.search(r"'nonce-([\w-]{22})'", policy)[1])  # type: ignore[index]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "server" not in headers
    assert len(nonces) == 7


def test_scripts_of_a_page_have_its_nonce_and_its_configuration_can_add_none(
    client: Client,
) -> None:
    page = client.get("/")
    nonce = re.search(r"'nonce-([\w-]+)'", page.headers["Content-Security-Policy"])[1]  # type: ignore[index]
    scripts = re.findall(r"<script[^>]*>", page.text)
    assert len(scripts) >= 4
    assert all(f'nonce="{nonce}"' in script for script in scripts)
    config = re.search(r"window.gradio_config = (.*?);</script>", page.text)
    assert config is not None
    assert "<" not in config[1]
    assert len(page.content) == int(page.headers["Content-Length"])
