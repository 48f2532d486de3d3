# SPDX-License-Identifier: Apache-2.0
"""Frontends that try to get out of their sandbox, as root and as an ordinary user: each attempt says what it found."""

from __future__ import annotations

import io
import json
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import Ladle

PROBE = """
import ctypes, json, os, socket
from ladle.frontends.sdk import frontend, llb

def attempt(action):
    try:
        return repr(action())
    except BaseException as error:
        return "refused: " + type(error).__name__ + ": " + str(error)

C = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"keyctl": 250, "bpf": 321, "io_uring_setup": 425}
if os.uname().machine != "x86_64":
    NUMBERS = {"keyctl": 219, "bpf": 280, "io_uring_setup": 425}

def context_read(path):
    return asked("read", path=path)

def asked(question, **args):
    return GIVEN[0].ask(question, **args)

GIVEN = []

def huge_file():
    with open("/tmp/big", "wb") as file:
        file.truncate(1 << 40)

def fork_bomb():
    children = []
    try:
        for _ in range(1000):
            pid = os.fork()
            if pid == 0:
                import time
                time.sleep(60)
            children.append(pid)
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return "no end"

ATTEMPTS = {
    "shadow": lambda: open("/etc/shadow").read(),
    "home": lambda: os.listdir("/home") + os.listdir("/root"),
    "store": lambda: os.listdir("STORE"),
    "context": lambda: os.listdir("CONTEXT"),
    "write": lambda: open("/ladle/lib/ladle/llb/x", "w"),
    "write-usr": lambda: open("/usr/lib/x", "w"),
    "remount": lambda: C.mount(b"none", b"/tmp", b"tmpfs", 0, None) or "ok",
    "socket": lambda: socket.create_connection(("127.0.0.1", PORT), timeout=5),
    "namespace": lambda: C.unshare(0x10000000) or "ok",
    "ptrace": lambda: C.ptrace(16, 1, 0, 0) or "ok",
    "disk": huge_file,
    "setuid": lambda: os.setuid(0) or "ok",
    "fork-bomb": fork_bomb,
    "kill-all": lambda: os.kill(-1, 15) or "ok",
    "inet6": lambda: socket.socket(socket.AF_INET6),
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "vsock": lambda: socket.socket(socket.AF_VSOCK),
    "crypto": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
    "unix-outside": lambda: socket.socket(socket.AF_UNIX).connect("STORE/worker.sock"),
    "memfd": lambda: os.memfd_create("x"),
    "shared-memory": lambda: C.shmget(0, 1 << 20, 0o1600),
    "setns": lambda: C.setns(os.open("/proc/self/ns/net", os.O_RDONLY), 0),
    "keyctl": lambda: C.syscall(NUMBERS["keyctl"], 0, -3, 0),
    "bpf": lambda: C.syscall(NUMBERS["bpf"], 0, 0, 0),
    "io-uring": lambda: C.syscall(NUMBERS["io_uring_setup"], 1, 0),
    "chroot": lambda: os.chroot("/tmp"),
    "device": lambda: os.mknod("/tmp/sda", 0o60666, os.makedev(8, 0)),
    "sysfs": lambda: os.listdir("/sys"),
    "sysctl": lambda: open("/proc/sys/kernel/core_pattern", "w").write("|/x"),
    "sysrq": lambda: open("/proc/sysrq-trigger", "w").write("b"),
    "memory-of-all": lambda: open("/proc/kcore", "rb").read(1),
    "execute": lambda: (open("/tmp/x", "w").write("#!/bin/sh"), os.chmod("/tmp/x", 0o755), os.execv("/tmp/x", ["x"])),
    "up": lambda: [name for name in os.listdir("/../..") if name not in os.listdir("/")],
    "up-read": lambda: context_read("../../../../../../etc/passwd"),
    "absolute": lambda: context_read("/etc/passwd"),
    "link": lambda: context_read("link"),
    "link-up": lambda: context_read("up/etc/passwd"),
    "link-list": lambda: asked("list", path="up/etc"),
    "module": lambda: asked("module", path="../../../../../../etc/passwd"),
    "module-link": lambda: asked("module", path="link"),
    "asset": lambda: asked("asset", path="link"),
    "named": lambda: asked("read_other", place="/etc", path="passwd"),
    "layout": lambda: asked("resolve_image", ref="/etc", platform="linux/amd64", scheme="oci-layout"),
}

@frontend
def compile(context):
    GIVEN.append(context)
    descriptors = repr(sorted(os.listdir("/proc/self/fd")))
    said = {name: attempt(action) for name, action in ATTEMPTS.items()}
    said["environment"] = repr(sorted(os.environ.items()))
    said["processes"] = repr([name for name in os.listdir("/proc") if name.isdigit()])
    said["root"] = repr(sorted(os.listdir("/")))
    said["devices"] = repr(sorted(os.listdir("/dev")))
    said["descriptors"] = descriptors
    said["uid"] = repr((os.getuid(), os.getgid(), os.getgroups()))
    return llb.scratch().mkfile("/said.json", json.dumps(said))
"""


