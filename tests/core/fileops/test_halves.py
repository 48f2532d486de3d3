# SPDX-License-Identifier: Apache-2.0
"""Two processes at one work: both are waited for, and what goes wrong in either is told."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.fileops import copy as copying
from ladle.core.fileops.halves import in_halves


def nothing() -> None:
    """The side that has nothing to do."""


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


def no_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def test_both_sides_are_done_in_different_processes(tmp_path: Path) -> None:
    def write(name: str) -> Callable[[], None]:
        return lambda: void((tmp_path / name).write_text(str(os.getpid())))

    in_halves(write("here"), write("there"), [])
    assert (tmp_path / "here").read_text() == str(os.getpid())
    assert (tmp_path / "there").read_text() != str(os.getpid())
    assert no_children()


def void(_: object) -> None:
    """Make a statement of an expression."""


def test_warnings_come_back_once() -> None:
    warnings = ["known"]
    in_halves(nothing, lambda: warnings.append("new"), warnings)
    assert warnings == ["known", "new"]


def test_errors_of_the_child_are_raised_as_they_were() -> None:
    with pytest.raises(OSError, match="No space") as full:
        in_halves(nothing, raising(OSError(errno.ENOSPC, "No space left on device", "/x")), [])
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, "/x")
    with pytest.raises(BuildError, match="changed during the build") as changed:
        in_halves(nothing, raising(BuildError("/a changed during the build", code="LA0302")), [])
    assert changed.value.code == "LA0302"
    assert no_children()


def test_an_error_here_stops_the_child() -> None:
    with pytest.raises(BuildError, match="bad"):
        in_halves(raising(BuildError("bad", code="LA0302")), signal.pause, [])
    assert no_children()


def test_a_killed_child_is_an_error() -> None:
    with pytest.raises(BuildError) as error:
        in_halves(nothing, lambda: os.kill(os.getpid(), signal.SIGKILL), [])
    assert error.value.code == "LA0317"


@pytest.mark.parametrize("most", [3, 1000])
def test_a_tree_copied_by_two_is_the_tree_copied_by_one(store: Any, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    files = {f"d{folder}/sub/f{number}": f"{folder} {number}" for folder in range(3) for number in range(folder * 3)}
    tree = {**files, "top": "x", "link": "-> top", "empty": None}
    alone = store.copy(tree, ("/", "/all"))
    monkeypatch.setattr(copying, "_MANY", 2)
    monkeypatch.setattr(copying, "_MOST", most)
    assert store.copy(tree, ("/", "/all")) == alone
    assert alone["/all/d2/sub/f5"] == "f 2 5"
