# SPDX-License-Identifier: Apache-2.0
"""The overlay snapshotter on the real kernel: many layers, whiteouts, opaque directories, volatile mounts, errors."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.snapshotter import opaque_xattr
from ladle.core.worker.child import run_in_child
from ladle.core.worker.job import JobContext
from ladle.plugins.snapshotters import overlay

Job = Callable[[JobContext, dict[str, Any]], dict[str, Any]]
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "snapshots").mkdir()
    return tmp_path


@pytest.fixture
def run(root: Path) -> Run:
    def call(function: Job, **args: Any) -> dict[str, Any]:
        return run_in_child(str(root), function, args, options={"snapshotter": f"{overlay.__name__}:Overlay"})

    return call


def _layer(root: Path, name: str, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = root / "snapshots" / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def _read(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    view = Path(context.tree({"kind": "layers", "layers": args["layers"]}))
    return {path.relative_to(view).as_posix(): path.read_text() for path in view.rglob("*") if path.is_file()}


@pytest.mark.root
@pytest.mark.parametrize("count", [1, 2, 300, overlay.MAX_STACK, overlay.MAX_STACK + 1, overlay.MAX_LAYERS])
def test_that_many_layers_are_read_and_written_over(root: Path, run: Run, count: int) -> None:
    names = [f"{number + 100_000}" for number in range(count)]
    for name in names:
        _layer(root, name, {"last": name, f"own-{name}": ""})

    def write(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(names)
        entries = len(os.listdir(staging.path))
        Path(staging.path, "last").write_text("new")
        Path(staging.path, f"own-{names[0]}").unlink()
        staging.commit("new")
        return {"entries": entries}

    seen = run(_read, layers=names)
    assert (seen["last"], len(seen)) == (names[-1], count + 1)
    assert run(write) == {"entries": count + 1}
    assert sorted(os.listdir(root / "snapshots/new")) == ["last", f"own-{names[0]}"]


@pytest.mark.root
def test_one_layer_too_many_is_told_before_mounting(root: Path, run: Run) -> None:
    with pytest.raises(BuildError, match="at most 799") as caught:
        run(_read, layers=[str(number) for number in range(overlay.MAX_LAYERS + 1)])
    assert caught.value.code == "WK0011"


def test_of_equal_layers_the_topmost_counts() -> None:
    assert overlay.distinct(["1", "2", "1", "3", "2"]) == ["1", "3", "2"]


@pytest.mark.root
def test_a_layer_that_comes_twice_can_be_mounted(root: Path, run: Run) -> None:
    _layer(root, "1", {"a": "1"})
    _layer(root, "2", {"a": "2", "b": "2"})
    assert run(_read, layers=["1", "2", "1"]) == {"a": "1", "b": "2"}


@pytest.mark.root
def test_a_recreated_directory_is_opaque_and_a_removed_one_a_whiteout(root: Path, run: Run) -> None:
    _layer(root, "1", {"again/old": "x", "gone/old": "x"})

    def change(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(["1"])
        for name in ("again", "gone"):
            Path(staging.path, name, "old").unlink()
            Path(staging.path, name).rmdir()
        Path(staging.path, "again").mkdir()
        Path(staging.path, "again/new").write_text("y")
        staging.commit("2")
        return {}

    run(change)
    upper = root / "snapshots/2"
    assert os.getxattr(upper / "again", opaque_xattr(rootless=False)) == b"y"
    assert stat.S_ISCHR((upper / "gone").lstat().st_mode)
    assert run(_read, layers=["1", "2"]) == {"again/new": "y"}


@pytest.mark.root
def test_layers_are_never_written_in_place(root: Path, run: Run) -> None:
    _layer(root, "1", {"file": "old"})
    before = (root / "snapshots/1/file").stat()

    def append(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(["1"])
        path = Path(staging.path, "file")
        path.write_text("new")
        path.chmod(0o600)
        os.rename(path, f"{staging.path}/other")
        staging.commit("2")
        return {}

    run(append)
    assert (root / "snapshots/1/file").read_text() == "old"
    assert (root / "snapshots/1/file").stat().st_mode == before.st_mode
    assert run(_read, layers=["1", "2"]) == {"other": "new"}


@pytest.mark.root
def test_an_upper_directory_has_no_redirects(root: Path, run: Run) -> None:
    _layer(root, "1", {"dir/file": "x"})

    def rename(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(["1"])
        with pytest.raises(OSError, match="cross-device") as caught:
            os.rename(f"{staging.path}/dir", f"{staging.path}/moved")
        return {"errno": caught.value.errno}

    assert run(rename) == {"errno": errno.EXDEV}


@pytest.mark.root
def test_a_staging_is_volatile_and_the_next_one_over_it_works(root: Path, run: Run) -> None:
    _layer(root, "1", {"a": "1"})

    def stage(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(args["layers"])
        options = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if staging.path in line]
        staging.commit(args["commit"])
        return {"options": options}

    (line,) = run(stage, layers=["1"], commit="2")["options"]
    assert "volatile" in line
    assert "nodev" in line
    run(stage, layers=["1", "2"], commit="3")
    assert sorted(os.listdir(root / "snapshots")) == [".new", "1", "2", "3"]


@pytest.mark.root
def test_a_lost_layer_is_named(root: Path, run: Run) -> None:
    _layer(root, "1", {"a": "1"})
    for layers in (["1", "2"], ["2"], ["2", "1"]):
        with pytest.raises(BuildError, match="the store has lost layer 2") as caught:
            run(_read, layers=layers)
        assert caught.value.code == "LA0633"

    def stage(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        context.staging(["1", "2"])
        return {}

    with pytest.raises(BuildError, match="the store has lost layer 2"):
        run(stage)


@pytest.mark.root
def test_a_store_on_an_overlay_is_told_to_move(root: Path) -> None:
    _layer(root, "1", {"a": "1"})

    def inside(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(["1"])
        os.makedirs(f"{staging.path}/snapshots/probe")
        overlay.Overlay(f"{staging.path}/snapshots", rootless=False).probe(f"{staging.path}/snapshots/probe")
        return {}

    with pytest.raises(BuildError, match="overlayfs does not work") as caught:
        run_in_child(str(root), inside, {}, options={"snapshotter": f"{overlay.__name__}:Overlay"})
    assert any("overlay file system itself" in note for note in caught.value.notes)
    assert "LADLE_ROOT" in caught.value.help


@pytest.mark.parametrize(
    ("number", "rootless", "advice"),
    [
        (errno.ENODEV, False, "modprobe overlay"),
        (errno.EPERM, True, "--privileged"),
        (errno.EACCES, False, "--privileged"),
        (errno.EINVAL, True, "newer kernel"),
        (errno.EIO, False, ""),
    ],
)
def test_each_refusal_has_its_advice(tmp_path: Path, number: int, rootless: bool, advice: str) -> None:
    error = overlay.unusable(OSError(number, os.strerror(number)), str(tmp_path), rootless=rootless)
    assert error.code == "WK0010"
    assert os.strerror(number) in error.notes[0]
    assert advice in error.help
    assert bool(error.help) == bool(advice)
