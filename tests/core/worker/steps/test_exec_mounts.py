# SPDX-License-Identifier: Apache-2.0
"""The mounts of a step: every kind, where they may lie, and that their mount points leave no trace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError

pytestmark = pytest.mark.root


def _tree(step: Any, name: str, files: dict[str, str]) -> dict[str, Any]:
    root = step.root / "snapshots" / name
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return {"kind": "layers", "layers": [name]}


def test_read_only_bind_of_a_directory_and_of_a_file(step: Any) -> None:
    ref = _tree(step, "7", {"sub/a": "A", "sub/b": "B"})
    mounts = [
        {"dest": "/m/n", "ref": ref, "selector": "/sub", "readonly": True},
        {"dest": "/one.txt", "ref": ref, "selector": "sub/b", "readonly": True},
    ]
    ran = step("cat /m/n/a /one.txt; echo x > /m/n/a; echo x > /one.txt", mounts=mounts)
    assert (ran.out, ran.err.count(b"Read-only file system")) == (b"AB", 2)
    assert step("true", mounts=mounts).written == {"dev", "proc", "sys"}


def test_a_writable_bind_is_thrown_away_or_becomes_its_output(step: Any) -> None:
    ref = _tree(step, "7", {"a": "A"})
    step("echo new > /m/a", mounts=[{"dest": "/m", "ref": ref}])
    assert (step.root / "snapshots" / "7" / "a").read_text() == "A"
    ran = step("echo new > /m/a; echo x > /m/x", mounts=[{"dest": "/m", "ref": ref, "output": "500"}])
    assert sorted(ran.result["outputs"])[-1] == "500"
    assert sorted(os.listdir(step.root / "snapshots" / "500")) == ["a", "x"]
    assert step("cat /m/a /m/x", mounts=[{"dest": "/m", "ref": {"kind": "layers", "layers": ["7", "500"]}}]).lines == [
        "new",
        "x",
    ]


def test_a_writable_mount_without_input_starts_empty(step: Any) -> None:
    ran = step("ls -A /m; echo y > /m/y", mounts=[{"dest": "/m", "output": "501"}])
    assert ran.out == b""
    assert os.listdir(step.root / "snapshots" / "501") == ["y"]


def test_a_local_directory_can_be_written_to_without_harm(step: Any, tmp_path: Path) -> None:
    local = tmp_path / "con,text:1"
    local.mkdir()
    (local / "f").write_text("mine")
    ref = {"kind": "local", "root": str(local), "table": ""}
    ran = step("cat /w/f; echo other > /w/f; echo x > /w/new; cat /w/f; ls /w", mounts=[{"dest": "/w", "ref": ref}])
    assert ran.lines == ["mineother", "f", "new"]
    assert (os.listdir(local), (local / "f").read_text()) == (["f"], "mine")


def test_a_directory_of_the_host(step: Any) -> None:
    ref = {"kind": "host", "path": "/usr"}
    ran = step(
        "test -e /usr/bin/env && echo there; echo x > /usr/x", mounts=[{"dest": "/usr", "ref": ref, "readonly": True}]
    )
    assert (ran.out, b"Read-only file system" in ran.err) == (b"there\n", True)


def test_tmpfs(step: Any) -> None:
    mounts = [{"dest": "/t", "type": "tmpfs", "size": 1 << 20}, {"dest": "/deep/t2", "type": "tmpfs"}]
    ran = step("grep -c ' /t tmpfs' /proc/mounts; stat -c %a /t; dd if=/dev/zero of=/t/f bs=1M count=2", mounts=mounts)
    assert ran.lines == ["1", "1777"]
    assert b"No space left" in ran.err
    assert "deep" not in step("true", mounts=mounts).written


def test_a_tmpfs_below_dev(step: Any) -> None:
    ran = step("echo x > /dev/shm/x; grep -c ' /dev/shm ' /proc/mounts", mounts=[{"dest": "/dev/shm", "type": "tmpfs"}])
    assert (ran.exit_code, ran.err) == (0, b"")


def test_secrets_are_files_in_memory_with_owner_and_mode(step: Any) -> None:
    secret = {"data": b"s3cret\n", "uid": 5, "gid": 6, "mode": 0o440}
    mounts = [
        {
            "dest": "/run/secrets/tok",
            "type": "secret",
            "secret": {"data": b"\x00\xff", "uid": 0, "gid": 0, "mode": 0o400},
        },
        {"dest": "/x/y", "type": "secret", "secret": secret},
    ]
    ran = step("cat /run/secrets/tok; stat -c '%a %u %g' /x/y; cat /x/y; echo z > /x/y", mounts=mounts)
    assert ran.out == b"\x00\xff440 5 6\ns3cret\n"
    assert b"Read-only" in ran.err
    assert not {"run", "x"} & step("true", mounts=mounts).written


def test_a_stub_that_the_step_filled_stays(step: Any) -> None:
    ran = step("echo kept > /a/b/more", mounts=[{"dest": "/a/b/c", "type": "tmpfs"}])
    assert {"a/b/more"} <= ran.written
    assert "a/b/c" not in ran.written


def test_cache_mounts_persist(step: Any) -> None:
    mount = {"dest": "/c", "type": "cache", "cache_dir": f"{step.root}/cachemounts/k", "sharing": "shared"}
    step("echo 1 > /c/f", mounts=[mount])
    for sharing in ("locked", "private", "shared"):
        assert step("cat /c/f", mounts=[{**mount, "sharing": sharing}]).lines == ["1"]
    assert "c" not in step("true", mounts=[mount]).written


def test_a_new_cache_is_a_copy_of_its_base(step: Any) -> None:
    ref = _tree(step, "7", {"cache/f": "base"})
    os.chown(step.root / "snapshots" / "7" / "cache", 33, 34)
    mount = {"dest": "/c", "type": "cache", "ref": ref, "selector": "/cache", "cache_dir": f"{step.root}/cachemounts/k"}
    assert step("cat /c/f; stat -c ' %u %g' /c; echo more > /c/f", mounts=[mount]).lines == ["base 33 34"]
    assert step("cat /c/f", mounts=[mount]).lines == ["more"]
    assert (step.root / "snapshots" / "7" / "cache" / "f").read_text() == "base"


def test_mounts_inside_mounts(step: Any) -> None:
    ref = _tree(step, "7", {"in/f": "F"})
    mounts = [{"dest": "/m/in", "type": "tmpfs"}, {"dest": "/m", "ref": ref, "readonly": True}]
    assert step("ls -A /m; ls -A /m/in", mounts=mounts).lines == ["in"]


def test_targets_go_through_links_but_never_out(step: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = step.root / "snapshots" / "1"
    (root / "abs").symlink_to(str(outside))
    (root / "up").symlink_to("../../../../../../../../../../../.." + str(outside))
    mounts = [{"dest": "/abs/t", "type": "tmpfs"}, {"dest": "/up/u", "type": "tmpfs"}]
    ran = step(f"grep -c '{outside}/[tu] tmpfs' /proc/mounts", mounts=mounts)
    assert ran.lines == ["2"]
    assert not list(outside.iterdir())
    assert not {part for part in ran.written if part.split("/")[0] == outside.parts[1]}


def test_a_dangling_resolv_conf_is_followed_inside(step: Any) -> None:
    (step.root / "snapshots" / "1" / "etc" / "resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    ran = step("cat /run/systemd/resolve/stub-resolv.conf")
    assert ran.out == Path("/etc/resolv.conf").read_bytes()
    assert not any(part.startswith("run") for part in ran.written)


@pytest.mark.parametrize("name", ["dev", "proc", "sys"])
def test_an_image_whose_runtime_directories_are_links_is_refused(step: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "target").mkdir()
    (step.root / "snapshots" / "1" / name).symlink_to(tmp_path / "target")
    with pytest.raises(BuildError, match=f"/{name} in the step's root is not a directory"):
        step("true")
    assert not list((tmp_path / "target").iterdir())


@pytest.mark.parametrize("dest", ["/proc/x", "/sys", "/dev", "/x/../proc"])
def test_kernel_directories_cannot_be_covered(step: Any, dest: str) -> None:
    with pytest.raises(BuildError, match="nothing can be mounted on"):
        step("true", mounts=[{"dest": dest, "type": "tmpfs"}])


def test_mistakes_in_mounts(step: Any) -> None:
    with pytest.raises(BuildError, match="cannot mount /absent on /m: No such file or directory"):
        step(
            "true", mounts=[{"dest": "/m", "ref": _tree(step, "7", {"a": ""}), "selector": "absent", "readonly": True}]
        )
    with pytest.raises(BuildError, match="cannot mount on /etc/passwd: Not a directory"):
        step("true", mounts=[{"dest": "/etc/passwd", "type": "tmpfs"}])
