# SPDX-License-Identifier: Apache-2.0
"""The overlay snapshotter: the kernel's overlayfs, as root and inside a user namespace.

Mount options follow BuildKit: no redirects, index or metadata-only copies, so that every upper directory is a
complete layer by itself. Layer directories are named relative to `snapshots/`: mount(2) takes one page of options.
Writable mounts are `volatile` where the kernel has it (the store syncs once, before it records), and always `nodev`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux
from ladle.core.worker.removal import remove_tree

MAX_STACK = 400
"""Layers of one mount; the kernel takes 500, and mount(2) one page of options."""
MAX_LAYERS = 2 * MAX_STACK - 1
"""Layers of a tree: beyond `MAX_STACK` the lowest ones are mounted first and count as one (overlayfs nests twice)."""
_ROOT_OPTIONS = "index=off,metacopy=off,redirect_dir=off"
_USER_OPTIONS = "redirect_dir=nofollow,userxattr"
_OVERLAY_XATTRS = ("trusted.overlay.", "user.overlay.")


class Overlay:
    """Layers stacked by overlayfs."""

    NAME: ClassVar[str] = "overlay"
    WRITES_IN_PLACE: ClassVar[bool] = False

    def __init__(self, snapshots: str, *, rootless: bool) -> None:
        self._snapshots = snapshots
        self._options = _USER_OPTIONS if rootless else _ROOT_OPTIONS
        self._rootless = rootless

    def probe(self, scratch: str) -> None:
        """Mount a writable overlay once in `scratch`; raises `BuildError` with the likely reason if that fails."""
        names = {name: os.path.join(scratch, name) for name in ("lower", "upper", "work", "target")}
        for path in names.values():
            os.mkdir(path)
        data = f"lowerdir={names['lower']},upperdir={names['upper']},workdir={names['work']},{self._options}"
        try:
            linux.mount("overlay", names["target"], "overlay", linux.MS_NODEV, data)
        except OSError as error:
            raise unusable(error, self._snapshots, rootless=self._rootless) from error
        linux.umount(names["target"], linux.MNT_DETACH)
        for path in names.values():
            remove_tree(path)

    def view(self, layers: Sequence[str], target: str) -> None:
        """Mount the layers on `target`, read-only: nothing, a bind mount or an overlay without upper."""
        stack = distinct(layers)
        if len(stack) == 1:
            with self._explained(stack):
                source = os.path.join(self._snapshots, stack[0])
                linux.bind(source, target, read_only=True, nodev=True, recursive=False)
        elif stack:
            with self._joined(stack, target) as lower:
                self._mount(target, lower, "", linux.MS_RDONLY)

    def stage(self, layers: Sequence[str], target: str, upper: str, work: str) -> None:
        """Mount the layers on `target` with what is written going to `upper`."""
        stack = distinct(layers)
        if not stack:
            linux.bind(upper, target, nodev=True, recursive=False)
            return
        with self._explained(stack):
            copy_directory_attributes(os.path.join(self._snapshots, stack[-1]), upper)
        names = [os.path.relpath(path, self._snapshots) for path in (upper, work)]
        with self._joined(stack, target) as lower:
            self._mount(target, lower, f",upperdir={names[0]},workdir={names[1]}", 0)

    def finish(self, target: str, upper: str, work: str) -> None:  # noqa: ARG002
        """Unmount, and drop the work directory (with its mark of a volatile mount)."""
        try:
            linux.umount(target)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            linux.umount(target, linux.MNT_DETACH)
        remove_tree(work)

    @contextmanager
    def _joined(self, stack: list[str], target: str) -> Iterator[list[str]]:
        """Mount the lowest of too many layers beside `target`, to be one layer until the other mount holds them."""
        if len(stack) <= MAX_STACK:
            yield stack
            return
        count = len(stack) - MAX_STACK + 1
        base = f"{target}-base"
        os.mkdir(base)
        try:
            self._mount(base, stack[:count], "", linux.MS_RDONLY)
            try:
                yield [os.path.relpath(base, self._snapshots), *stack[count:]]
            finally:
                linux.umount(base, linux.MNT_DETACH)
        finally:
            os.rmdir(base)

    def _mount(self, target: str, stack: Sequence[str], writable: str, flags: int) -> None:
        lower = ":".join(reversed(stack))
        data = f"lowerdir={lower}{writable},{self._options}"
        choices = [f"{data},volatile", data] if writable else [data]
        with _working_directory(self._snapshots), self._explained(stack):
            for index, choice in enumerate(choices):
                try:
                    linux.mount("overlay", target, "overlay", flags | linux.MS_NODEV, choice)
                    return
                except OSError as error:
                    if error.errno != errno.EINVAL or index == len(choices) - 1:
                        raise

    @contextmanager
    def _explained(self, stack: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            missing = [name for name in stack if not os.path.isdir(os.path.join(self._snapshots, name))]
            if not missing:
                raise unusable(error, self._snapshots, rootless=self._rootless) from error
            raise BuildError(
                f"the store has lost layer {missing[0]}",
                code="LA0633",
                notes=[f"{os.path.join(self._snapshots, missing[0])} does not exist"],
                help="run the build with --no-cache, or prune the store",
            ) from error


def distinct(layers: Sequence[str]) -> list[str]:
    """Return the layers with only the topmost of equal ones, which covers those below; at most `MAX_LAYERS`."""
    stack = list(reversed(dict.fromkeys(reversed(layers))))
    if len(stack) > MAX_LAYERS:
        raise BuildError(
            f"a tree of {len(stack)} layers: at most {MAX_LAYERS} can be stacked",
            code="WK0011",
            help="join RUN or COPY steps, or start a stage from an exported and re-imported image",
        )
    return stack


def copy_directory_attributes(source: str, target: str) -> None:
    """Give `target` the owner, mode, times and (but for overlayfs' own) extended attributes of `source`."""
    status = os.stat(source)
    os.chown(target, status.st_uid, status.st_gid)
    os.chmod(target, status.st_mode & 0o7777)
    for name in os.listxattr(source):
        if not name.startswith(_OVERLAY_XATTRS):
            os.setxattr(target, name, os.getxattr(source, name))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def unusable(error: OSError, snapshots: str, *, rootless: bool) -> BuildError:
    """Explain why overlayfs cannot be mounted over the store."""
    release = os.uname().release
    notes = [f"mounting an overlay failed: {os.strerror(error.errno or 0)}"]
    advice = ""
    if error.errno == errno.ENODEV:
        advice = "this kernel has no overlayfs: run `modprobe overlay` as root"
    elif error.errno in (errno.EPERM, errno.EACCES):
        advice = "ladle may not mount here: in a container it needs --privileged or --security-opt seccomp=unconfined"
    elif error.errno == errno.EINVAL and _on_overlay(snapshots):
        notes.append(f"the store {snapshots} lies on an overlay file system itself")
        advice = "put the store on a volume or a tmpfs: set LADLE_ROOT"
    elif error.errno == errno.EINVAL and rootless:
        notes.append(f"the kernel is {release}; an ordinary user needs 5.11 or newer for overlayfs")
        advice = "use a newer kernel, or run as root"
    return BuildError("overlayfs does not work on this store", code="WK0010", notes=notes, help=advice)


def _on_overlay(path: str) -> bool:
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            fields = line.split()
            if fields[2] == number and fields[fields.index("-") + 1] == "overlay":
                return True
    return False


@contextmanager
def _working_directory(path: str) -> Iterator[None]:
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(path)
        yield
    finally:
        os.fchdir(before)
        os.close(before)
