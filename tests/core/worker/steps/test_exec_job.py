# SPDX-License-Identifier: Apache-2.0
"""One step, as root: exit codes, output, environment, user, directory, names and network."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError

pytestmark = pytest.mark.root


def test_success_commits_the_layer_and_only_what_was_written(step: Any) -> None:
    ran = step("echo hello > /greeting; echo out; echo err >&2")
    assert (ran.exit_code, ran.out, ran.err) == (0, b"out\n", b"err\n")
    assert ran.result["outputs"] == [ran.layer.name]
    assert ran.result["executor"] == step.executor
    assert (ran.layer / "greeting").read_text() == "hello\n"
    assert ran.written == {"greeting", "dev", "proc", "sys"}


def test_mount_points_of_the_runtime_stay_and_stubs_go(step: Any) -> None:
    ran = step("true")
    assert [(ran.layer / name).stat().st_mode & 0o7777 for name in ("dev", "proc", "sys")] == [0o755] * 3
    assert ran.written == {"dev", "proc", "sys"}
    assert (ran.layer / "etc").stat().st_mtime == 1_000_000


def test_a_change_of_the_steps_own_keeps_its_time(step: Any) -> None:
    ran = step("rm /etc/group; touch -d @2000000 /etc")
    assert (ran.layer / "etc").stat().st_mtime == 2_000_000


def test_an_etc_made_for_stubs_goes_too(step: Any) -> None:
    (step.root / "snapshots" / "3" / "bin").mkdir(parents=True)
    (step.root / "snapshots" / "3" / "bin" / "busybox").hardlink_to(step.root / "snapshots" / "1" / "bin" / "busybox")
    bare = step(["/bin/busybox", "ls", "/etc"], base=["3"])
    assert bare.lines == ["hosts", "resolv.conf"]
    assert bare.written == {"dev", "proc", "sys"}


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("sh -c 'kill -9 $$'; exit $?", 137), ("false", 1)])
def test_a_failing_step_leaves_no_layer(step: Any, command: str, code: int) -> None:
    ran = step(command)
    assert (ran.exit_code, ran.result["outputs"], ran.layer.exists()) == (code, [], False)


def test_other_exit_codes_can_be_valid(step: Any) -> None:
    assert step("echo x > /x; exit 3", valid_exit_codes=[0, 3]).layer.joinpath("x").exists()
    assert not step("exit 0", valid_exit_codes=[3]).result["outputs"]


@pytest.mark.parametrize(("args", "code"), [(["nosuch"], 127), (["/no/such"], 127), (["/etc/passwd"], 126)])
def test_a_program_that_cannot_be_run_says_so(step: Any, args: list[str], code: int) -> None:
    ran = step(args)
    assert ran.exit_code == code
    assert f'exec: "{args[0]}": '.encode() in ran.err


def test_environment_gets_path_and_home_only_where_missing(step: Any) -> None:
    default = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert sorted(step(["env"]).lines) == ["HOME=/root", f"PATH={default}"]
    given = step(["/bin/env"], env=["PATH=/x", "HOME=/h", "A=1", "E="], secret_env={"TOKEN": "s3"}).lines
    assert sorted(given) == ["A=1", "E=", "HOME=/h", "PATH=/x", "TOKEN=s3"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", "0 0 0 /root"),
        ("web", "33 34 34 50 51 /srv/web"),
        ("33", "33 34 34 50 51 /srv/web"),
        ("web:extra", "33 50 50 /srv/web"),
        ("1000", "1000 0 0 /"),
        ("1000:2000", "1000 2000 2000 /"),
        ("nohome", "40 40 40 /"),
    ],
)
def test_users(step: Any, user: str, expected: str) -> None:
    assert step("echo $(id -u) $(id -g) $(id -G) $HOME", user=user).lines == [expected]


def test_an_unknown_user_is_the_users_error(step: Any) -> None:
    with pytest.raises(BuildError, match=r"^unable to find user ghost: no matching entries in passwd file$") as caught:
        step("true", user="ghost")
    assert caught.value.code == "EX0001"


def test_a_user_without_privileges_has_no_capabilities(step: Any) -> None:
    ran = step("grep -E 'Cap(Eff|Prm|Bnd)' /proc/self/status; cat /etc/hosts > /etc/x", user="web")
    assert ran.lines[:2] == ["CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"]
    assert ran.exit_code == 1


def test_a_missing_working_directory_is_made_and_kept(step: Any) -> None:
    ran = step("pwd; stat -c '%a %u' .", cwd="/made/here", user="web")
    assert ran.lines == ["/made/here", "755 0"]
    assert (ran.layer / "made" / "here").is_dir()


def test_a_working_directory_follows_links_inside_the_root_only(step: Any) -> None:
    (step.root / "snapshots" / "1" / "link").symlink_to("/etc/../../../bin")
    assert step("pwd -P; ls -d busybox", cwd="/link").lines == ["/bin", "busybox"]


@pytest.mark.parametrize("cwd", ["/etc/passwd", "/etc/passwd/below"])
def test_an_impossible_working_directory_is_the_users_error(step: Any, cwd: str) -> None:
    with pytest.raises(BuildError, match="working directory") as caught:
        step("pwd", cwd=cwd)
    assert caught.value.code == "EX0008"


@pytest.mark.parametrize("number", range(3, 12))
def test_a_working_directory_is_no_way_out(step: Any, number: int) -> None:
    """CVE-2024-21626: a descriptor of ours, leaked up to the change of directory, leads to the host."""
    with contextlib.suppress(BuildError):
        assert "snapshots" not in step("ls ..; ls", cwd=f"/proc/self/fd/{number}").out.decode()


def test_hosts_and_resolver_are_generated_and_read_only(step: Any) -> None:
    extra = [{"host": "db", "ip": "10.0.0.7"}]
    ran = step("hostname; cat /etc/hosts; echo x >> /etc/hosts", extra_hosts=extra)
    assert ran.lines == [
        "buildkitsandbox",
        "127.0.0.1\tlocalhost buildkitsandbox",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "10.0.0.7\tdb",
    ]
    assert b"Read-only file system" in ran.err
    host = Path("/etc/resolv.conf").read_text()
    assert step("cat /etc/resolv.conf", network="host").out.decode() == host
    assert step("hostname; head -n 1 /etc/hosts", hostname="mine").lines == ["mine", "127.0.0.1\tlocalhost mine"]


def test_network_none_has_loopback_alone_and_up(step: Any) -> None:
    ran = step(
        "ls /sys/class/net; ifconfig lo; nc -l -p 999 -s 127.0.0.1 & sleep 0.2; echo hi | nc 127.0.0.1 999",
        network="none",
    )
    assert ran.lines[0] == "lo"
    assert re.search(r"UP.*LOOPBACK", ran.out.decode())
    assert "eth" not in step("cat /proc/net/dev", network="none").out.decode()


def test_network_of_the_host(step: Any) -> None:
    mine = {line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]}
    for network in ("sandbox", "host"):
        seen = step("cat /proc/net/dev", network=network).lines[2:]
        assert {line.split(":")[0].strip() for line in seen} == mine


def test_ten_megabytes_of_output_arrive(step: Any) -> None:
    ran = step("yes 123456789 | head -c 10000000; echo end >&2")
    assert len(ran.out) == 10_000_000
    assert ran.out[-10:] == b"123456789\n"
    assert ran.err == b"end\n"


def test_limits_on_resources(step: Any) -> None:
    limits = [{"name": "nofile", "soft": 77, "hard": 99}]
    assert step("ulimit -n; ulimit -Hn", ulimit=limits).lines == ["77", "99"]


def test_standard_input_is_empty_and_there_is_no_terminal(step: Any) -> None:
    assert step("cat; test -t 0 || echo none; test -e /proc/self/fd/0 && readlink /proc/self/fd/0").lines == [
        "none",
        "/dev/null",
    ]


def test_bytes_that_are_no_text_pass_unchanged_or_are_refused(step: Any) -> None:
    request = {"command": ["/bin/sh", "-c", "echo \udcff$X; pwd"], "env": ["X=\udcfe"], "cwd": "/caf\udce9"}
    if step.executor == "native":
        assert step(**request).out == b"\xff\xfe\n/caf\xe9\n"
    else:
        with pytest.raises(BuildError, match="only UTF-8"):
            step(**request)


@pytest.mark.parametrize("change", [{"network": "bridge"}, {"security": "INSECURE"}, {"security": "1"}])
def test_unknown_modes_are_refused(step: Any, change: dict[str, str]) -> None:
    with pytest.raises(InternalError, match="unknown"):
        step("true", **change)


def test_a_read_only_root(step: Any) -> None:
    ran = step("echo x > /x", readonly=True)
    assert (ran.exit_code, b"Read-only file system" in ran.err) == (1, True)
    assert step("cat /etc/hosts > /dev/null", readonly=True).exit_code == 0


def test_the_reason_for_an_executor_is_told(step: Any) -> None:
    executors = [
        ["lost", "ladle.plugins.executors.oci:Nothing"],
        ["native", "ladle.plugins.executors.native:NativeExecutor"],
    ]
    ran = step("true", executors=executors)
    assert ran.result["executor"] == "native"
    assert ran.result["reason"].startswith("lost: cannot be loaded")
    with pytest.raises(BuildError, match="no executor can run steps here") as caught:
        step("true", executors=executors[:1])
    assert caught.value.notes[0].startswith("lost:")
