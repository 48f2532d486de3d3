# SPDX-License-Identifier: Apache-2.0
"""Single flight across processes: real ones, on a real store; an op appends a line to a file each time it runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.store.store import Store

PROGRAM = textwrap.dedent("""
    import asyncio, os, sys
    from types import SimpleNamespace
    from ladle.core.solver.drive import solve
    from ladle.core.store.store import Store

    root, log, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])

    class Runner:
        def __init__(self, digest): self.digest = digest
        def key_parts(self): return {"op": self.digest}
        def pin(self): return None
        def given(self): return None
        def uses(self): return [SimpleNamespace(by_content=False)] * len(GRAPH[self.digest].inputs)
        async def run(self, inputs):
            with open(log, "a") as file:
                file.write(self.digest + "\\n")
            await asyncio.sleep(pause)
            return [{"layers": [], "made": self.digest, "from": [each["made"] for each in inputs]}]

    class Quiet:
        def __getattr__(self, name): return lambda *_: None

    def vertex(digest, *inputs):
        edges = tuple((each, 0) for each in inputs)
        return SimpleNamespace(digest=digest, name=digest, inputs=edges, ignore_cache=False, fresh_since=0.0)

    GRAPH = {each.digest: each for each in (vertex("a"), vertex("b", "a"), vertex("c", "a"), vertex("d", "b", "c"))}
    store = Store.open(root)
    print("ready", flush=True)
    sys.stdin.readline()
    work = solve(GRAPH, [("d", 0)], Runner, store.records(), Quiet(), single_flight=store.single_flight)
    print(asyncio.run(work)["d", 0].id)
    store.close()
""")

Start = Callable[[float], "subprocess.Popen[str]"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return the file that ops write to."""
    path = tmp_path / "log"
    path.touch()
    return path


@pytest.fixture
def start(tmp_path: Path, log: Path) -> Iterator[Start]:
    """Return a function that starts a process which solves when it gets a line."""
    started: list[subprocess.Popen[str]] = []

    def go(pause: float) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), str(log), str(pause)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield go
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def release(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_each_step_runs_once_among_processes(start: Start, log: Path, tmp_path: Path) -> None:
    processes = [start(0.1) for _ in range(4)]
    for process in processes:
        release(process)
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    assert sorted(log.read_text().split()) == ["a", "b", "c", "d"]
    assert list((tmp_path / "store/locks").iterdir()) == []


def test_waiter_takes_over_from_a_killed_runner(start: Start, log: Path, tmp_path: Path) -> None:
    runner = start(60)
    release(runner)
    while log.read_text() != "a\n":
        assert runner.poll() is None
    waiter = start(0)
    release(waiter)
    with pytest.raises(subprocess.TimeoutExpired):
        waiter.wait(0.3)
    runner.kill()
    out = waiter.communicate(timeout=60)[0]
    assert sorted(log.read_text().split()) == ["a", "a", "b", "c", "d"]
    store = Store.open(str(tmp_path / "store"))
    assert store.records().parts(int(out)) is not None
    store.close()
