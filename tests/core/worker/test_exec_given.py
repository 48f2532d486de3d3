# SPDX-License-Identifier: Apache-2.0
"""The cgroup of a step that was given devices: what it may open there, and where it is afterwards."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker import exec_devices
from ladle.core.worker.exec_given import given_mounts

pytestmark = pytest.mark.root

FUSE = exec_devices.Rule(True, 10, 229, "rm")


def opened(path: Path, rules: list[exec_devices.Rule] | None, mode: int) -> tuple[int, int, bool]:
    """Open a node of /dev/fuse's numbers with rules and then without: both errnos, and whether a cgroup was left."""
    os.mknod(path, 0o020666, os.makedev(10, 229))
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        found = []
        try:
            assert exec_devices.guarded()
            with exec_devices.other_cgroup(rules):
                found.append(_try(path, mode))
            found.append(_try(path, mode))
            name = Path("/proc/self/cgroup").read_text().rstrip().rpartition("/")[2]
            found.append(int(name != "ladle-steps"))
        finally:
            os.write(write, bytes(found))
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        first, second, elsewhere = pipe.read()
    return first, second, bool(elsewhere)


def _try(path: Path, mode: int) -> int:
    try:
        os.close(os.open(path, mode))
    except OSError as error:
        return error.errno or 255
    return 0


@pytest.mark.parametrize(
    ("rules", "mode", "first"),
    [
        ([FUSE], os.O_RDONLY, 0),
        ([FUSE], os.O_RDWR, errno.EPERM),
        ([exec_devices.Rule(True, 10, 229, "rwm")], os.O_RDWR, 0),
        ([exec_devices.Rule(False, 10, 229, "rwm")], os.O_RDONLY, errno.EPERM),
        ([exec_devices.Rule(True, 10, 228, "rwm"), FUSE], os.O_RDONLY, 0),
        (None, os.O_RDWR, 0),
    ],
)
def test_a_step_opens_its_devices_and_no_other(
    tmp_path: Path, rules: list[exec_devices.Rule] | None, mode: int, first: int
) -> None:
    assert opened(tmp_path / "node", rules, mode) == (first, errno.EPERM, False)


def test_what_is_no_device(tmp_path: Path) -> None:
    node = {"path": "/dev/x", "kind": "", "access": "rw", **dict.fromkeys(("major", "minor", "fileMode", "uid", "gid"))}
    for host, told in ((tmp_path / "none", "No such file"), (tmp_path, "is no device node")):
        with pytest.raises(BuildError, match=told):
            given_mounts({"nodes": [{**node, "host": str(host)}]})
    with pytest.raises(BuildError, match="does not exist on this machine"):
        given_mounts({"mounts": [{"source": str(tmp_path / "none"), "dest": "/x", "readonly": True}]})
