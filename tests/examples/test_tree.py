# SPDX-License-Identifier: Apache-2.0
"""The frontend in JavaScript: it keeps the protocol, builds what it draws, and says what is wrong where."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.cli.frontend.conformance import CASES, Suite, sample_of
from ladle.core.cli.frontend.peer import target_of
from tests.support.command import Ladle
from tests.support.repository import REPOSITORY

EXAMPLE = REPOSITORY / "examples/frontends"
Write = Callable[..., Path]


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_protocol(case: str) -> None:
    suite = Suite(target_of([str(EXAMPLE / "tree.js")]), sample_of(str(EXAMPLE / "release.tree")))
    assert CASES[case](suite)


def test_it_builds_what_it_draws(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    text = "# syntax=./tree.js\na/ (711)\n  b/\n    c (600) = words = more\n  d -> b/c\n# no\ne < sub/x\n"
    directory = context({"Treefile": text, "sub/x": "from the context"})
    shutil.copy(EXAMPLE / "tree.js", directory)
    args = ("build", "-f", directory / "Treefile", "-o", tmp_path / "out", "--progress", "plain", directory)
    ladle(*args)
    out = tmp_path / "out"
    assert (out / "a/d").read_text() == "words = more\n"
    assert (out / "e").read_text() == "from the context"
    assert stat.S_IMODE((out / "a").stat().st_mode) == 0o711
    assert stat.S_IMODE((out / "a/b/c").stat().st_mode) == 0o600
    (directory / "unrelated").write_text("x")
    assert "0 cached" not in ladle(*args).stderr.decode()
    (directory / "sub/x").write_text("changed")
    ladle(*args)
    assert (out / "e").read_text() == "changed"


def test_mistakes_are_all_told_with_their_lines(ladle: Ladle, context: Write) -> None:
    directory = context({"Treefile": "# syntax=./tree.js\nwhat is this\n  ..\nü/\n  a/ = 1\nb\n"})
    shutil.copy(EXAMPLE / "tree.js", directory)
    done = ladle("build", "-f", directory / "Treefile", directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    for code, place in (("TREE01", "2:1"), ("TREE02", "3:3"), ("TREE03", "5:3"), ("TREE04", "6:1")):
        assert f"error[{code}]" in said
        assert f"Treefile:{place}\n" in said
    (directory / "Treefile").write_text("# syntax=./tree.js\nx < absent\n")
    assert (
        "line 2: the build context has no absent"
        in ladle("build", "-f", directory / "Treefile", directory, check=False).stderr.decode()
    )
