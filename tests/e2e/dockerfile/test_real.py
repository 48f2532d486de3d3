# SPDX-License-Identifier: Apache-2.0
"""Real Dockerfiles whose tools are at hand are built and their results used."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.command import Ladle

REAL = Path(__file__).parents[2] / "cases" / "dockerfile" / "real"


def built(ladle: Ladle, name: str, where: Path, out: Path, *contexts: str) -> Path:
    """Build a case in a context, with the machine's tools where it says `tools`, into a directory."""
    shutil.copy(REAL / f"{name}.Dockerfile", where / "Dockerfile")
    said = [f"--build-context={context}" for context in ("tools=host://", *contexts)]
    done = ladle("build", *said, "-o", out, where)
    assert b"warning" not in done.stderr, done.stderr.decode()
    return out


@pytest.mark.row("DF-12", "DF-27", "DF-39")
def test_scratch_with_certificates(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    where = context({"server": "#!/bin/sh\n"})
    out = built(ladle, "scratch-certificates", where, tmp_path / "out")
    assert (out / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE") > 10
    assert (out / "etc/passwd").read_text() == "app:x:10001:10001::/nonexistent:/sbin/nologin\n"
    assert stat.S_IMODE((out / "tmp").stat().st_mode) == 0o1777
    assert stat.S_IMODE((out / "server").stat().st_mode) == 0o755


@pytest.mark.row("DF-13", "DF-28", "DF-81")
def test_a_static_site(ladle: Ladle, context: Callable[..., Path], tmp_path: Path, busybox: Path) -> None:
    where = context({"pages/index.txt": "hello\n", "pages/about.txt": "who\n"})
    out = built(ladle, "static-site", where, tmp_path / "out", f"server=oci-layout://{busybox}:latest")
    assert (out / "www/index.html").read_text() == "<h1>index</h1>\nhello\n"
    assert (out / "etc/httpd.conf").read_text() == "A:*\n.html:text/html; charset=$UTF\n"
    server: list[str | Path] = [out / "bin/busybox", "httpd", "-i", "-h", out / "www", "-c", out / "etc/httpd.conf"]
    asked = b"GET /about.html HTTP/1.0\r\n\r\n"
    answer = subprocess.run(server, input=asked, capture_output=True, timeout=10, check=False).stdout
    assert answer.startswith(b"HTTP/1.")
    assert b" 200 OK" in answer
    assert answer.endswith(b"<h1>about</h1>\nwho\n")


@pytest.mark.row("DF-13", "DF-23", "DF-43")
def test_a_debian_package(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    where = context({"hello.sh": "#!/bin/sh\necho hello\n"})
    out = built(ladle, "debian-package", where, tmp_path / "out")
    assert (out / "tested").read_text() == "1.0\n"
    package = subprocess.run(["dpkg-deb", "--fsys-tarfile", out / "hello.deb"], capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(package.stdout)) as tree:
        hello = tree.getmember("./usr/bin/hello")
        assert (hello.mode, hello.uid, hello.gid) == (0o755, 0, 0)


@pytest.mark.row("DF-26", "DF-27", "DF-81")
def test_a_python_program(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    program = "import sys\n\n\ndef main() -> None:\n    print('Hello,', *sys.argv[1:])\n"
    where = context({"app/main.py": program})
    out = built(ladle, "python-zipapp", where, tmp_path / "out")
    assert (out / "greeting").read_text() == "Hello, World\n"
    said = subprocess.run([sys.executable, out / "app.pyz", "you"], capture_output=True, text=True, check=True)
    assert said.stdout == "Hello, you\n"
