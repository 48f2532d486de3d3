# SPDX-License-Identifier: Apache-2.0
"""Steps of an ordinary user: in a namespace with many ids, with one, and from a plain user's worker."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ladle.core.api.errors import BuildError

pytestmark = pytest.mark.root


def test_a_step_runs_and_its_layer_is_ours(user_step: Any) -> None:
    ran = user_step("id -u; echo x > /x; cat /etc/hosts | wc -l; test -e /sys/class/net && echo sys; exit 0")
    assert ran.lines == ["0", "2", "sys"]
    assert ran.written == {"x", "dev", "proc", "sys"}


def test_isolation(user_step: Any) -> None:
    ran = user_step(
        "echo $$; ls /dev | grep -v core | wc -l; mount -t tmpfs x /bin; unshare -m true;"
        " echo 1 > /proc/sys/kernel/core_pattern; grep -E '^(Seccomp|CapEff):' /proc/self/status; mknod /n c 1 3;"
        " head -c 1 /dev/zero | wc -c; exit 7"
    )
    assert ran.exit_code == 7
    assert ran.lines[:2] == ["1", "14"]
    assert ran.lines[2:4] == ["CapEff:\t00000000a80425fb", "Seccomp:\t2"]
    assert ran.lines[-1] == "1"
    assert ran.err.count(b"permitted") + ran.err.count(b"permission") + ran.err.count(b"Read-only") >= 3


def test_network_none(user_step: Any) -> None:
    assert user_step("ls /sys/class/net; ifconfig lo | grep -c UP", network="none").lines == ["lo", "1"]


def test_the_host_s_usr_with_its_locked_flags(user_step: Any) -> None:
    mount = {"dest": "/usr", "ref": {"kind": "host", "path": "/usr"}, "readonly": True}
    ran = user_step("test -e /usr/bin/env && echo there; echo x > /usr/x", mounts=[mount])
    assert (ran.out, ran.exit_code) == (b"there\n", 1)


def test_mounts(user_step: Any) -> None:
    local = user_step.root / "local"
    local.mkdir()
    (local / "f").write_text("F")
    owner = (user_step.root / "snapshots").stat().st_uid
    for path in (local, local / "f"):
        os.chown(path, owner, owner)
    mounts = [
        {"dest": "/t", "type": "tmpfs"},
        {"dest": "/c", "type": "cache", "cache_dir": f"{user_step.root}/cachemounts/k"},
        {"dest": "/s", "type": "secret", "secret": {"data": b"s", "uid": 0, "gid": 0, "mode": 0o400}},
        {"dest": "/l", "ref": {"kind": "local", "root": str(local), "table": ""}},
    ]
    ran = user_step("cat /s /l/f; echo x > /t/x; echo x > /c/x; echo x > /l/f; echo x > /l/new", mounts=mounts)
    assert (ran.exit_code, ran.out, ran.err) == (0, b"sF", b"")
    assert [path.name for path in local.iterdir()] == ["f"]


@pytest.mark.parametrize("user_step", ["many"], indirect=True)
def test_other_users_of_many_ids(user_step: Any) -> None:
    assert user_step("id -u; id -G; cat /etc/passwd | wc -l", user="web").lines == ["33", "34 50 51", "4"]


@pytest.mark.parametrize("user_step", ["single", "user"], indirect=True)
def test_other_users_need_more_than_one_id(user_step: Any) -> None:
    with pytest.raises(BuildError, match="only one user id is available") as caught:
        user_step("true", user="web")
    assert "subuid" in caught.value.help


def test_runc_is_good_enough_here(user_step: Any) -> None:
    ran = user_step("id -u; grep Seccomp: /proc/self/status; echo x > /x", executor="runc")
    assert (ran.lines, ran.result["executor"]) == (["0", "Seccomp:\t2"], "runc")
    assert "x" in ran.written
