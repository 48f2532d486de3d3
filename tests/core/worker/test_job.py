# SPDX-License-Identifier: Apache-2.0
"""Trees, stagings, scratch directories and their locks, in a forked child with mounts of its own."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.worker import wire
from ladle.core.worker.child import run_in_child
from ladle.core.worker.job import JobContext

pytestmark = pytest.mark.root

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(store: Path, options: dict[str, object]) -> Run:
    def call(function: Callable[[JobContext, dict[str, Any]], dict[str, Any]], **args: Any) -> dict[str, Any]:
        return run_in_child(str(store), function, args, options=options)

    return call


def _write(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    staging = context.staging(args["layers"])
    path = Path(staging.path)
    for name in args.get("remove", []):
        (path / name).unlink()
    for name, text in args.get("write", {}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    mode = stat.S_IMODE(path.stat().st_mode)
    if args.get("commit"):
        staging.commit(args["commit"])
    return {"mode": mode}


def _list(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    view = Path(context.tree(args["ref"]))
    files = {path.relative_to(view).as_posix(): path.read_text() for path in view.rglob("*") if path.is_file()}
    with pytest.raises(OSError, match="Read-only"):
        (view / "new").write_text("x")
    return {"files": files, "same": context.tree(args["ref"]) == str(view)}


def _layers(*names: str) -> dict[str, Any]:
    return {"kind": "layers", "layers": list(names)}


def test_what_is_written_over_layers_is_the_next_layer(run: Run, store: Path) -> None:
    run(_write, layers=[], write={"a": "1", "dir/b": "2"}, commit="1")
    run(_write, layers=["1"], write={"a": "3"}, commit="2")
    run(_write, layers=["1", "2"], remove=["dir/b"], write={"dir/c": "4"}, commit="3")
    assert run(_list, ref=_layers("1"))["files"] == {"a": "1", "dir/b": "2"}
    assert run(_list, ref=_layers("1", "2"))["files"] == {"a": "3", "dir/b": "2"}
    assert run(_list, ref=_layers("1", "2", "3")) == {"files": {"a": "3", "dir/c": "4"}, "same": True}
    whiteout = (store / "snapshots/3/dir/b").lstat()
    assert (stat.S_ISCHR(whiteout.st_mode), whiteout.st_rdev) == (True, 0)
    assert sorted(os.listdir(store / "snapshots")) == [".new", "1", "2", "3"]
    assert os.listdir(store / "snapshots/.new") == []


def test_the_top_directory_starts_0755_and_then_keeps_what_it_was(run: Run, store: Path) -> None:
    assert run(_write, layers=[], commit="1")["mode"] == 0o755
    lower = store / "snapshots/1"
    lower.chmod(0o1750)
    os.chown(lower, 12, 34)
    os.utime(lower, (1_000_000_000, 1_000_000_000))
    assert run(_write, layers=["1"], commit="2")["mode"] == 0o1750
    status = (store / "snapshots/2").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o1750, 12, 34)
    assert status.st_mtime == 1_000_000_000


def test_an_empty_list_of_layers_is_an_empty_tree(run: Run) -> None:
    def listing(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        return {"names": os.listdir(context.tree(_layers()))}

    assert run(listing) == {"names": []}


def test_directories_of_the_session_and_of_the_machine_are_read_only(run: Run, tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/file").write_text("x")
    for ref in (
        {"kind": "local", "root": str(tmp_path / "context"), "table": ""},
        {"kind": "host", "path": str(tmp_path / "context")},
    ):
        assert run(_list, ref=ref)["files"] == {"file": "x"}


def test_a_missing_directory_of_the_session_is_the_users_error(run: Run, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot open the directory"):
        run(_list, ref={"kind": "local", "root": str(tmp_path / "absent")})


def test_what_is_not_committed_leaves_nothing(run: Run, store: Path) -> None:
    run(_write, layers=[], write={"a": "1"})
    assert os.listdir(store / "snapshots") == [".new"]
    assert os.listdir(store / "snapshots/.new") == []


def test_an_error_after_staging_leaves_nothing(run: Run, store: Path) -> None:
    def broken(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging([])
        context.tree(_layers())
        os.chdir(staging.path)
        raise ValueError("in between")

    with pytest.raises(InternalError, match="in between"):
        run(broken)
    assert os.listdir(store / "snapshots/.new") == []


@pytest.mark.parametrize("name", ["../x", "", "a/b", "a:b", "a,b", "é", "x" * 33, 7, b"1"])
def test_a_snapshot_id_is_a_short_word(run: Run, name: object) -> None:
    with pytest.raises(InternalError, match="not a snapshot id"):
        run(_list, ref={"kind": "layers", "layers": [name]})


def test_an_unknown_kind_of_ref_is_a_bug(run: Run) -> None:
    with pytest.raises(InternalError, match="unknown kind of ref"):
        run(_list, ref={"kind": "odd"})


def test_committing_onto_an_existing_snapshot_is_a_bug(run: Run) -> None:
    run(_write, layers=[], write={"a": "1"}, commit="1")
    with pytest.raises(InternalError, match="exists already"):
        run(_write, layers=[], write={"a": "2"}, commit="1")
    assert run(_list, ref=_layers("1"))["files"] == {"a": "1"}


def test_the_scratch_directory_is_locked_while_the_job_lives(run: Run) -> None:
    def locked(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        fd = os.open(context.scratch(), os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return {"scratch": context.scratch()}

    assert not Path(run(locked)["scratch"]).exists()


def test_devices_in_a_staging_cannot_be_opened(run: Run) -> None:
    def opening(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        staging = context.staging(args["layers"])
        name = f"null-{args['commit']}"
        os.mknod(f"{staging.path}/{name}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        with pytest.raises(PermissionError):
            Path(staging.path, name).read_bytes()
        staging.commit(args["commit"])
        with pytest.raises(PermissionError):
            Path(context.tree(_layers(args["commit"])), name).read_bytes()
        return {}

    assert run(opening, layers=[], commit="1") == {}
    assert run(opening, layers=["1"], commit="2") == {}


def test_events_come_in_order_before_the_result(store: Path, options: dict[str, object]) -> None:
    def talk(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        for number in range(100):
            context.emit({"n": number, "data": bytes(number)})
        return {"done": 1}

    seen: list[dict[str, Any]] = []
    assert run_in_child(str(store), talk, {}, options=options, on_event=seen.append) == {"done": 1}
    assert [event["n"] for event in seen] == list(range(100))


def test_a_child_that_dies_has_given_no_answer(run: Run) -> None:
    def dying(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        os.kill(os.getpid(), 9)
        return {}

    with pytest.raises(wire.WireError, match="without an answer"):
        run(dying)


def test_mounts_stay_in_the_child(run: Run, store: Path) -> None:
    run(_write, layers=[], write={"a": "1"}, commit="1")
    run(_list, ref=_layers("1"))
    assert str(store) not in Path("/proc/self/mountinfo").read_text()
