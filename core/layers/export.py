# SPDX-License-Identifier: Apache-2.0
"""Writing a tree into a directory of the caller's, which may hold other things and earlier results.

Nothing is deleted but what a new entry takes the place of. A file appears under its name when it is whole, whenever
we are killed, and one that exists is replaced by rename: readers see the old or the new one. A file with the same mode
and bytes is left alone, its time included, so that make and rsync see no change. Links in the destination are never
followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from ladle.core.layers import errors
from ladle.core.layers.chain import DirChain
from ladle.core.layers.compress import write_all
from ladle.core.layers.differ import present, same_bytes
from ladle.core.layers.placing import give_name, open_named, open_unnamed
from ladle.core.layers.pruning import remove_entry
from ladle.core.worker.inroot import open_in_root

Receipt = dict[bytes, tuple[int, int, int, int, int]]
"""Relative path -> (mode, size, mtime_ns, ino, ctime_ns) of what the export answers for."""

_SMALL = 1 << 16
_COPY = 1 << 30
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NO_FAST_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ETXTBSY)
_SECOND = 1_000_000_000


@dataclass(slots=True, kw_only=True)
class Exported:
    """What was written; `files` counts everything but directories, `unchanged` those of them left alone."""

    files: int = 0
    bytes: int = 0
    unchanged: int = 0
    warnings: list[str] = field(default_factory=list)
    receipt: Receipt = field(default_factory=dict)


class _Folder:
    """A directory on the way: the names to come, and whether anything in the destination's one changed."""

    __slots__ = ("changed", "created", "names", "path", "prefix", "status")

    def __init__(self, path: bytes, names: list[bytes], status: os.stat_result, *, created: bool) -> None:
        self.path = path
        self.prefix = path + b"/" if path else b""
        self.names: Iterator[bytes] = iter(sorted(names))
        self.status = status
        self.created = created
        self.changed = created


def export_tree(tree: str, dest: str, *, epoch: int | None = None) -> Exported:
    """Write the tree `tree` into the directory `dest`, made if missing; owners are the caller's."""
    try:
        os.makedirs(dest, exist_ok=True)
    except FileExistsError:
        raise errors.export_blocked(dest, "it exists and is not a directory") from None
    except OSError as error:
        raise errors.export_blocked(dest, error.strerror or str(error)) from error
    with DirChain(tree) as source, DirChain(dest) as target:
        old_umask = os.umask(0)
        try:
            return _Exporter(source, target, dest, epoch).run()
        finally:
            os.umask(old_umask)


