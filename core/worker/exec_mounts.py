# SPDX-License-Identifier: Apache-2.0
"""Putting the mounts of a step into its root, inside the guard, and taking away the stubs that they needed.

Every target is walked to component by component from the root's own descriptor, links resolved by hand as if the root
were `/`, and mounted on by descriptor: no link in an image leads out (CVE-2024-21626 and its kin). What had to be
made for a target is recorded as a `Stub` by its real path, and removed afterwards if it is still empty.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ladle.core.api.errors import BuildError
from ladle.core.api.executor import DeviceMount
from ladle.core.worker import linux
from ladle.core.worker.inroot import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, open_in_root, openat2

ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
RUNTIME_DIRECTORIES = ("dev", "proc", "sys")

_MAX_LINKS = 40
_OLD_FLAGS = {
    ATTR_RDONLY: linux.MS_RDONLY,
    ATTR_NOSUID: linux.MS_NOSUID,
    ATTR_NODEV: linux.MS_NODEV,
    ATTR_NOEXEC: linux.MS_NOEXEC,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BindMount:
    """A directory or file of the tree `source` (a path that we made; `selector` is resolved inside it)."""

    dest: str
    source: str
    selector: str = ""
    attributes: int = ATTR_NODEV


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchMount:
    """A tree that can be written to, with what is written thrown away: an overlay with these two directories."""

    dest: str
    source: str
    selector: str
    upper: str
    work: str
    options: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsMount:
    """An empty file system in memory; `size` in bytes, 0 = the kernel's default."""

    dest: str
    size: int = 0
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMount:
    """A file with this content, in memory only: secrets, and our own /etc/hosts."""

    dest: str
    data: bytes
    uid: int = 0
    gid: int = 0
    mode: int = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMount:
    """A device node: made anew with this mode (type included) and numbers where we may, else the host's own."""

    dest: str
    host: str
    mode: int
    device: tuple[int, int]
    uid: int = 0
    gid: int = 0


Mount = BindMount | ScratchMount | TmpfsMount | FileMount | NodeMount


@dataclass(frozen=True, slots=True)
class Stub:
    """Something made for a mount to lie on: real path below the root, its kind, and its parent's mtimes (ns) before
    and after it was made."""

    path: bytes
    directory: bool
    before: int
    after: int


def parts_of(dest: str) -> list[str]:
    """The components of an absolute path, `.` and `..` resolved by name."""
    parts: list[str] = []
    for part in dest.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