@pytest.fixture
def listening() -> Iterator[int]:
    """Return the port of a server on loopback that accepts anybody."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["root", "user"])
def either(request: pytest.FixtureRequest) -> Ladle:
    """Return ladle as root, or as an ordinary user."""
    found: Ladle = request.getfixturevalue("ladle" if request.param == "root" else "user_ladle")
    return found


def said_by(ladle: Ladle, home: Path, port: int) -> dict[str, str]:
    """Run the probe and return what it found."""
    directory = home / "context"
    directory.mkdir()
    (directory / "Dockerfile").write_text("# syntax=./probe.py\n")
    (directory / "link").symlink_to("/etc/passwd")
    (directory / "up").symlink_to("/")
    text = PROBE.replace("STORE", str(ladle.store)).replace("CONTEXT", str(directory)).replace("PORT", str(port))
    (directory / "probe.py").write_text(text)
    done = ladle("build", "-o", "-", directory, env={"TOP_SECRET": "hunter2"})
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        member = archive.extractfile("said.json")
        assert member is not None
        said: dict[str, str] = json.loads(member.read())
    return said


NOTHING = dict.fromkeys(("remount", "namespace", "ptrace", "shared-memory", "setns", "keyctl", "bpf", "io-uring"), "-1")
"""What is not refused by an exception: system calls made by ctypes, and paths that cannot lead above a root."""
NOTHING |= {"up": "[]", "up-read": "None", "absolute": "None", "module": "None"}


def test_nothing_gets_out(either: Ladle, listening: int) -> None:
    said = said_by(either, either.store.parent, listening)
    told = ("environment", "processes", "root", "devices", "descriptors", "uid")
    for name in set(said) - set(told):
        found = said[name]
        assert found == NOTHING[name] if name in NOTHING else found.startswith("refused"), (name, found)
    assert "hunter2" not in said["environment"]
    assert said["processes"] == "['1']"
    assert said["devices"] == "['null', 'random', 'urandom', 'zero']"
    assert "home" not in said["root"]
    assert set(json.loads(said["descriptors"].replace("'", '"'))) <= {"0", "1", "2", "3", "4"}  # 4 is that listing


MISBEHAVING = {
    "raise": ("raise KeyError('colour')", "raised KeyError: 'colour'"),
    "exit": ("import os; os._exit(3)", "ended with code 3"),
    "crash": ("import os; os.abort()", "was killed by SIG"),
    "memory": ("x = [bytes(1 << 20) for _ in range(1 << 14)]", "MemoryError"),
    "flood": ("import os\n    while True: os.write(3, b'x' * 65536)", "broke the protocol"),
    "huge": ("import os, struct; os.write(3, struct.pack('>I', 1 << 31))", "beyond the limit"),
    "closed": ("import os; os.close(3)", "before it had answered"),
    "none": ("return None", "returned NoneType"),
    "secret question": ("context.ask('environment')", "there is no question 'environment'"),
    "outside": ("context.read('../../../../../../etc/passwd') or 1/0", "ZeroDivisionError"),
    "wrong argument": ("context.ask('read', path=7)", "a text was expected"),
    "no argument": ("context.ask('read')", "missing 1 required positional argument"),
}


@pytest.mark.parametrize("name", sorted(MISBEHAVING))
def test_what_misbehaves_is_told(name: str, ladle: Ladle, context: Callable[..., Path]) -> None:
    body, expected = MISBEHAVING[name]
    program = f"from ladle.frontends.sdk import frontend\n\n\n@frontend\ndef compile(context):\n    {body}\n"
    directory = context({"Dockerfile": "# syntax=./it.py\nFROM x\n", "it.py": program})
    done = ladle("build", directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert expected in said
    assert "Traceback" not in said
