# SPDX-License-Identifier: Apache-2.0
"""The machine as a base, and an ordinary user: the README's first example, installed from the wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle, steps

HELLO = Path(__file__).parents[2] / "examples" / "hello"


def greeting(out: Path) -> str:
    return subprocess.run([out / "greet", "you"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("executor", ["auto", "native", "oci"])
def test_the_example(ladle: Ladle, tmp_path: Path, executor: str) -> None:
    done = ladle("build", f"--executor={executor}", HELLO, "-o", tmp_path / "out")
    assert greeting(tmp_path / "out") == "Hello, you!\n"
    assert (tmp_path / "out" / "greeting.txt").read_text() == "Hello, world!\n"
    assert len(steps(done, "DONE")) >= 5
    assert steps(ladle("build", f"--executor={executor}", HELLO, "-o", tmp_path / "out"), "DONE") == []


@pytest.fixture
def hello(user_home: Path, user: str) -> Path:
    """Return a copy of the example that the ordinary user can read."""
    shutil.copytree(HELLO, user_home / "hello")
    return user_home / "hello"


@pytest.mark.root
@pytest.mark.parametrize("executor", ["auto", "native", "oci"])
def test_the_example_as_an_ordinary_user(user_ladle: Ladle, user_home: Path, hello: Path, executor: str) -> None:
    user_ladle("build", f"--executor={executor}", hello, "-o", user_home / "out", cwd=user_home)
    assert greeting(user_home / "out") == "Hello, you!\n"
    assert (user_home / "out" / "greet").stat().st_uid == user_home.stat().st_uid
    again = user_ladle("build", f"--executor={executor}", hello, "-o", user_home / "out", cwd=user_home)
    assert steps(again, "DONE") == []


@pytest.mark.root
def test_owners_survive_in_a_user_namespace(
    user_ladle: Ladle, busybox: Path, user_home: Path, user: str, context: Callable[..., Path]
) -> None:
    text = "FROM busybox\nRUN echo 1 > /f && chown 12:34 /f && chmod 4711 /f\nUSER 12\nRUN id -u > /tmp/id || id -u\n"
    files = context({"Dockerfile": text.replace(" > /tmp/id || id -u", "")}, base=user_home)
    for path in (files, *files.rglob("*")):
        shutil.chown(path, user, user)
    user_ladle(
        "build",
        f"--build-context=busybox=oci-layout://{busybox}",
        "-o",
        f"type=tar,dest={user_home}/x.tar",
        files,
        cwd=user_home,
    )
    done = subprocess.run(
        ["tar", "--numeric-owner", "-tvf", user_home / "x.tar", "f"], check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("-rws--x--x 12/34 ")


@pytest.mark.root
def test_one_user_id_is_enough(user_ladle: Ladle, user_home: Path, hello: Path) -> None:
    command = [*user_ladle.command]
    alone = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", command[-1]]
    for path in (user_home, *user_home.rglob("*")):
        os.chown(path, 54321, 54321)
    ladle = Ladle(alone, user_home / "alone")
    ladle("build", hello, "-o", user_home / "out", cwd=user_home)
    assert greeting(user_home / "out") == "Hello, you!\n"


def test_the_machine_is_read_only_and_hidden(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    text = "FROM host://\nRUN ! touch /usr/x 2>/dev/null && ls / /root /home /tmp > /seen && ! test -e /etc/shadow\n"
    ladle("build", context({"Dockerfile": text}), "-o", tmp_path / "out")
    assert "context" not in (tmp_path / "out" / "seen").read_text()
    assert list((tmp_path / "out" / "usr").iterdir()) == []


def test_a_portable_dockerfile_on_the_machine(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    files = context({"Dockerfile": "FROM base AS b\nRUN sed --version > /v\nFROM scratch\nCOPY --from=b /v /\n"})
    ladle("build", "--build-context=base=host://", files, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "v").read_text()