class Composer:
    """Mounts into one root. `state` is a directory in memory for files and sources that need a place."""

    def __init__(self, root: str, state: str) -> None:
        self._root = root
        self._state = state
        self._root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._device = os.fstat(self._root_fd).st_dev
        self._count = 0
        self.stubs: list[Stub] = []
        self.device_mounts: list[DeviceMount] = []

    def compose(self, mounts: Iterable[Mount]) -> None:
        """Make what the runtime needs, then mount everything, parents first.

        What the runtime needs stays in the root, as BuildKit leaves it, but a directory that mounts are in is a stub.
        """
        made = [name for name in RUNTIME_DIRECTORIES if self._runtime_directory(name)]
        now = os.fstat(self._root_fd).st_mtime_ns
        for mount in sorted(mounts, key=lambda mount: len(parts_of(mount.dest))):
            self._mount(mount)
            first = parts_of(mount.dest)[0]
            if first in made:
                made.remove(first)
                self.stubs.append(Stub(first.encode(), True, now, now))

    def set_devices(self, *, allowed: bool) -> None:
        """Say whether device nodes on the root's own file system can be opened; mounts in it never allow it."""
        flags = linux.mount_flags(self._root) & ~linux.MS_NODEV
        nodev = 0 if allowed else linux.MS_NODEV
        linux.mount(None, self._root, None, linux.MS_REMOUNT | linux.MS_BIND | flags | nodev)

    def _runtime_directory(self, name: str) -> bool:
        """Make a directory if it is not there, and say whether it was not."""
        try:
            status = os.lstat(name, dir_fd=self._root_fd)
        except FileNotFoundError:
            os.mkdir(name, 0o755, dir_fd=self._root_fd)
            os.chmod(name, 0o755, dir_fd=self._root_fd)
            return True
        if not stat.S_ISDIR(status.st_mode):
            raise BuildError(f"/{name} in the step's root is not a directory", code="EX0004")
        return False

    def _mount(self, mount: Mount) -> None:
        parts = parts_of(mount.dest)
        if not parts or parts[0] in ("proc", "sys") or parts == ["dev"]:
            raise BuildError(f"nothing can be mounted on {mount.dest}", code="EX0005")
        source, attributes = self._source(mount)
        if parts[0] == "dev":
            self._device_mount(source, mount.dest, attributes, node=isinstance(mount, NodeMount))
            return
        directory = stat.S_ISDIR(os.stat(source).st_mode)
        try:
            parent, name, target = self._target(parts, directory=directory)
        except OSError as error:
            raise BuildError(f"cannot make the mount point {mount.dest}: {error.strerror}", code="EX0005") from error
        try:
            self._bind(source, target, mount.dest)
            os.close(target)
            target = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
            set_attributes(f"/proc/self/fd/{target}", attributes, recursive=True)
        finally:
            os.close(target)
            os.close(parent)

    @staticmethod
    def _bind(source: str, target: int, dest: str) -> None:
        try:
            linux.mount(source, f"/proc/self/fd/{target}", None, linux.MS_BIND | linux.MS_REC)
        except OSError as error:
            raise BuildError(f"cannot mount on {dest}: {error.strerror}", code="EX0005") from error

    def _device_mount(self, source: str, dest: str, attributes: int, *, node: bool) -> None:
        place = self._place(directory=stat.S_ISDIR(os.stat(source).st_mode))
        linux.mount(source, place, None, linux.MS_BIND | linux.MS_REC)
        set_attributes(place, attributes, recursive=True)
        self.device_mounts.append(
            DeviceMount(
                source=place,
                dest="/" + "/".join(parts_of(dest)),
                read_only=bool(attributes & ATTR_RDONLY),
                node=node,
            )
        )

    def _place(self, *, directory: bool) -> str:
        self._count += 1
        path = os.path.join(self._state, f"m{self._count}")
        if directory:
            os.mkdir(path, 0o755)
        else:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return path

    def _source(self, mount: Mount) -> tuple[str, int]:
        """A path to bind from, and the attributes that the mount is to have."""
        if isinstance(mount, BindMount):
            return _selected(mount.source, mount.selector, mount.dest), mount.attributes
        if isinstance(mount, ScratchMount):
            return self._overlay(mount), ATTR_NODEV
        if isinstance(mount, TmpfsMount):
            place = self._place(directory=True)
            size = f"size={mount.size}" if mount.size else ""
            linux.mount("tmpfs", place, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, size)
            return place, ATTR_NOSUID | ATTR_NODEV | (ATTR_RDONLY if mount.read_only else 0)
        if isinstance(mount, NodeMount):
            return self._node(mount), ATTR_NOSUID | ATTR_NOEXEC
        return self._file(mount), _file_attributes(mount)

    def _overlay(self, mount: ScratchMount) -> str:
        place = self._place(directory=True)
        names = [_escaped(path) for path in (mount.source, mount.upper, mount.work)]
        data = f"lowerdir={names[0]},upperdir={names[1]},workdir={names[2]},{mount.options}"
        linux.mount("overlay", place, "overlay", linux.MS_NODEV, data)
        return _selected(place, mount.selector, mount.dest)

    def _file(self, mount: FileMount) -> str:
        place = self._place(directory=False)
        fd = os.open(place, os.O_WRONLY)
        with os.fdopen(fd, "wb") as file:
            file.write(mount.data)
            file.flush()
            try:
                os.fchown(fd, mount.uid, mount.gid)
            except OSError as error:
                raise BuildError(
                    f"cannot give {mount.dest} to {mount.uid}:{mount.gid}: {error.strerror}", code="EX0006"
                ) from error
            os.fchmod(fd, mount.mode)
        return place

    def _node(self, mount: NodeMount) -> str:
        """Make a node in a file system of its own, as no other of ours lets devices be opened."""
        folder = self._place(directory=True)
        linux.mount("tmpfs", folder, "tmpfs", linux.MS_NOSUID | linux.MS_NOEXEC, "mode=700")
        path = f"{folder}/node"
        try:
            os.mknod(path, mount.mode, os.makedev(*mount.device))
        except PermissionError:
            return mount.host
        os.chown(path, mount.uid, mount.gid)
        os.chmod(path, mount.mode & 0o7777)
        return path

    def _target(self, parts: Sequence[str], *, directory: bool) -> tuple[int, bytes, int]:
        """Walk to a target, making what is missing: (parent's descriptor, name in it, its own descriptor)."""
        todo = deque(os.fsencode(part) for part in parts)
        fds = [os.dup(self._root_fd)]
        names: list[bytes] = []
        links = 0
        try:
            while todo:
                name = todo.popleft()
                if name == b"..":
                    if names:
                        names.pop()
                        os.close(fds.pop())
                    continue
                link = self._ensure(fds[-1], names, name, directory=directory or bool(todo))
                if link is None:
                    fds.append(os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fds[-1]))
                    names.append(name)
                    continue
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if link.startswith(b"/"):
                    while names:
                        names.pop()
                        os.close(fds.pop())
                todo.extendleft(reversed([part for part in link.split(b"/") if part not in (b"", b".")]))
            if not names:
                raise OSError(errno.EBUSY, "it is the root itself")
            return os.dup(fds[-2]), names[-1], os.dup(fds[-1])
        finally:
            for fd in fds:
                os.close(fd)

    def _ensure(self, parent: int, above: list[bytes], name: bytes, *, directory: bool) -> bytes | None:
        """Make `name` in `parent` if it is missing; returns where it leads if it is a link."""
        try:
            status = os.lstat(name, dir_fd=parent)
        except FileNotFoundError:
            self._make(parent, b"/".join([*above, name]), name, directory=directory)
            return None
        return os.readlink(name, dir_fd=parent) if stat.S_ISLNK(status.st_mode) else None

    def _make(self, parent: int, path: bytes, name: bytes, *, directory: bool) -> None:
        before = os.fstat(parent)
        if directory:
            os.mkdir(name, 0o755, dir_fd=parent)
            os.chmod(name, 0o755, dir_fd=parent)
        else:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=parent))
        if before.st_dev == self._device:
            self.stubs.append(Stub(path, directory, before.st_mtime_ns, os.fstat(parent).st_mtime_ns))


