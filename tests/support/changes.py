# SPDX-License-Identifier: Apache-2.0
"""Random changes of file trees, as a build step makes them: kinds replaced, directories moved, odd names and modes."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

Step = tuple[str, bytes, bytes, int]
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
LONG = b"n" * 180
NAMES = (b"a", b"b", b"c", "ü x".encode(), b"\xff\xfe", b"new\nline", b"-", b"a.b", LONG, LONG + b"\xc3\xbc")
NAME_WEIGHTS = (5, 5, 3, 2, 2, 1, 1, 1, 1, 1)
MODES = (0o644, 0o4755, 0o2755, 0o1777, 0o600, 0o6711)
TARGETS = (b"target", b"a", b"../b", b"/nowhere/b", b"\xff/" * 90, b"t" * 2000)
DEVICES = ((stat.S_IFCHR, 1, 3), (stat.S_IFBLK, 7, 0), (stat.S_IFCHR, 300, 70000))
ACTIONS = (
    "write", "write", "mkdir", "mkdir", "symlink", "link", "remove", "rename", "rename", "chmod", "chown", "fifo",
    "capability", "attribute", "device", "swap", "touch", "open", "sparse",
)  # fmt: skip

paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(b"/".join)
steps = st.lists(st.tuples(st.sampled_from(ACTIONS), paths, paths, st.integers(0, 5)), max_size=12)
drawn = st.lists(st.tuples(steps, steps), max_size=10)
seeds = st.lists(st.integers(0, 1 << 32), min_size=20, max_size=30)


def steps_of(seed: int) -> tuple[list[Step], list[Step]]:
    """Return many steps for a seed, for a tree and for its changes: an example cannot draw as many."""
    random = Random(seed)

    def path() -> bytes:
        return b"/".join(random.choices(NAMES, NAME_WEIGHTS, k=random.choice((1, 1, 2, 2, 3))))

    first, second = (
        [(random.choice(ACTIONS), path(), path(), random.randrange(6)) for _ in range(count)] for count in (30, 20)
    )
    return first, second


def make_changes(root: bytes, steps: Sequence[Step], *, devices: bool) -> None:
    """Make each change that makes sense where it comes; never outside of the root, never through a link."""
    for action, first, second, number in steps:
        path, other = os.path.join(root, first), os.path.join(root, second)
        folders = [os.path.dirname(one) for one in (path, other)]
        if all(os.path.realpath(folder) == folder and os.path.isdir(folder) for folder in folders):
            _change(action, path, other, number, devices=devices)


def _change(action: str, path: bytes, other: bytes, number: int, *, devices: bool) -> None:
    status = os.lstat(path) if os.path.lexists(path) else None
    if status is None:
        _make(action, path, other, number, devices=devices)
    elif action == "swap":
        _remove(path)
        _make(("mkdir", "write", "symlink", "fifo", "mkdir", "device")[number], path, other, number, devices=devices)
    elif action == "remove":
        _remove(path)
    elif action == "rename" and not os.path.lexists(other) and not other.startswith(path + b"/"):
        _move(path, other)
    elif action == "chown":
        os.chown(path, number, number + 1, follow_symlinks=False)
    elif action == "touch":
        os.utime(path, ns=(0, 1_500_000_000_000_000_000 + number), follow_symlinks=False)
    elif action == "chmod" and not stat.S_ISLNK(status.st_mode):
        os.chmod(path, MODES[number])
    elif stat.S_ISREG(status.st_mode):
        _alter(action, path, number)


def _make(action: str, path: bytes, other: bytes, number: int, *, devices: bool) -> None:
    if action in ("write", "sparse"):
        with open(path, "xb") as file:
            file.write(b"content %d " % number * (number * 700))
            file.truncate(file.tell() + (number << 17 if action == "sparse" else 0))
    elif action == "mkdir":
        os.mkdir(path)
        os.chmod(path, (0o755, 0o700, 0o1777, 0o2755, 0o555, 0o755)[number])
    elif action == "symlink":
        os.symlink(TARGETS[number], path)
    elif action == "link" and os.path.lexists(other) and not (os.path.isdir(other) and not os.path.islink(other)):
        os.link(other, path, follow_symlinks=False)
    elif action == "fifo":
        os.mkfifo(path)
    elif action == "device" and devices:
        kind, major, minor = DEVICES[number % len(DEVICES)]
        os.mknod(path, kind | 0o640, os.makedev(major, minor))


def _alter(action: str, path: bytes, number: int) -> None:
    if action == "write":
        with open(path, "r+b") as file:
            file.write(b"other %d" % number)
    elif action == "open":
        os.close(os.open(path, os.O_RDWR))
    elif action == "sparse":
        os.truncate(path, number << 17)
    elif action == "capability":
        os.setxattr(path, "security.capability", CAPABILITY)
    elif action == "attribute":
        os.setxattr(path, "user.number", b"%d" % number)


def _move(path: bytes, other: bytes) -> None:
    try:
        os.rename(path, other)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        subprocess.run([b"cp", b"-a", b"--", path, other], check=True, env={"PATH": os.defpath})
        shutil.rmtree(path)


def _remove(path: bytes) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def set_old_times(root: bytes) -> None:
    """Give everything an old time of its own: equal times would hide changes, here as in BuildKit."""
    number = 0
    for folder, folders, files in os.walk(root):
        for name in sorted(folders + files):
            number += 1
            stamp = 1_400_000_000_000_000_001 + number * 1_000_000_007
            os.utime(os.path.join(folder, name), ns=(0, stamp), follow_symlinks=False)
