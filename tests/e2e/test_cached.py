# SPDX-License-Identifier: Apache-2.0
"""What a second build does: nothing where nothing changed, and only what a change touches."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.command import Ladle, steps

HEAVY = ("asyncio", "lark", "pluggy", "httpx", "http.client", "click", "msgpack", "dataclasses")

STAGES = """\
FROM busybox AS one
COPY a.txt /a
RUN cat /a > /made-a
FROM busybox AS two
COPY . /all
RUN ls -R /all > /made-all
FROM scratch
COPY --from=one /made-a /
COPY --from=two /made-all /
"""


def from_busybox(busybox: Path) -> str:
    return f"--build-context=busybox=oci-layout://{busybox}:latest"


def test_the_same_build_again_runs_nothing(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1"})
    flags = ("build", from_busybox(busybox), "-o", tmp_path / "out", "-o", f"type=oci,dest={tmp_path}/x.tar", files)
    first = ladle(*flags)
    assert len(steps(first, "DONE")) >= 6
    again = ladle(*flags, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert steps(again, "DONE") == []
    assert len(steps(again, "CACHED")) >= 6
    imported = {line.rpartition("|")[2].strip() for line in again.stderr.decode().splitlines() if "import time" in line}
    assert "ladle.core.cli.fast" in imported
    assert imported.isdisjoint(HEAVY)
    assert not any(name.startswith("ladle.core.worker") for name in imported)


def test_a_missing_output_is_written_again_from_the_cache(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1"})
    flags = ("build", from_busybox(busybox), "-o", tmp_path / "out", files)
    ladle(*flags)
    (tmp_path / "out" / "made-a").unlink()
    again = ladle(*flags)
    assert steps(again, "DONE") == []
    assert (tmp_path / "out" / "made-a").read_text() == "1"


def test_a_changed_file_runs_only_what_uses_it(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1", "b.txt": "1"})
    ladle("build", from_busybox(busybox), files)
    (files / "b.txt").write_text("changed")
    again = ladle("build", from_busybox(busybox), files)
    ran = " ".join(steps(again, "DONE"))
    assert "COPY a.txt" not in ran
    assert "cat /a" not in ran
    assert "COPY . /all" in ran
    assert "ls -R /all" in ran


def test_an_unrelated_file_changes_nothing_after_the_copy(
    ladle: Ladle, busybox: Path, context: Callable[..., Path]
) -> None:
    dockerfile = "FROM busybox\nCOPY src/ /src/\nRUN cat /src/* > /made\n"
    files = context({"Dockerfile": dockerfile, "src/a": "1", "other": "1"})
    ladle("build", from_busybox(busybox), files)
    (files / "other").write_text("2")
    assert not [
        step for step in steps(ladle("build", from_busybox(busybox), files), "DONE") if "RUN" in step or "COPY" in step
    ]


def test_touching_a_file_is_no_change(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1"})
    ladle("build", from_busybox(busybox), files)
    os.utime(files / "a.txt", (1, 1))
    assert not [
        step for step in steps(ladle("build", from_busybox(busybox), files), "DONE") if "RUN" in step or "COPY" in step
    ]


def test_a_mode_is_a_change(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1"})
    ladle("build", from_busybox(busybox), files)
    (files / "a.txt").chmod(0o600)
    assert "[one 2/3] COPY a.txt /a" in steps(ladle("build", from_busybox(busybox), files), "DONE")


def test_no_cache_runs_every_step_again(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1"})
    ladle("build", from_busybox(busybox), files)
    ran = steps(ladle("build", "--no-cache", from_busybox(busybox), files), "DONE")
    assert sum("RUN" in step or "COPY" in step for step in ran) == 6
    assert steps(ladle("build", from_busybox(busybox), files), "DONE") == []


def test_independent_stages_run_at_the_same_time(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    stages = [f"FROM busybox AS s{number}\nRUN sleep 1 && echo {number} > /made{number}\n" for number in range(8)]
    last = "FROM scratch\n" + "".join(f"COPY --from=s{number} /made{number} /\n" for number in range(8))
    files = context({"Dockerfile": "".join(stages) + last})
    ladle("build", from_busybox(busybox), context({"Dockerfile": "FROM busybox\nRUN true\n"}, "warm"))
    done = ladle("build", "--progress=rawjson", from_busybox(busybox), files)
    running, most = 0, 0
    import json

    for line in done.stderr.decode().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if "sleep 1" in event.get("name", ""):
            running += {"started": 1, "completed": -1}.get(event["type"], 0)
            most = max(most, running)
    assert most == 8


def test_a_build_argument_reaches_only_its_steps(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    dockerfile = "FROM busybox\nRUN echo before > /b\nARG V=1\nRUN echo $V > /v\n"
    files = context({"Dockerfile": dockerfile})
    ladle("build", from_busybox(busybox), files)
    ran = steps(ladle("build", "--build-arg=V=2", from_busybox(busybox), files), "DONE")
    assert [step for step in ran if "RUN" in step] == ["[3/3] RUN echo 2 > /v"]


def test_equal_requests_of_two_processes_run_once(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": "FROM busybox\nRUN sleep 2; cat /proc/sys/kernel/random/uuid > /uuid\n"})
    processes = [
        ladle.start("build", from_busybox(busybox), "-o", tmp_path / f"out{number}", files) for number in range(3)
    ]
    for process in processes:
        assert process.wait(60) == 0
        process.communicate()
    assert len({(tmp_path / f"out{number}" / "uuid").read_text() for number in range(3)}) == 1


def test_the_start_is_a_small_multiple_of_the_interpreters(
    ladle: Ladle, busybox: Path, context: Callable[..., Path]
) -> None:
    files = context({"Dockerfile": STAGES, "a.txt": "1"})
    flags = ("build", from_busybox(busybox), files)
    ladle(*flags)
    ladle(*flags)
    done = ladle(*flags, env={"PYTHONPROFILEIMPORTTIME": "1"})
    imported = [line for line in done.stderr.decode().splitlines() if "import time" in line]
    bare = Ladle([sys.executable, "-c", "pass"], ladle.store)(env={"PYTHONPROFILEIMPORTTIME": "1"})
    plain = [line for line in bare.stderr.decode().splitlines() if "import time" in line]
    assert len(imported) - len(plain) < 110, "a cached build imports too much: see the fast path"