def _file_attributes(mount: FileMount) -> int:
    executable = mount.mode & 0o111
    return ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | (0 if executable else ATTR_NOEXEC)


def _escaped(path: str) -> str:
    """A path as overlayfs wants it among its options."""
    return "".join(f"\\{letter}" if letter in ",:\\" else letter for letter in path)


def _selected(source: str, selector: str, dest: str) -> str:
    """The path, through a descriptor that stays open, of the selected part of a tree."""
    tree = os.open(source, os.O_PATH | os.O_CLOEXEC)
    parts = parts_of(selector)
    try:
        if not parts:
            return f"/proc/self/fd/{os.dup(tree)}"
        return f"/proc/self/fd/{open_in_root(tree, '/'.join(parts), os.O_PATH)}"
    except OSError as error:
        raise BuildError(f"cannot mount /{'/'.join(parts)} on {dest}: {error.strerror}", code="EX0007") from error
    finally:
        os.close(tree)


def set_attributes(path: str, attributes: int, *, recursive: bool) -> None:
    """Add ATTR_* to the mount at `path`; before Linux 5.12 to that one alone, whatever `recursive` says."""
    if not attributes:
        return
    try:
        linux.set_mount_attributes(path, attributes, recursive=recursive)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        flags = sum(flag for attribute, flag in _OLD_FLAGS.items() if attributes & attribute)
        linux.mount(None, path, None, linux.MS_REMOUNT | linux.MS_BIND | flags | linux.mount_flags(path))


def remove_stubs(root: str, stubs: Sequence[Stub]) -> None:
    """Remove the stubs that are still empty, last made first, and put back the mtime of their parents.

    Only real directories below `root` are entered: a step that replaced one by a link keeps what it made.
    """
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for stub in reversed(stubs):
            _remove_stub(root_fd, stub)
    finally:
        os.close(root_fd)


def _remove_stub(root_fd: int, stub: Stub) -> None:
    above, _, name = stub.path.rpartition(b"/")
    try:
        parent = openat2(root_fd, above or b".", os.O_RDONLY | os.O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    except OSError:
        return
    try:
        status = os.fstat(parent)
        if stub.directory:
            os.rmdir(name, dir_fd=parent)
        elif _is_empty_file(parent, name):
            os.unlink(name, dir_fd=parent)
        else:
            return
        mtime = stub.before if status.st_mtime_ns == stub.after else status.st_mtime_ns
        os.utime(parent, ns=(status.st_atime_ns, mtime))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
    finally:
        os.close(parent)


def _is_empty_file(parent: int, name: bytes) -> bool:
    status = os.lstat(name, dir_fd=parent)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0
