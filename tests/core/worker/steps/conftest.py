# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a store whose snapshot `1` is a busybox root, and ways to run one step over it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ladle.core.worker import exec_job
from ladle.core.worker.child import run_in_child
from ladle.core.worker.client import Worker

OCI = "ladle.plugins.executors.oci:OciExecutor"
NATIVE = "ladle.plugins.executors.native:NativeExecutor"
EXECUTORS = {"crun": OCI, "native": NATIVE}
OPTIONS = {"snapshotter": "ladle.plugins.snapshotters.overlay:Overlay"}
APPLETS = """
sh cat chmod chown dd echo env false grep head hostname id ifconfig kill ln ls mkdir mknod mount mv nc ps pwd readlink
rm setsid sleep stat su tail test touch tr true umount unshare wc yes
"""
LAUNCHER = Path(__file__).with_name("in_userns.py")
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\nnohome:x:40:40:::\nbroken:x:zero:0::/:\n"
GROUP = "root:x:0:\nweb:x:34:\nextra:x:50:web,other\nmore:x:51:web\n"


def busybox_root(path: Path) -> Path:
    """Make a root file system of busybox in `path`."""
    (path / "bin").mkdir(parents=True)
    path.chmod(0o755)
    shutil.copy("/bin/busybox", path / "bin" / "busybox")
    for name in APPLETS.split():
        (path / "bin" / name).symlink_to("busybox")
    (path / "etc").mkdir()
    (path / "etc" / "passwd").write_text(PASSWD)
    (path / "etc" / "group").write_text(GROUP)
    os.utime(path / "etc", (1_000_000, 1_000_000))
    return path


def request_of(command: str | list[str], executor: str, *, output: str, **changes: Any) -> dict[str, Any]:
    """The arguments of an exec job; `changes` go to the meta or the request, whichever has the name."""
    meta = {
        "args": ["/bin/sh", "-c", command] if isinstance(command, str) else command,
        "env": [],
        "cwd": "/",
        "user": "",
        "hostname": "",
        "extra_hosts": [],
        "ulimit": [],
        "valid_exit_codes": [],
    }
    root = {"dest": "/", "ref": layers(*changes.pop("base", ["1"])), "selector": "", "type": "bind", "output": output}
    root["readonly"] = changes.pop("readonly", False)
    request: dict[str, Any] = {
        "meta": meta,
        "mounts": [root, *({**DEFAULT_MOUNT, **mount} for mount in changes.pop("mounts", []))],
        "secret_env": {},
        "network": "sandbox",
        "security": "sandbox",
        "executors": [[executor, EXECUTORS.get(executor, OCI)]],
        "grace": 3.0,
    }
    for name, value in changes.items():
        (meta if name in meta else request)[name] = value
    return request


DEFAULT_MOUNT = {"ref": None, "selector": "", "readonly": False, "type": "bind", "output": None}


def layers(*names: str) -> dict[str, Any]:
    """A ref of snapshots."""
    return {"kind": "layers", "layers": list(names)}


@dataclass
class Ran:
    """What a step did."""

    exit_code: int
    out: bytes
    err: bytes
    layer: Path
    result: dict[str, Any] = field(repr=False)

    @property
    def lines(self) -> list[str]:
        """Standard output, by lines."""
        return self.out.decode().splitlines()

    @property
    def written(self) -> set[str]:
        """The paths of the layer, without /etc itself, which is copied up for the stubs."""
        return {str(path.relative_to(self.layer)) for path in self.layer.rglob("*")} - {"etc"}


class Steps:
    """Runs steps over one store; each gets the next snapshot id."""

    def __init__(self, root: Path, run: Callable[..., dict[str, Any]], executor: str) -> None:
        self.root = root
        self.executor = executor
        self._run = run
        self._next = 100

    def __call__(self, command: str | list[str], **changes: Any) -> Ran:
        self._next += 1
        output = str(self._next)
        out: dict[int, list[bytes]] = {1: [], 2: []}
        request = request_of(command, changes.pop("executor", self.executor), output=output, **changes)
        result = self._run(request, lambda event: out[event["stream"]].append(event["data"]))
        layer = self.root / "snapshots" / output
        return Ran(result["exit_code"], b"".join(out[1]), b"".join(out[2]), layer, result)


@pytest.fixture
def busybox(store: Path) -> Path:
    busybox_root(store / "snapshots" / "1")
    return store


@pytest.fixture(params=sorted(EXECUTORS))
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def step(busybox: Path, executor: str) -> Iterator[Steps]:
    """Run a step as root, under each executor; checks that nothing is left of any."""

    def run(request: dict[str, Any], on_event: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        return run_in_child(str(busybox), exec_job.run, request, options=OPTIONS, on_event=on_event)

    yield Steps(busybox, run, executor)
    assert not list((busybox / "snapshots").glob(".new/*"))


@pytest.fixture(params=["many", "single", "user"])
def user_step(
    request: pytest.FixtureRequest, executor: str, environment: dict[str, str], user_python: str, user_store: Path
) -> Iterator[Steps]:
    """Run a step in a worker in a user namespace: with many ids, with one, and as started by an ordinary user."""
    root = user_store / "root"
    busybox_root(root / "snapshots" / "1")
    owner = 100000 if request.param == "many" else 65534
    for folder, names, files in os.walk(root):
        for name in (".", *names, *files):
            os.chown(os.path.join(folder, name), owner, owner, follow_symlinks=False)
    python = [sys.executable, str(LAUNCHER), request.param, user_python]
    options = {**OPTIONS, "executors": [[executor, EXECUTORS[executor]]]}
    with Worker(str(root), options=options, python=python, environment=environment) as worker:
        yield Steps(root, lambda args, seen: worker.run_sync("exec", args, on_event=seen), executor)


class Running:
    """A worker, and steps in it that are still running; `marker` is in the command line of each of their processes."""

    def __init__(self, worker: Worker, root: Path, executor: str) -> None:
        self.worker = worker
        self.root = root
        self.executor = executor
        self.marker = f"{os.getpid()}{os.urandom(3).hex()}"
        self._next = 200

    def request(self, command: str, **changes: Any) -> dict[str, Any]:
        """A request whose command has `SLEEP` replaced by a sleep that carries the marker."""
        self._next += 1
        command = command.replace("SLEEP", f"env M={self.marker} sleep 1000")
        return request_of(command, self.executor, output=str(self._next), **changes)

    def processes(self) -> list[int]:
        """The pids, as the host sees them, of the processes with the marker in their environment."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if self.marker.encode() in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def wait_for(self, count: int, timeout: float = 20.0) -> list[int]:
        """Wait until this many processes have the marker."""
        end = time.monotonic() + timeout
        while len(found := self.processes()) != count:
            assert time.monotonic() < end, f"{len(found)} processes instead of {count}"
            time.sleep(0.005)
        return found

    def jobs(self) -> list[int]:
        """The processes of the worker's jobs."""
        return [
            int(pid) for pid in Path(f"/proc/{self.worker.pid}/task/{self.worker.pid}/children").read_text().split()
        ]


@pytest.fixture
def running(busybox: Path, executor: str, environment: dict[str, str]) -> Iterator[Running]:
    options = {**OPTIONS, "executors": [[executor, EXECUTORS[executor]]]}
    with Worker(str(busybox), options=options, python=[sys.executable], environment=environment) as worker:
        yield Running(worker, busybox, executor)
    assert str(busybox) not in Path("/proc/self/mounts").read_text()
