# SPDX-License-Identifier: Apache-2.0
"""A registry that serves one image of an OCI layout, and does what a test says is wrong with it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_BLOB = re.compile(r"/v2/app/blobs/sha256:([0-9a-f]{64})$")
_MANIFEST = re.compile(r"/v2/app/manifests/(latest|sha256:[0-9a-f]{64})$")


@dataclass
class Answer:
    """What is about to be answered; a fault changes it."""

    kind: str
    """`blob`, `config` or `manifest`."""
    method: str
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = -1
    """End the connection after so many bytes of the body."""
    count: int = 0
    """How many requests of this kind there were before."""


Fault = Callable[[Answer], None]


class BadRegistry:
    """The registry; `fault` is called with each answer."""

    def __init__(self, layout: Path) -> None:
        self.fault: Fault = lambda answer: None
        self.counts: dict[str, int] = {}
        self._layout = layout
        entry = json.loads((layout / "index.json").read_text())["manifests"][0]
        self.digest = entry["digest"]
        self.type = entry["mediaType"]
        manifest = json.loads(self.blob(self.digest))
        self.config = manifest["config"]["digest"]
        self.host = ""

    def blob(self, digest: str) -> bytes:
        """Return a blob of the layout."""
        return (self._layout / "blobs" / digest.replace(":", "/")).read_bytes()

    def answer(self, method: str, path: str, asked: str) -> Answer:
        """Return the answer to a request; `asked` is its Range."""
        if match := _MANIFEST.fullmatch(path):
            kind, digest = "manifest", self.digest
        elif match := _BLOB.fullmatch(path):
            digest = f"sha256:{match[1]}"
            kind = "config" if digest == self.config else "blob"
        else:
            return Answer("other", method, b"", status=200 if path == "/v2/" else 404)
        answer = Answer(kind, method, self.blob(digest), count=self.counts.get(kind, 0))
        self.counts[kind] = answer.count + 1
        if kind == "manifest":
            answer.headers |= {"Content-Type": self.type, "Docker-Content-Digest": digest}
        elif asked:
            start, size = int(asked[6:].rstrip("-")), len(answer.body)
            answer.body, answer.status = answer.body[start:], 206
            answer.headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self.fault(answer)
        return answer


@contextmanager
def bad_registry(layout: Path) -> Iterator[BadRegistry]:
    """Serve the image of a layout on a free loopback port."""
    registry = BadRegistry(layout)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = registry.answer(self.command, self.path, self.headers.get("Range", ""))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(answer.body if answer.cut < 0 else answer.body[: answer.cut])
            self.close_connection = self.close_connection or answer.cut >= 0

        do_HEAD = do_GET  # noqa: N815 (http.server's name)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of clients that hang up."""

    server = Quiet(("127.0.0.1", 0), Handler)
    registry.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
