# SPDX-License-Identifier: Apache-2.0
"""What a step gets only by leave: no sandbox, the host's network, devices."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_agents import said
from tests.e2e.test_errors import failing
from tests.support.command import Ladle

pytestmark = pytest.mark.root
EXECUTORS = pytest.mark.parametrize("executor", ["crun", "native"])
STATE = """grep -E '^(CapEff|Seccomp):' /proc/self/status | cut -f 2
(echo x > /proc/sys/kernel/hostname) 2> /dev/null && echo writable
mkdir /m && mount -t tmpfs x /m 2> /dev/null && echo mounted
test -e /dev/fuse && true < /dev/fuse && echo opened"""


@pytest.fixture
def build(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> Callable[..., list[str]]:
    """Return a function that builds steps on busybox, and returns what they printed."""

    def run(steps: str, *flags: str, **env: str) -> list[str]:
        files = context({"Dockerfile": f"FROM busybox\n{steps}\n"})
        base = f"--build-context=busybox=oci-layout://{busybox}"
        return said(ladle("build", "--progress=rawjson", base, *flags, files, env=env))

    return run


@pytest.mark.row("SE-11", "SE-13", "DF-26")
@EXECUTORS
def test_an_insecure_step_has_no_sandbox(build: Callable[..., list[str]], executor: str) -> None:
    held = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "CapBnd" in line)
    step = f"<<END\n{STATE}\ntrue\nEND"
    lines = build(f"RUN --security=insecure {step}", "--allow=security.insecure", f"--executor={executor}")
    assert lines[:4] == [held, "0", "writable", "mounted"]
    assert lines[4:] == (["opened"] if Path("/dev/fuse").exists() else [])
    assert build(f"RUN {step}", f"--executor={executor}")[1:] == ["2"]


@pytest.mark.row("SE-08", "DF-86")
def test_what_was_not_allowed_is_not_done_even_from_the_cache(
    ladle: Ladle, busybox: Path, context: Callable[..., Path]
) -> None:
    base = f"--build-context=busybox=oci-layout://{busybox}"
    for flag, grant in (("--security=insecure", "security.insecure"), ("--network=host", "network.host")):
        files = context({"Dockerfile": f"FROM busybox\nRUN {flag} true\n"}, name=grant)
        for _ in range(2):
            told = failing(ladle, "build", base, files)
            assert f"{grant} is not allowed" in told
            assert f"   2 | >>> RUN {flag} true" in told
            assert f"--allow {grant}" in told
            ladle("build", base, f"--allow={grant}", files)
    assert "unknown entitlement 'all'" in failing(ladle, "build", base, "--allow=all", files, code=2)


@pytest.mark.row("DF-26")
@EXECUTORS
def test_networks(build: Callable[..., list[str]], executor: str) -> None:
    steps = "RUN --network=none ls /sys/class/net\nRUN --network=host tail -n +3 /proc/net/dev | cut -d : -f 1"
    lines = build(steps, "--allow=network.host", f"--executor={executor}")
    mine = [line.partition(":")[0] for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    assert lines == ["lo", *mine]


@pytest.fixture
def specs(tmp_path: Path) -> str:
    """Return a directory of CDI specs."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "driver").write_text("the driver")
    edits = {
        "env": ["GPU=all", "PATH=/bin:/driver"],
        "deviceNodes": [
            {"path": "/dev/vendor/gpu0", "hostPath": "/dev/zero", "fileMode": 0o660, "gid": 44},
            {
                "path": "/opt/kernel",
                "type": "c",
                "major": 10,
                "minor": 229,
                "hostPath": "/dev/null",
                "permissions": "r",
            },
        ],
        "mounts": [{"hostPath": str(tmp_path / "lib"), "containerPath": "/driver", "options": ["ro", "bind"]}],
    }
    hooks = {"hooks": [{"hookName": "createContainer", "path": "/bin/true"}]}
    devices = [{"name": "all", "containerEdits": edits}, {"name": "hooked", "containerEdits": hooks}]
    (tmp_path / "cdi").mkdir()
    spec = {"cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "devices": devices}
    (tmp_path / "cdi" / "vendor.json").write_text(json.dumps(spec))
    return str(tmp_path / "cdi")


@pytest.mark.row("SE-09", "DF-26")
@EXECUTORS
def test_a_device_is_there_for_its_step_alone(build: Callable[..., list[str]], specs: str, executor: str) -> None:
    look = "stat -c '%a %g %t:%T' /dev/vendor/gpu0; head -c 2 /dev/vendor/gpu0 | wc -c; echo $GPU $PATH"
    use = "cat /driver/driver; echo; touch /driver/x; true < /opt/kernel && echo read; true > /opt/kernel || echo no"
    gone = "ls /dev/vendor /driver /opt; mknod /k c 10 229; cat /k; echo $GPU; rm -f /k"
    steps = f"RUN --device=vendor.com/gpu=all {look}; {use}\nRUN {gone}"
    flags = ("--allow=device=vendor.com/gpu=all", f"--executor={executor}")
    lines = build(steps, *flags, LADLE_CDI_SPEC_DIRS=specs)
    assert lines[:4] == ["660 44 1:5", "2", "all /bin:/driver", "the driver"]
    assert any("/driver/x: Read-only file system" in line for line in lines)
    assert ["read" in lines, "no" in lines] == [True, True]
    assert sum("No such file" in line for line in lines) == 3
    assert any("cat: can't open '/k'" in line for line in lines)


@pytest.mark.row("SE-08", "SE-09")
def test_devices_that_cannot_be_had(ladle: Ladle, busybox: Path, context: Callable[..., Path], specs: str) -> None:
    base = f"--build-context=busybox=oci-layout://{busybox}"

    def refused(device: str, *flags: str) -> str:
        files = context({"Dockerfile": f"FROM busybox\nRUN --device={device} true\n"})
        ladle.env["LADLE_CDI_SPEC_DIRS"] = specs
        return failing(ladle, "build", base, *flags, files)

    assert "required device 'vendor.com/gpu=9' is not registered" in refused("vendor.com/gpu=9,required")
    told = refused("vendor.com/gpu=all")
    assert "'vendor.com/gpu=all' is requested by the build but not allowed" in told
    assert ">>> RUN --device=vendor.com/gpu=all" in told
    assert "asks for hooks" in refused("vendor.com/gpu=hooked", "--allow=device")
    files = context({"Dockerfile": "FROM busybox\nRUN --device=vendor.com/gpu=9 true\n"})
    ladle("build", base, files)


def test_a_killed_step_is_told(ladle: Ladle, busybox: Path, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": "FROM busybox\nRUN sh -c 'kill -9 $$'; exit $?\n"})
    told = failing(ladle, "build", f"--build-context=busybox=oci-layout://{busybox}", files)
    assert "exit code: 137: killed (signal 9)" in told
    assert "memory may have run out" in told
