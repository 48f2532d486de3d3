# SPDX-License-Identifier: Apache-2.0
"""The build context as a mount of a step: it reads what its key says, whatever happens to the directory meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.store.check import check
from tests.support.command import Ladle, steps
from tests.support.faulty import refused

pytestmark = pytest.mark.root
Context = Callable[..., Path]


@pytest.fixture
def build(ladle: Ladle, busybox: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Return a function that builds to `out` and gives the command line."""

    def arguments(files: Path) -> list[str]:
        return ["build", f"--build-context=busybox=oci-layout://{busybox}", "-o", str(tmp_path / "out"), str(files)]

    return arguments


def test_what_the_ignore_file_names_is_not_there_and_all_is_roots(
    ladle: Ladle, build: Callable[..., list[str]], context: Context, tmp_path: Path
) -> None:
    run = "RUN --mount=type=bind,target=/m {} cd /m && find . | sort > /list && stat -c '%u:%g' open > /owner\n"
    for rights in ("", ",rw"):
        text = "FROM busybox\n" + run.replace("/m {}", f"/m{rights}")
        files = context({"Dockerfile": text, "open": "1", "d/hidden": "2", ".dockerignore": "**/hidden\n"})
        os.chown(files / "open", 55, 55)
        ladle(*build(files))
        listed = (tmp_path / "out" / "list").read_text().split()
        assert listed == [".", "./.dockerignore", "./Dockerfile", "./d", "./open"]
        assert (tmp_path / "out" / "owner").read_text() == "0:0\n"
        (files / "d" / "hidden").write_text("other")
        assert steps(ladle(*build(files)), "DONE") == []


READS = "FROM busybox\nRUN --mount=type=bind,target=/m{} cat /m/a > /one && echo waiting && {} && cat /m/a > /two\n"


@pytest.mark.parametrize("rights", ["", ",source=a,target=/m/a"])
def test_a_change_during_the_step_is_not_seen_by_it(
    ladle: Ladle, build: Callable[..., list[str]], context: Context, tmp_path: Path, rights: str
) -> None:
    files = context({"Dockerfile": READS.format(rights, "sleep 1"), "a": "first\n"})
    process = ladle.start(*build(files))
    said = b""
    assert process.stderr is not None
    while b"| waiting" not in said and b" waiting\n" not in said:
        said += process.stderr.readline()
    (files / "a").write_text("other\n")
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0, said + rest
    out = tmp_path / "out"
    assert [(out / name).read_text() for name in ("one", "two")] == ["first\n", "first\n"]
    ladle(*build(files))
    assert [(out / name).read_text() for name in ("one", "two")] == ["other\n", "other\n"]
    (files / "a").write_text("first\n")
    assert steps(ladle(*build(files)), "DONE") == []
    assert [(out / name).read_text() for name in ("one", "two")] == ["first\n", "first\n"]


def test_a_change_before_the_step_is_an_error(
    ladle: Ladle, build: Callable[..., list[str]], context: Context, tmp_path: Path
) -> None:
    text = "FROM busybox\nRUN echo waiting && sleep 1\nRUN --mount=type=bind,target=/m cat /m/a > /read\n"
    files = context({"Dockerfile": text, "a": "first\n"})
    process = ladle.start(*build(files))
    said = b""
    assert process.stderr is not None
    while b"| waiting" not in said and b" waiting\n" not in said:
        said += process.stderr.readline()
    (files / "a").write_text("other\n")
    _, rest = process.communicate(timeout=60)
    if process.returncode:
        assert b"changed during the build" in rest
    else:
        assert (tmp_path / "out" / "read").read_text() == "first\n"
    ladle(*build(files))
    assert (tmp_path / "out" / "read").read_text() == "other\n"
    assert check(str(ladle.store)) == []


def test_a_mount_of_what_is_not_there(ladle: Ladle, build: Callable[..., list[str]], context: Context) -> None:
    files = context({"Dockerfile": "FROM busybox\nRUN --mount=type=bind,source=none,target=/m true\n", "a": "1"})
    assert "none" in refused(ladle(*build(files), check=False))


def test_steps_side_by_side_share_one_copy(
    ladle: Ladle, build: Callable[..., list[str]], context: Context, tmp_path: Path
) -> None:
    stage = "FROM busybox AS s{0}\nRUN --mount=type=bind,target=/m cat /m/a > /{0}\n"
    copies = "".join(f"COPY --from=s{number} /{number} /\n" for number in range(4))
    text = "".join(stage.format(number) for number in range(4)) + "FROM scratch\n" + copies
    ladle(*build(context({"Dockerfile": text, "a": "x" * 1000})))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0", "1", "2", "3"]
    held = [path for path in (ladle.store / "snapshots").glob("*/a") if path.is_file()]
    assert len(held) == 1
