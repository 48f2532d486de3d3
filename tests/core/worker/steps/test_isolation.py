# SPDX-License-Identifier: Apache-2.0
"""What a step cannot see or do, as root; the same questions to both executors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root


def test_only_its_own_processes_are_seen_and_it_is_pid_1(step: Any) -> None:
    ran = step(f"echo $$; set -- /proc/[0-9]*; echo $#; kill -0 {os.getpid()} 2>&1 || echo unseen")
    assert ran.lines[:2] == ["1", "1"]
    assert ran.lines[-1] == "unseen"


@pytest.mark.parametrize(
    "command",
    [
        "mount -t tmpfs x /bin",
        "umount /etc/hosts",
        "unshare -m true",
        "unshare -U true",
        "hostname other",
        "echo h > /proc/sysrq-trigger",
        "echo x > /proc/sys/kernel/core_pattern",
        "echo 1 > /sys/kernel/uevent_helper",
        "mkdir /sys/fs/cgroup/x",
        "mount -o remount,rw /sys",
        "dd if=/dev/mem of=/dev/null count=1",
        "grep -q . /proc/kcore",
        "grep -q . /proc/keys",
        "ls /sys/firmware/* /proc/scsi/*",
        "mknod /node c 10 229; cat /node",
        "mknod /disk b 254 0; head -c 1 /disk",
    ],
)
def test_refused(step: Any, command: str) -> None:
    assert step(command).exit_code != 0


def test_device_nodes_can_be_made_and_harmless_ones_used(step: Any) -> None:
    ran = step("mknod /n c 1 3 && echo x > /n && cat /n && ls /dev")
    assert ran.exit_code == 0
    assert " ".join(ran.lines) == "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"


def test_devices_work(step: Any) -> None:
    ran = step("head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo x > /dev/null; echo x > /dev/full")
    assert (ran.lines, b"No space left on device" in ran.err) == (["3", "3"], True)
    assert step("stat -c '%a %t,%T' /dev/null; stat -c %a /dev/shm /dev/pts").lines == ["666 1,3", "1777", "755"]


def test_capabilities_are_the_usual_ones(step: Any) -> None:
    ran = step("grep Cap /proc/self/status")
    values = {line.split(":")[0]: int(line.split(":")[1], 16) for line in ran.lines}
    usual = 0xA80425FB
    assert values == {"CapInh": 0, "CapPrm": usual, "CapEff": usual, "CapBnd": usual, "CapAmb": 0}


def test_seccomp_is_on_and_setuid_programs_work(step: Any) -> None:
    assert step("grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status").lines == ["NoNewPrivs:\t0", "Seccomp:\t2"]
    base = step("chmod 4755 /bin/busybox; echo 'web::1:0:99999:7:::' > /etc/shadow").layer.name
    assert (
        step(
            "su -s /bin/sh root -c 'id -u' < /dev/null; grep CapBnd /proc/self/status", user="web", base=["1", base]
        ).exit_code
        == 0
    )
    assert step("su web -s /bin/sh -c 'id -u'").lines == ["33"]


def test_no_descriptor_or_directory_of_ours_leaks_in(step: Any, tmp_path: Path) -> None:
    secret = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(secret, True)
    try:
        ran = step("for fd in /proc/self/fd/*; do readlink $fd; done")
    finally:
        os.close(secret)
    assert all(line.startswith(("pipe:", "/dev/null", "/proc/")) for line in ran.lines), ran.lines
    assert len(ran.lines) <= 4


def test_the_insecure_mode_opens_the_sandbox(step: Any) -> None:
    ran = step(
        "mount -t tmpfs x /mnt || mkdir /mnt && mount -t tmpfs x /mnt; grep Seccomp: /proc/self/status",
        security="insecure",
    )
    assert ran.lines[-1] == "Seccomp:\t0"
    assert step("mkdir /mnt; mount -t tmpfs x /mnt", security="insecure").exit_code == 0


def test_setuid_and_devices_of_a_mount_do_not_count(step: Any, tmp_path: Path) -> None:
    local = tmp_path / "l"
    local.mkdir()
    os.mknod(local / "zero", 0o20666, os.makedev(1, 5))
    mount = {"dest": "/l", "ref": {"kind": "local", "root": str(local), "table": ""}, "readonly": True}
    assert step("head -c 1 /l/zero", mounts=[mount]).exit_code != 0
