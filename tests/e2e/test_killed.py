# SPDX-License-Identifier: Apache-2.0
"""Builds that are stopped, by Ctrl-C or by kill -9 of any process. Nothing is left, and the next build works."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.processes import alive, descendants, eventually, processes_with

SLEEPY = "FROM busybox\nRUN sh -c 'trap \"\" TERM; while :; do sleep 7654; done' & setsid sleep 7654 & sleep 7654\n"


@pytest.fixture
def sleeping(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> Iterator[subprocess.Popen[bytes]]:
    """Return a build that sits in a step with three kinds of sleepers."""
    ladle(
        "build", f"--build-context=busybox=oci-layout://{busybox}", context({"Dockerfile": "FROM busybox\nRUN true\n"})
    )
    files = context({"Dockerfile": SLEEPY}, "sleepy")
    process = ladle.start("build", f"--build-context=busybox=oci-layout://{busybox}", files)
    assert eventually(lambda: len(sleepers(process)) >= 3)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def sleepers(process: subprocess.Popen[bytes]) -> list[int]:
    """Return the sleeping processes of a build's step."""
    found = []
    for pid in descendants(process.pid):
        try:
            if b"7654" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def assert_clean(ladle: Ladle, before: list[int], busybox: Path, context: Callable[..., Path]) -> None:
    assert eventually(lambda: not alive(before)), alive(before)
    assert str(ladle.store) not in Path("/proc/self/mounts").read_text()
    assert processes_with(str(ladle.store)) == []
    files = context({"Dockerfile": "FROM busybox\nRUN echo next > /n\n"}, "next")
    ladle("build", f"--build-context=busybox=oci-layout://{busybox}", "-o", files.parent / "out", files)
    assert (files.parent / "out" / "n").read_text() == "next\n"
    left = ladle.store / "snapshots" / ".new"
    assert not left.exists() or list(left.iterdir()) == []


def test_ctrl_c(sleeping: subprocess.Popen[bytes], ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    before = descendants(sleeping.pid)
    sleeping.send_signal(signal.SIGINT)
    _, said = sleeping.communicate(timeout=20)
    assert sleeping.returncode == 130
    assert b"Traceback" not in said
    assert_clean(ladle, before, busybox, context)


def test_terminate(
    sleeping: subprocess.Popen[bytes], ladle: Ladle, busybox: Path, context: Callable[..., Path]
) -> None:
    before = descendants(sleeping.pid)
    sleeping.terminate()
    _, said = sleeping.communicate(timeout=20)
    assert sleeping.returncode == 143
    assert b"Traceback" not in said
    assert_clean(ladle, before, busybox, context)


def test_kill_9_of_ladle(
    sleeping: subprocess.Popen[bytes], ladle: Ladle, busybox: Path, context: Callable[..., Path]
) -> None:
    before = descendants(sleeping.pid)
    sleeping.kill()
    sleeping.communicate(timeout=20)
    assert_clean(ladle, before, busybox, context)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_kill_9_of_what_is_below(
    sleeping: subprocess.Popen[bytes], ladle: Ladle, busybox: Path, context: Callable[..., Path], depth: int
) -> None:
    before = descendants(sleeping.pid)
    os.kill(before[depth], signal.SIGKILL)
    _, said = sleeping.communicate(timeout=20)
    assert b"Traceback" not in said, said.decode()
    assert sleeping.returncode == 1
    assert_clean(ladle, before, busybox, context)
