# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback for builds that fetch: files over HTTP, and a repository by the git protocol."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT_DATE = 1_650_000_000
"""When every commit of the served repository was made."""


def archive(files: Mapping[str, str], mode: str = "w", mtime: int = 0) -> bytes:
    """Return a tar of some files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(text), mtime
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


@dataclass
class Site:
    """Files by path with headers of their own; `answers` are path and status of every request."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: list[tuple[str, int]] = field(default_factory=list)

    def put(self, path: str, data: bytes, **headers: str) -> str:
        """Serve a file (`last_modified=…` is the header Last-Modified); returns its URL."""
        self.files[path] = data
        self.headers[path] = {name.replace("_", "-"): value for name, value in headers.items()}
        return f"{self.url}{path}"


@contextmanager
def serving_files() -> Iterator[Site]:
    """Serve files over HTTP, with ETags, on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = site.files.get(self.path.partition("?")[0])
            tag = f'"{hashlib.sha256(data or b"").hexdigest()[:16]}"'
            status = 404 if data is None else 304 if self.headers.get("If-None-Match") == tag else 200
            site.answers.append((self.path, status))
            self.send_response(status)
            for name, value in site.headers.get(self.path, {}).items():
                self.send_header(name, value)
            body = data if status == 200 and data is not None else b""
            if status == 200:
                self.send_header("ETag", tag)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield site
        server.shutdown()
        thread.join()


def git(directory: Path, *arguments: str) -> str:
    """Run git without anybody's configuration; returns what it prints."""
    date = f"{COMMIT_DATE} +0000"
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(directory)}
    environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    command = ["git", "-C", str(directory), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@contextmanager
def serving_git(parent: Path) -> Iterator[str]:
    """Serve the repositories below a directory by the git protocol; yields the address that their names follow."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={parent}"]
    options.append("--enable=upload-pack")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    daemon = subprocess.Popen(["git", "daemon", *options], env=environment, start_new_session=True)
    try:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(daemon.pid, 15)
        daemon.wait(10)


def make_repository(path: Path, files: Mapping[str, str]) -> str:
    """Make a repository with a commit `v1` and a later one, which adds `later`; returns the first commit."""
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git(path, "init", "--quiet", "--initial-branch=main")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "one")
    git(path, "tag", "-a", "v1", "-m", "v1")
    (path / "later").write_text("later")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "two")
    return git(path, "rev-parse", "v1^{commit}")