class _Exporter:
    def __init__(self, source: DirChain, target: DirChain, dest: str, epoch: int | None) -> None:
        self._source = source
        self._target = target
        self._root = target.fd
        self._dest = dest
        self._latest = None if epoch is None else epoch * _SECOND
        self._result = Exported()
        self._links: dict[int, bytes] = {}
        self._linked: set[bytes] = set()
        self._temporary = b".ladle-%d-%b" % (os.getpid(), os.urandom(4).hex().encode())
        self._skipped = 0

    def run(self) -> Exported:
        """Walk the tree; directories get their mode and time when all below them is written."""
        root_fd = os.dup(self._root)
        self._root = root_fd
        try:
            folders = [_Folder(b"", self._source.names(), os.fstat(self._source.fd), created=False)]
            while folders:
                folder = folders[-1]
                for name in folder.names:
                    entered = self._visit(folder, name)
                    if entered is not None:
                        folders.append(entered)
                        break
                else:
                    folders.pop()
                    self._leave(folder, folders[-1] if folders else None)
            self._settle_links()
        finally:
            os.close(root_fd)
        if self._skipped:
            self._result.warnings.append(f"{self._skipped} × device or socket: left out")
        return self._result

    def _visit(self, folder: _Folder, name: bytes) -> _Folder | None:
        status = present(name, self._source.fd)
        if status is None:
            return None
        kind = stat.S_IFMT(status.st_mode)
        path = folder.prefix + name
        try:
            if kind == stat.S_IFDIR:
                return self._enter(path, name, status)
            if kind not in (stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO):
                self._skipped += 1
                return None
            self._result.files += 1
            if self._other(kind, path, name, status):
                folder.changed = True
            else:
                self._result.unchanged += 1
        except OSError as error:
            raise errors.export_blocked(
                os.path.join(self._dest, os.fsdecode(path)), error.strerror or str(error)
            ) from error
        return None

    def _other(self, kind: int, path: bytes, name: bytes, status: os.stat_result) -> bool:
        """Write anything but a directory; False if what is there already is the same."""
        if status.st_nlink > 1:
            first = self._links.setdefault(status.st_ino, path)
            if first != path:
                self._linked.update((first, path))
                linked = self._link(first, name)
                if linked is not None:
                    return linked
        if kind == stat.S_IFREG:
            return self._file(path, name, status)
        if kind == stat.S_IFLNK:
            return self._symlink(path, name, status)
        return self._fifo(path, name, status)

    def _enter(self, path: bytes, name: bytes, status: os.stat_result) -> _Folder:
        created = False
        try:
            os.mkdir(name, 0o700, dir_fd=self._target.fd)
            created = True
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=self._target.fd).st_mode):
                os.unlink(name, dir_fd=self._target.fd)
                os.mkdir(name, 0o700, dir_fd=self._target.fd)
                created = True
        self._source.push(name)
        self._target.push(name)
        return _Folder(path, self._source.names(), status, created=created)

    def _leave(self, folder: _Folder, parent: _Folder | None) -> None:
        """Finish a directory; the destination's own root keeps its mode and time."""
        if parent is not None:
            fd = self._target.fd
            mode = stat.S_IMODE(folder.status.st_mode)
            if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
                os.fchmod(fd, mode)
            if folder.changed:
                stamp = self._stamp(folder.status)
                os.utime(fd, ns=(stamp, stamp))
            self._note(folder.path, os.fstat(fd))
            parent.changed |= folder.created
        self._source.pop()
        self._target.pop()

    def _file(self, path: bytes, name: bytes, status: os.stat_result) -> bool:
        source = os.open(name, _READ, dir_fd=self._source.fd)
        try:
            self._result.bytes += status.st_size
            if self._is_there(path, name, status, source):
                return False
            self._write(path, name, status, source)
            return True
        finally:
            os.close(source)

    def _is_there(self, path: bytes, name: bytes, status: os.stat_result, source: int) -> bool:
        """Say whether the destination has the file already, with this mode and these bytes."""
        try:
            old = os.lstat(name, dir_fd=self._target.fd)
        except FileNotFoundError:
            return False
        same_shape = stat.S_ISREG(old.st_mode) and old.st_size == status.st_size and old.st_mode == status.st_mode
        if not same_shape or not self._same_content(name, source):
            os.lseek(source, 0, os.SEEK_SET)
            return False
        self._note(path, old)
        return True

    def _same_content(self, name: bytes, source: int) -> bool:
        try:
            target = os.open(name, _READ, dir_fd=self._target.fd)
        except PermissionError:
            return False
        try:
            return same_bytes(source, target)
        finally:
            os.close(target)

    def _write(self, path: bytes, name: bytes, status: os.stat_result, source: int) -> None:
        """Write a file, and give it its name when it is whole; after an error nothing half-written stays."""
        fd = self._target.fd
        mode = stat.S_IMODE(status.st_mode) & 0o777
        target = open_unnamed(fd, mode)
        if target >= 0:
            try:
                self._fill(target, source, status)
                try:
                    give_name(target, name, fd)
                except FileExistsError:
                    give_name(target, self._temporary, fd)
                    self._rename(name)
                self._note(path, os.fstat(target))
            finally:
                os.close(target)
            return
        target = open_named(self._temporary, fd, mode)
        try:
            self._fill(target, source, status)
            self._rename(name)
            self._note(path, os.fstat(target))
        except BaseException:
            os.unlink(self._temporary, dir_fd=fd)
            raise
        finally:
            os.close(target)

    def _fill(self, target: int, source: int, status: os.stat_result) -> None:
        """Write content and metadata."""
        _copy_content(source, target, status.st_size)
        for key in os.listxattr(source):
            if key.startswith("user.") and not key.startswith("user.overlay."):
                _copy_attribute(source, target, key)
        if status.st_mode & 0o7000:
            os.fchmod(target, stat.S_IMODE(status.st_mode))
        stamp = self._stamp(status)
        os.utime(target, ns=(stamp, stamp))

    def _rename(self, name: bytes) -> None:
        """Put the temporary entry into place; a directory there goes."""
        fd = self._target.fd
        try:
            os.rename(self._temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
        except IsADirectoryError:
            remove_entry(fd, name)
            os.rename(self._temporary, name, src_dir_fd=fd, dst_dir_fd=fd)

    def _symlink(self, path: bytes, name: bytes, status: os.stat_result) -> bool:
        fd = self._target.fd
        text = os.readlink(name, dir_fd=self._source.fd)
        try:
            os.symlink(text, name, dir_fd=fd)
        except FileExistsError:
            old = os.lstat(name, dir_fd=fd)
            if stat.S_ISLNK(old.st_mode) and os.readlink(name, dir_fd=fd) == text:
                self._note(path, old)
                return False
            os.symlink(text, self._temporary, dir_fd=fd)
            self._rename(name)
        self._date(path, name, status)
        return True

    def _fifo(self, path: bytes, name: bytes, status: os.stat_result) -> bool:
        fd = self._target.fd
        mode = stat.S_IMODE(status.st_mode)
        try:
            os.mknod(name, stat.S_IFIFO | mode, dir_fd=fd)
        except FileExistsError:
            old = os.lstat(name, dir_fd=fd)
            if old.st_mode == status.st_mode:
                self._note(path, old)
                return False
            os.mknod(self._temporary, stat.S_IFIFO | mode, dir_fd=fd)
            self._rename(name)
        self._date(path, name, status)
        return True

    def _date(self, path: bytes, name: bytes, status: os.stat_result) -> None:
        stamp = self._stamp(status)
        os.utime(name, ns=(stamp, stamp), dir_fd=self._target.fd, follow_symlinks=False)
        self._note(path, os.lstat(name, dir_fd=self._target.fd))

    def _link(self, first: bytes, name: bytes) -> bool | None:
        """Make `name` another link of what was written as `first`; None if the file system will not."""
        fd = self._target.fd
        folder, _, base = first.rpartition(b"/")
        first_fd = open_in_root(self._root, folder or b".", os.O_PATH | os.O_DIRECTORY)
        try:
            try:
                if os.path.samestat(os.lstat(base, dir_fd=first_fd), os.lstat(name, dir_fd=fd)):
                    return False
            except FileNotFoundError:
                pass
            os.link(base, self._temporary, src_dir_fd=first_fd, dst_dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP):
                return None
            raise
        finally:
            os.close(first_fd)
        self._rename(name)
        return True

    def _settle_links(self) -> None:
        """Note hard-linked files last: each further link changes the ctime of all."""
        for path in self._linked:
            folder, _, base = path.rpartition(b"/")
            fd = open_in_root(self._root, folder or b".", os.O_PATH | os.O_DIRECTORY)
            try:
                self._note(path, os.lstat(base, dir_fd=fd))
            finally:
                os.close(fd)

    def _stamp(self, status: os.stat_result) -> int:
        if self._latest is not None and status.st_mtime_ns > self._latest:
            return self._latest
        return status.st_mtime_ns

    def _note(self, path: bytes, status: os.stat_result) -> None:
        self._result.receipt[path] = (
            status.st_mode,
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
            status.st_ctime_ns,
        )


def _copy_attribute(source: int, target: int, key: str) -> None:
    try:
        os.setxattr(target, key, os.getxattr(source, key))
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.ENOSPC):
            raise


def _copy_content(source: int, target: int, size: int) -> None:
    """Copy an open file from its start: in the kernel where it is large and both file systems can."""
    if size > _SMALL:
        copied = 0
        try:
            while (count := os.copy_file_range(source, target, _COPY)) > 0:
                copied += count
            if copied >= size:
                return
        except OSError as error:
            if error.errno not in _NO_FAST_COPY:
                raise
        while os.sendfile(target, source, None, _COPY):
            continue
        return
    while piece := os.read(source, _SMALL):
        write_all(target, piece)
