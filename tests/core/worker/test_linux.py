# SPDX-License-Identifier: Apache-2.0
"""The system calls, where no other test would notice a wrong one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.worker import linux
from ladle.core.worker.child import run_in_child
from ladle.core.worker.job import JobContext


def _in_child(root: Path, function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    def job(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
        return function()

    return run_in_child(str(root), job, {}, options={})


def test_errors_carry_errno_and_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        linux.mount("none", str(tmp_path / "absent"), "tmpfs")
    assert caught.value.filename == str(tmp_path / "absent")
    with pytest.raises(OSError, match="Invalid argument"):
        linux.umount(str(tmp_path), 1 << 20)


def test_options_of_more_than_a_page_are_refused_instead_of_cut(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="exceed one page") as caught:
        linux.mount("none", str(tmp_path), "tmpfs", 0, "x" * os.sysconf("SC_PAGE_SIZE"))
    assert caught.value.errno == errno.E2BIG


@pytest.mark.root
@pytest.mark.parametrize("old_kernel", [False, True])
def test_a_read_only_bind_keeps_the_flags_of_its_source(tmp_path: Path, old_kernel: bool) -> None:
    for name in ("source", "target"):
        (tmp_path / name).mkdir()

    def mounts() -> dict[str, Any]:
        if old_kernel:
            linux._NR_MOUNT_SETATTR = 100_000
        linux.mount("none", str(tmp_path / "source"), "tmpfs", linux.MS_NOSUID | linux.MS_NOEXEC)
        linux.bind(str(tmp_path / "source"), str(tmp_path / "target"), read_only=True, nodev=True)
        return {"flags": linux.mount_flags(str(tmp_path / "target"))}

    flags = _in_child(tmp_path, mounts)["flags"]
    for flag in (linux.MS_RDONLY, linux.MS_NODEV, linux.MS_NOSUID, linux.MS_NOEXEC):
        assert flags & flag


@pytest.mark.root
def test_a_read_only_bind_covers_mounts_below(tmp_path: Path) -> None:
    for name in ("source/below", "target"):
        (tmp_path / name).mkdir(parents=True)

    def mounts() -> dict[str, Any]:
        linux.mount("none", str(tmp_path / "source/below"), "tmpfs")
        linux.bind(str(tmp_path / "source"), str(tmp_path / "target"), read_only=True)
        with pytest.raises(OSError, match="Read-only"):
            (tmp_path / "target/below/file").write_text("x")
        (tmp_path / "source/below/file").write_text("x")
        return {}

    assert _in_child(tmp_path, mounts) == {}


@pytest.mark.root
def test_capabilities_can_be_given_up(tmp_path: Path) -> None:
    def drop() -> dict[str, Any]:
        linux.capset(1 << linux.CAP_SETUID, 1 << linux.CAP_SETUID | 1 << linux.CAP_SYS_ADMIN)
        before = linux.effective_capabilities()
        linux.capset(1 << linux.CAP_SETUID | 1 << linux.CAP_SYS_ADMIN, 1 << linux.CAP_SETUID | 1 << linux.CAP_SYS_ADMIN)
        return {"before": before}

    assert _in_child(tmp_path, drop) == {"before": 1 << linux.CAP_SETUID}


@pytest.mark.root
def test_a_process_dies_with_its_parent_even_if_that_is_gone_already(tmp_path: Path) -> None:
    def orphan() -> dict[str, Any]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            linux.die_with_parent(1 if os.getppid() != 1 else 2)
            os.write(writer, b"alive")
            os._exit(0)
        os.close(writer)
        return {"said": os.read(reader, 10), "status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}

    assert _in_child(tmp_path, orphan) == {"said": b"", "status": -9}


def test_a_file_system_can_be_flushed(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    linux.syncfs(fd)
    os.close(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        linux.syncfs(fd)
