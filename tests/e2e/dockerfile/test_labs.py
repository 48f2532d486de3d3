# SPDX-License-Identifier: Apache-2.0
"""The labs language in whole builds: the page's examples, files that appear, steps that run again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle

PAGE = Path(__file__).parents[3] / "docs" / "dockerfile-labs.md"
EXAMPLES = re.findall(r"```dockerfile\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
FILES = {
    "common.inc": "COPY own /included\n",
    "own": "mine",
    "tools.Dockerfile": "FROM scratch AS files\nCOPY own /made\n",
}
LABS = "# syntax=ladle/dockerfile-labs\n"


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_examples_are_built(built: Callable[..., Path], number: int) -> None:
    made = built(EXAMPLES[number], **FILES)
    wanted = [{"included", "own"}, {"made", "again"}, {"etc"}, {"now", "today"}][number]
    assert {path.name for path in made.iterdir()} >= wanted


@pytest.mark.row("DF-61")
def test_a_build_argument_asks_for_it_too(built: Callable[..., Path]) -> None:
    flag = ("--build-arg", "BUILDKIT_SYNTAX=ladle/dockerfile-labs")
    assert (built("FROM scratch\nINCLUDE common.inc\n", *flag, **FILES) / "included").read_text() == "mine"


def test_a_file_that_appears_later_is_copied(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    text = LABS + "FROM scratch\nCOPY --if-exists a.txt sub/b.txt c*.x /\n"
    directory = context({"Dockerfile": text})
    ladle("build", "-o", tmp_path / "out", directory)
    assert list((tmp_path / "out").iterdir()) == []
    (directory / "a.txt").write_text("a")
    (directory / "sub").mkdir()
    (directory / "sub" / "b.txt").write_text("b")
    ladle("build", "-o", tmp_path / "out", directory)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.txt", "b.txt"}


def test_steps_run_again_when_they_say_so(built: Callable[..., Path]) -> None:
    def value(flag: str) -> str:
        text = LABS + f"FROM busybox\nRUN {flag} cat /proc/sys/kernel/random/uuid > /made\n"
        return (built(text) / "made").read_text()

    assert value("--no-cache") != value("--no-cache")
    first = value("--cache-ttl=1h")
    assert value("--cache-ttl=1h") == first
    time.sleep(1.1)
    assert value("--cache-ttl=1s") != first
    assert value("--cache-ttl=1h") != first


def test_a_changed_part_is_read_again(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    directory = context({"Dockerfile": LABS + "FROM scratch\nINCLUDE part\n", "part": "COPY a /\n", "a": "1", "b": "2"})
    for name in ("a", "b"):
        (directory / "part").write_text(f"COPY {name} /only\n")
        ladle("build", "-o", tmp_path / name, directory)
    assert (tmp_path / "b" / "only").read_text() == "2"
