# SPDX-License-Identifier: Apache-2.0
"""The device cgroup: what the kernel lets a process under it open."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ladle.core.worker import exec_devices
from tests.support.processes import eventually

pytestmark = pytest.mark.root


def _opens(path: Path, kind: int, major: int, minor: int) -> int:
    """Make and open a device node under the program; returns the errno, 0 if it opened."""
    pid = os.fork()
    if pid == 0:
        status = 255
        try:
            if exec_devices.guarded():
                os.mknod(path, kind | 0o666, os.makedev(major, minor))
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                status = 0
        except OSError as error:
            status = error.errno or 254
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(("major", "minor"), [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9)])
def test_harmless_devices_open(tmp_path: Path, major: int, minor: int) -> None:
    assert _opens(tmp_path / "node", 0o020000, major, minor) == 0


@pytest.mark.parametrize(
    ("kind", "major", "minor"),
    [(0o020000, 1, 1), (0o020000, 1, 11), (0o020000, 10, 229), (0o060000, 254, 0), (0o060000, 1, 3), (0o020000, 4, 1)],
)
def test_other_devices_can_be_made_but_not_opened(tmp_path: Path, kind: int, major: int, minor: int) -> None:
    assert _opens(tmp_path / "node", kind, major, minor) == errno.EPERM


def test_the_program_ends_in_a_refusal() -> None:
    code = exec_devices.program()
    assert len(code) % 8 == 0
    assert code[-16:] == b"\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0"


def test_cgroups_that_nobody_is_in_are_removed(tmp_path: Path) -> None:
    assert _opens(tmp_path / "node", 0o020000, 1, 3) == 0
    parent = Path(exec_devices._current_cgroup())
    left = parent / f"ladle-steps-{os.getpid()}"
    left.mkdir()
    exec_devices.remove_unused()
    assert not left.exists()

    def gone_or_used() -> bool:
        exec_devices.remove_unused()
        try:
            return (parent / "ladle-steps" / "cgroup.procs").read_text() != ""
        except OSError:
            return True

    assert eventually(gone_or_used, 5)
