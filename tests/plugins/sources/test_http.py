# SPDX-License-Identifier: Apache-2.0
"""Files by URL, from a real server on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services
from ladle.llb.ops import SourceOp
from ladle.plugins.sources import http
from ladle.plugins.sources.http import HttpSource

BODY = b"the file"
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file, in several ways by path; counts what it sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = BODY
        self.sent: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        body = self.server.body
        etag = hashlib.sha256(body).hexdigest()[:8]
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/file.txt")
            self.end_headers()
            return
        if self.path.startswith("/circle"):
            self.server.sent.append(302)
            self.send_response(302)
            self.send_header("Location", "/circle")
            self.end_headers()
            return
        if self.path.startswith("/gone"):
            self.send_error(404)
            return
        if self.headers.get("If-None-Match") == etag:
            self.server.sent.append(304)
            self.send_response(304)
            self.end_headers()
            return
        self.server.sent.append(200)
        self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT")
        self.send_header("Content-Length", str(len(body) + (10 if self.path.startswith("/short") else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


def fetch(services: Services, url: str, **attrs: str) -> Path:
    """Return the tree of a URL."""
    op = SourceOp(identifier=url, attrs=tuple(sorted((f"http.{name}", value) for name, value in attrs.items())))
    source = HttpSource(services)
    pin = source.pin(op, None)
    return Path(asyncio.run(source.fetch(op, None, pin))["root"])


def test_a_file_has_the_servers_time_and_a_private_mode(server: Server, services: Services) -> None:
    (file,) = fetch(services, f"{server.url}/a%20file.txt").iterdir()
    assert (file.name, file.read_bytes()) == ("a file.txt", BODY)
    assert (file.stat().st_mode & 0o777, file.stat().st_mtime) == (0o600, 1700000000)


def test_name_and_mode_can_be_given(server: Server, services: Services) -> None:
    (file,) = fetch(services, f"{server.url}/", filename="run.sh", perm=str(0o755)).iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("run.sh", 0o755)


def test_an_unchanged_file_is_not_sent_again(server: Server, services: Services) -> None:
    assert fetch(services, f"{server.url}/f") == fetch(services, f"{server.url}/f")
    assert server.sent == [200, 304]


def test_a_changed_file_is_another_tree(server: Server, services: Services) -> None:
    before = fetch(services, f"{server.url}/f")
    server.body = b"changed"
    after = fetch(services, f"{server.url}/f")
    assert before != after
    assert (after / "f").read_bytes() == b"changed"


def test_a_checksum_needs_no_network_the_second_time(server: Server, services: Services) -> None:
    url = f"{server.url}/f"
    fetch(services, url, checksum=DIGEST)
    fetch(services, url, checksum=DIGEST)
    fetch(replace(services, offline=True), url, checksum=DIGEST)
    assert server.sent == [200]


def test_a_wrong_checksum_is_refused(server: Server, services: Services) -> None:
    wrong = "sha256:" + "0" * 64
    with pytest.raises(BuildError, match=f"digest mismatch for .*{DIGEST} .expected: {wrong}"):
        fetch(services, f"{server.url}/f", checksum=wrong)


def test_a_redirect_is_followed(server: Server, services: Services) -> None:
    assert (fetch(services, f"{server.url}/moved") / "moved").read_bytes() == BODY


@pytest.mark.parametrize(("path", "said"), [("/gone", "answered 404"), ("/short", "cannot be fetched")])
def test_a_bad_answer_is_named(server: Server, services: Services, path: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        fetch(services, server.url + path)


def test_nobody_there(services: Services) -> None:
    with pytest.raises(BuildError, match="cannot be fetched"):
        fetch(services, "http://user:secret@127.0.0.1:1/f")


def test_credentials_are_not_shown(services: Services) -> None:
    with pytest.raises(BuildError) as caught:
        fetch(services, "http://user:secret@127.0.0.1:1/f")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["..", ".", "\0"])
def test_a_name_that_is_no_file_name(server: Server, services: Services, name: str) -> None:
    with pytest.raises(BuildError, match="is no file name"):
        fetch(services, f"{server.url}/f", filename=name)


def test_offline_without_the_file(services: Services) -> None:
    with pytest.raises(BuildError, match="--offline"):
        fetch(replace(services, offline=True), "http://127.0.0.1:1/f")


def test_a_download_has_a_size(
    server: Server, make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DOWNLOAD_LIMIT", len(BODY) - 1)
    services = make_services()
    with pytest.raises(BuildError, match="larger than 7 bytes") as caught:
        HttpSource(services).pin(SourceOp(identifier=f"{server.url}/file.txt"), None)
    assert caught.value.code == "LA0244"
    assert [path for path in Path(services.root).rglob("*") if path.is_file()] == []
    monkeypatch.setattr(http, "DOWNLOAD_LIMIT", len(BODY))
    HttpSource(services).pin(SourceOp(identifier=f"{server.url}/file.txt"), None)


def test_a_silent_server_is_given_up(make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SILENT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/file"
        with pytest.raises(BuildError, match="cannot be fetched") as caught:
            HttpSource(make_services()).pin(SourceOp(identifier=url), None)
    assert caught.value.code == "LA0243"


def test_redirects_in_a_circle_end(server: Server, make_services: Callable[..., Services]) -> None:
    url = f"{server.url}/circle"
    with pytest.raises(BuildError, match="redirects") as caught:
        HttpSource(make_services()).pin(SourceOp(identifier=url), None)
    assert caught.value.code == "LA0243"
    assert server.sent.count(302) == http.MAX_REDIRECTS + 1
