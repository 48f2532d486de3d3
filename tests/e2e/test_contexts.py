# SPDX-License-Identifier: Apache-2.0
"""Contexts that are no local directory: stdin, URLs, repositories."""

from __future__ import annotations

import functools
import io
import os
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command import Ladle, steps

DOCKERFILE = "FROM scratch\nCOPY . /all/\n"


def archive(files: dict[str, str], mode: str = "w") -> bytes:
    """Return a tar of some files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def listed(out: Path) -> set[str]:
    return {path.name for path in (out / "all").iterdir()}


@pytest.mark.row("DF-79")
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_an_archive_on_stdin(ladle: Ladle, tmp_path: Path, mode: str) -> None:
    data = archive({"Dockerfile": DOCKERFILE, "a": "1", ".dockerignore": "a\n"}, mode)
    ladle("build", "-o", tmp_path / "out", "-", stdin=data)
    assert listed(tmp_path / "out") == {"Dockerfile", "a", ".dockerignore"}
    again = ladle("build", "-o", tmp_path / "out", "-", stdin=data)
    assert steps(again, "DONE") == []


def test_a_build_file_within_the_archive(ladle: Ladle, tmp_path: Path) -> None:
    data = archive({"sub/other": "FROM scratch\nCOPY a /all/\n", "a": "1"})
    ladle("build", "-f", "sub/other", "-o", tmp_path / "out", "-", stdin=data)
    assert listed(tmp_path / "out") == {"a"}


@pytest.mark.row("DF-79")
def test_a_dockerfile_on_stdin_has_an_empty_context(ladle: Ladle, tmp_path: Path) -> None:
    ladle("build", "-o", tmp_path / "out", "-", stdin=b"FROM scratch\nWORKDIR /all/made\n")
    assert listed(tmp_path / "out") == {"made"}


@pytest.mark.row("DF-79")
def test_a_dockerfile_on_stdin_with_a_directory(ladle: Ladle, tmp_path: Path, context: Callable[..., Path]) -> None:
    files = context({"a": "1", ".dockerignore": ".dockerignore"})
    ladle("build", "-f", "-", "-o", tmp_path / "out", files, stdin=DOCKERFILE.encode())
    assert listed(tmp_path / "out") == {"a"}


@pytest.mark.row("DF-79")
def test_both_on_stdin(ladle: Ladle) -> None:
    done = ladle("build", "-f", "-", "-", check=False, stdin=b"")
    assert done.returncode == 2
    assert b"cannot both" in done.stderr


def test_an_archive_that_leads_out_stays_in(ladle: Ladle, tmp_path: Path) -> None:
    data = archive({"Dockerfile": DOCKERFILE, "../../../owned": "1"})
    done = ladle("build", "-o", tmp_path / "out", "-", check=False, stdin=data)
    assert b"Traceback" not in done.stderr
    assert not list(tmp_path.rglob("owned")) or (tmp_path / "out" / "all" / "owned").exists()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a directory over HTTP on loopback."""
    directory = tmp_path / "site"
    directory.mkdir()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(directory))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", directory
        server.shutdown()
        thread.join()


def test_an_archive_by_url(ladle: Ladle, tmp_path: Path, site: tuple[str, Path]) -> None:
    url, directory = site
    (directory / "context.tar.gz").write_bytes(archive({"Dockerfile": DOCKERFILE, "a": "1"}, "w:gz"))
    ladle("build", "-o", tmp_path / "out", f"{url}/context.tar.gz")
    assert listed(tmp_path / "out") == {"Dockerfile", "a"}


def test_a_dockerfile_by_url(ladle: Ladle, tmp_path: Path, site: tuple[str, Path]) -> None:
    url, directory = site
    (directory / "file").write_text("FROM scratch\nWORKDIR /all/made\n")
    ladle("build", "-o", tmp_path / "out", f"{url}/file")
    assert listed(tmp_path / "out") == {"made"}


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """Serve a repository by the git protocol on loopback; yields its URL."""
    work = tmp_path / "git" / "r.git"
    (work / "sub").mkdir(parents=True)
    (work / "Dockerfile").write_text(DOCKERFILE)
    (work / "sub" / "Dockerfile").write_text("FROM scratch\nWORKDIR /all/sub\n")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "x"], ["tag", "v1"]):
        subprocess.run(["git", "-C", work, *identity, *command], check=True, capture_output=True, env=environment)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--reuseaddr", "--export-all", "--listen=127.0.0.1", f"--port={port}", f"--base-path={work.parent}"]
    daemon = subprocess.Popen(["git", "daemon", *options], env=environment, start_new_session=True)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.05)
    yield f"git://127.0.0.1:{port}/r.git"
    os.killpg(daemon.pid, 15)
    daemon.wait(10)


@pytest.mark.parametrize(
    ("fragment", "names"), [("", {"Dockerfile", "sub"}), ("#v1", {"Dockerfile", "sub"}), ("#main:sub", {"sub"})]
)
def test_a_repository(ladle: Ladle, tmp_path: Path, repository: str, fragment: str, names: set[str]) -> None:
    ladle("build", "-o", tmp_path / "out", repository + fragment)
    assert listed(tmp_path / "out") == names


@pytest.mark.row("DF-62")
def test_a_repository_with_its_history(ladle: Ladle, tmp_path: Path, repository: str) -> None:
    ladle("build", "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", "-o", tmp_path / "out", repository)
    assert listed(tmp_path / "out") == {"Dockerfile", "sub", ".git"}


def test_a_repository_that_is_not_there(ladle: Ladle, repository: str) -> None:
    done = ladle("build", repository.replace("r.git", "none.git"), check=False)
    assert done.returncode == 1
    assert b"git could not read" in done.stderr


def test_a_fetched_build_may_not_use_this_machine(ladle: Ladle, tmp_path: Path) -> None:
    data = archive({"Dockerfile": "FROM host://\nRUN true\n"})
    done = ladle("build", "-", check=False, stdin=data)
    assert b"--allow host" in done.stderr
    ladle("build", "--allow=host", "-", stdin=data)
