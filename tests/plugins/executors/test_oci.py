# SPDX-License-Identifier: Apache-2.0
"""The oci executor: which runtime it takes, and the config that it writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.executor import DeviceMount, Step, Ulimit
from ladle.plugins.executors import oci, oci_spec
from ladle.plugins.executors.oci import OciExecutor


def _step(**changes: Any) -> Step:
    given: dict[str, Any] = {
        "root": "/r",
        "state": "/s",
        "args": ("true",),
        "env": ("A=b",),
        "cwd": "/w",
        "uid": 1,
        "gid": 2,
        "groups": (2, 3),
        "ulimits": (),
        "insecure": False,
        "own_network": False,
        "rootless": False,
        "single_uid": False,
        "device_guard": True,
        "read_only_root": False,
        "device_mounts": (),
        "wait": lambda pid: 0,
    }
    return Step(**{**given, **changes})


def _programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    for name, script in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setattr(oci, "SEARCH", str(folder))


def _probe(name: str = "oci", *, rootless: bool = False, device_guard: bool = True) -> str | None:
    return OciExecutor(name, rootless=rootless, device_guard=device_guard).probe()


def test_crun_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, monkeypatch, crun="", runc="exit 1")
    assert _probe() is None
    assert _probe("crun") is None


def test_without_runtimes_the_reason_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, monkeypatch)
    assert _probe() == "crun is not installed, runc is not installed"
    assert _probe("runc") == "runc is not installed"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("1.3.6", None),
        ("1.10.0", None),
        ("1.3.5", "runc 1.3.5 is older than 1.3.6 and unsafe as root (CVE-2026-41579)"),
        ("1.1.5+ds1", "runc 1.1.5 is older than 1.3.6 and unsafe as root (CVE-2026-41579)"),
        ("x", "the version of runc is unknown"),
    ],
)
def test_old_runc_is_refused_to_root_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, reason: str | None
) -> None:
    _programs(tmp_path, monkeypatch, runc=f"echo runc version {version}")
    assert _probe("runc") == reason
    assert _probe("runc", rootless=True) is None


def test_crun_as_root_needs_something_that_guards_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, monkeypatch, crun="")
    assert _probe("crun", device_guard=False) == "crun as root needs cgroup v2, to guard devices"
    assert _probe("crun", rootless=True, device_guard=True) is None


def test_running_without_a_runtime_is_the_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _programs(tmp_path, monkeypatch)
    with pytest.raises(BuildError, match="no OCI runtime: crun is not installed"):
        OciExecutor("crun", rootless=False, device_guard=True).run(_step())


def _config(**changes: Any) -> dict[str, Any]:
    return oci_spec.config(_step(**changes), cgroup_mount=False)


def _destinations(config: dict[str, Any]) -> list[str]:
    return [mount["destination"] for mount in config["mounts"]]


def test_the_process() -> None:
    process = _config(ulimits=(Ulimit(name="nofile", soft=1, hard=-1),))["process"]
    assert (process["args"], process["env"], process["cwd"]) == (["true"], ["A=b"], "/w")
    assert process["user"] == {"uid": 1, "gid": 2, "additionalGids": [2, 3]}
    assert process["noNewPrivileges"] is False
    assert process["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2**64 - 1}]
    assert len(process["capabilities"]["bounding"]) == 14
    assert "CAP_MKNOD" not in _config(device_guard=False)["process"]["capabilities"]["bounding"]


def test_the_sandbox_is_masked_and_the_insecure_mode_is_not() -> None:
    safe = _config()["linux"]
    assert "/proc/kcore" in safe["maskedPaths"]
    assert "/proc/sys" in safe["readonlyPaths"]
    assert safe["seccomp"]["defaultAction"] == "SCMP_ACT_ALLOW"
    open_ = _config(insecure=True)["linux"]
    assert not {"maskedPaths", "readonlyPaths", "seccomp"} & set(open_)


def test_mounts_of_root_and_of_ordinary_users() -> None:
    assert _destinations(_config()) == ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"]
    rootless = _config(rootless=True)["mounts"]
    sys = next(mount for mount in rootless if mount["destination"] == "/sys")
    assert (sys["source"], "rbind" in sys["options"], "ro" in sys["options"]) == ("/sys", True, True)
    alone = _config(rootless=True, own_network=True)["mounts"]
    assert next(mount for mount in alone if mount["destination"] == "/sys")["type"] == "sysfs"
    terminals = next(mount for mount in _config(single_uid=True)["mounts"] if mount["destination"] == "/dev/pts")
    assert "gid=5" not in terminals["options"]
    assert "additionalGids" not in _config(single_uid=True)["process"]["user"]


def test_a_mount_below_dev_replaces_the_usual_one() -> None:
    config = _config(device_mounts=(DeviceMount(source="/s/m1", dest="/dev/shm", read_only=True),))
    assert _destinations(config).count("/dev/shm") == 1
    assert config["mounts"][-1]["source"] == "/s/m1"


def test_a_program_is_copied_whole_into_memory_that_nobody_can_change(tmp_path: Path) -> None:
    program = oci._sealed("/bin/true")
    try:
        assert os.pread(program, 1 << 20, 0) == Path("/bin/true").read_bytes()
        for change in (lambda: os.pwrite(program, b"x", 0), lambda: os.ftruncate(program, 0)):
            with pytest.raises(PermissionError):
                change()
        assert os.waitpid(os.posix_spawn(f"/proc/self/fd/{program}", ["true"], {}), 0)[1] == 0
    finally:
        os.close(program)


@pytest.mark.parametrize("content", [None, b"#!/bin/sh\n", b""])
def test_what_is_no_program_by_itself_is_started_from_its_place(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "crun"
    if content is not None:
        path.write_bytes(content)
    assert oci._sealed(str(path)) == -1
