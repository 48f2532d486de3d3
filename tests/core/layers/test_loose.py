# SPDX-License-Identifier: Apache-2.0
"""Layers that are laid on others: the same blob as on their own parents, and a directory that says no more than it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers import jobs, loose

pytestmark = pytest.mark.root
RunJob = Callable[..., dict[str, Any]]
Tree = Callable[[str, str], Path]
LOWER = "d d\nd/a f 644 0:0 a\nd/sub d\nd/sub/s f\nf f 644 0:0 same\nplain d\ngone f\nt f"
LOOSE = {
    "new files": "d d\nd/b f 4755 3:4 b\nn l 777 0:0 d",
    "changed": "f f 600 0:0 same",
    "removed": "d d\nd/a w\ngone w",
    "a file for a directory": "d f",
    "links": "x f 644 0:0 x\ny h 644 0:0 x",
    "nothing": "",
}
TIGHT = {
    "opaque": ("d o\nd/new f", ["d", "d/a -", "d/new", "d/sub -"]),
    "opaque with what was there": ("d o\nd/sub d\nd/sub/two f", ["d", "d/a -", "d/sub", "d/sub/s -", "d/sub/two"]),
    "opened and left": ("f f 644 0:0 same\nn f", ["n"]),
    "entered and left": ("plain d\nn f", ["n"]),
    "never there": ("never w\nn f", ["n"]),
    "a directory for a file": ("t o\nt/x f", ["t", "t/x"]),
}


def settle(*roots: Path) -> None:
    for root in roots:
        for path in root.rglob("*"):
            os.utime(path, ns=(1_600_000_000_000_000_001,) * 2, follow_symlinks=False)


def blob(run_job: RunJob, out: Path, snapshot: str, parents: list[str], *, anywhere: bool = False) -> bytes:
    run_job(
        jobs.diff, parents=parents, snapshot=snapshot, compression="uncompressed", level=None, epoch=None,
        out=str(out), loose=anywhere,
    )  # fmt: skip
    return out.read_bytes()


def shown(path: Path, root: Path) -> str:
    """Return a path below a layer directory, with a dash after a removal's mark."""
    return str(path.relative_to(root)) + (" -" if stat.S_ISCHR(path.lstat().st_mode) else "")


@pytest.mark.parametrize("case", LOOSE)
def test_a_layer_of_changes_alone_stays(case: str, run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    settle(tree("store/snapshots/1", LOWER), tree("store/snapshots/2", LOOSE[case]))
    assert run_job(loose.loosen, layer="2", parents=["1"], snapshot="3") == {"made": False, "warnings": []}
    assert not (tmp_path / "store/snapshots/3").exists()
    assert blob(run_job, tmp_path / "a", "2", ["1"]) == blob(run_job, tmp_path / "b", "2", [], anywhere=True)


@pytest.mark.parametrize("case", TIGHT)
def test_a_layer_that_says_more_is_made_anew(case: str, run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    spec, expected = TIGHT[case]
    upper = tree("store/snapshots/2", spec)
    settle(tree("store/snapshots/1", LOWER), upper)
    upper.chmod(0o700)
    os.utime(upper, ns=(5, 5))
    assert run_job(loose.loosen, layer="2", parents=["1"], snapshot="3") == {"made": True, "warnings": []}
    made = tmp_path / "store/snapshots/3"
    assert sorted(shown(path, made) for path in made.rglob("*")) == expected
    assert all("trusted.overlay.opaque" not in os.listxattr(path) for path in made.rglob("*"))
    assert (made.stat().st_mode & 0o7777, made.stat().st_mtime_ns) == (0o700, 5)
    own = blob(run_job, tmp_path / "a", "2", ["1"])
    assert blob(run_job, tmp_path / "b", "3", [], anywhere=True) == own == blob(run_job, tmp_path / "c", "3", ["1"])
    assert run_job(loose.loosen, layer="3", parents=["1"], snapshot="4")["made"] is False


def test_a_lost_layer(run_job: RunJob) -> None:
    with pytest.raises(BuildError) as caught:
        run_job(loose.loosen, layer="404", parents=[], snapshot="3")
    assert caught.value.code == "LA0633"
