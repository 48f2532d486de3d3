# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend dev`: the graph, what changes in it, and what is wrong meanwhile."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.cli.frontend.dev import difference
from tests.core.cli.frontend.conftest import Run
from tests.support.command import Ladle

SAMPLE = "# syntax=./steps.py\nfrom scratch\ncopy a\n"


def test_once_prints_the_graph(run: Run, place: Path) -> None:
    run("new", "steps")
    (place / "sample.steps").write_text(SAMPLE)
    assert "v2 file copy /a -> /" in run("dev", "--once", "steps.py").stdout.decode()
    (place / "sample.steps").write_text("make\n")
    done = run("dev", "--once", "steps.py", check=False)
    assert done.returncode == 1
    assert "there is no 'make'" in done.stdout.decode()


@pytest.fixture
def watching(run: Run, ladle: Ladle, place: Path) -> Iterator[Callable[[str], str]]:
    """Return a function that waits until `dev` has printed a text, and returns what came up to it."""
    run("new", "steps")
    (place / "sample.steps").write_text(SAMPLE)
    process = ladle.start("frontend", "dev", "steps.py", cwd=place)
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.decode())

    reader = threading.Thread(target=read)
    reader.start()

    def until(text: str) -> str:
        said = ""
        while text not in said:
            said += lines.get(timeout=30)
        return said

    yield until
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    reader.join()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()


def test_changes_are_shown_as_they_come(watching: Callable[[str], str], place: Path) -> None:
    watching("result v2")
    (place / "sample.steps").write_text(SAMPLE.replace("copy a", "copy b"))
    said = watching("+result v2") if "v3" in SAMPLE else watching("copy /b")
    assert "sample.steps changed" in said
    assert "-v2 file copy /a -> /" in said
    (place / "steps.py").write_text((place / "steps.py").read_text().replace("return state", "return state.nothing"))
    said = watching("nothing'")
    assert "steps.py changed" in said
    assert "AttributeError" in said
    (place / "steps.py").write_text((place / "steps.py").read_text().replace("state.nothing", "state"))
    assert "copy /b" in watching("+result v2")


def test_only_what_differs_is_shown() -> None:
    before = "\n".join(map(str, range(30)))
    assert list(difference(before, before)) == []
    assert list(difference(before, before.replace("15", "x"))) == [" 13", " 14", "-15", "+x", " 16", " 17"]
