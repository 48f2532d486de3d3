# SPDX-License-Identifier: Apache-2.0
"""Writing the single entries of a tree into open directories of the caller's.

A file appears under its name when it is whole, whenever we are killed, and one that exists is replaced by rename:
readers see the old or the new one. What is there already with the same mode, owner and content is left alone, its time
included, so that make and rsync see no change. Links are neither followed nor changed in their text.
"""

from __future__ import annotations

import errno
import os
import stat

from ladle.core.layers import errors
from ladle.core.layers.compress import write_all
from ladle.core.layers.differ import same_bytes
from ladle.core.layers.placing import give_name, open_named, open_unnamed, set_mode
from ladle.core.layers.pruning import remove_entry
from ladle.core.worker import inroot

Record = tuple[int, ...]
"""(mode, size, mtime_ns, ino, ctime_ns); one more number says that a directory holds nothing else."""
Owner = tuple[int, int] | str | None
"""Whose the files are: None is whoever writes them, "keep" as in the tree, or a user and a group."""
KEEP = "keep"

_SMALL = 1 << 16
_COPY = 1 << 30
_PATH = 4000
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CONFINED = inroot.RESOLVE_BENEATH | inroot.RESOLVE_NO_SYMLINKS
_NO_FAST_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ETXTBSY)
_NO_LINK = (errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EOPNOTSUPP)
_SECOND = 1_000_000_000


def record(status: os.stat_result) -> Record:
    """Return what a receipt keeps of a file."""
    return (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)


def open_beneath(root_fd: int, path: bytes, *, mounts: bool = True) -> int:
    """Open a directory below an open one, through no link at all; `mounts`: also where something is mounted."""
    resolve = _CONFINED if mounts else _CONFINED | inroot.RESOLVE_NO_XDEV
    fd = os.dup(root_fd)
    parts = path or b"."
    try:
        while parts:
            cut = len(parts) if len(parts) <= _PATH else parts.rfind(b"/", 0, _PATH)
            here, parts = parts[:cut], parts[cut + 1 :]
            deeper = _open_step(fd, here, resolve)
            os.close(fd)
            fd = deeper
    except BaseException:
        os.close(fd)
        raise
    return fd


def _open_step(fd: int, path: bytes, resolve: int) -> int:
    try:
        return inroot.openat2(fd, path, _FOLDER, 0, resolve)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    device = os.fstat(fd).st_dev
    fd = os.dup(fd)
    for name in path.split(b"/"):
        deeper = os.open(name, _FOLDER, dir_fd=fd)
        os.close(fd)
        fd = deeper
        if resolve & inroot.RESOLVE_NO_XDEV and os.fstat(fd).st_dev != device:
            os.close(fd)
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    return fd


class EntryWriter:
    """Writes files, links and fifos; `receipt` has a record of each under its path, but for hard-linked ones."""

    def __init__(self, *, epoch: int | None, owner: Owner) -> None:
        self._latest = None if epoch is None else epoch * _SECOND
        self._owner = owner
        self._temporary = b".ladle-%d-%b" % (os.getpid(), os.urandom(4).hex().encode())
        self.receipt: dict[bytes, Record] = {}
        self.bytes = 0

    def stamp(self, status: os.stat_result) -> int:
        """Return the modification time that an entry gets, in nanoseconds."""
        if self._latest is not None and status.st_mtime_ns > self._latest:
            return self._latest
        return status.st_mtime_ns

    def owner(self, status: os.stat_result) -> tuple[int, int] | None:
        """Return the user and the group that an entry gets; None for those of the writer."""
        if isinstance(self._owner, str):
            return status.st_uid, status.st_gid
        return self._owner

    def write(self, path: bytes, name: bytes, status: os.stat_result, source_fd: int, target_fd: int) -> bool:
        """Write `name` of one open directory into the other; False if what is there already is the same."""
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFREG:
            return self._file(path, name, status, source_fd, target_fd)
        text = os.readlink(name, dir_fd=source_fd) if kind == stat.S_IFLNK else None
        old = _status(name, target_fd)
        same = old is not None and self._same_shape(old, status, kind)
        if old is not None and same and (text is None or os.readlink(name, dir_fd=target_fd) == text):
            self.receipt[path] = record(old)
            return False
        self._special(name if old is None else self._temporary, text, status, target_fd)
        if old is not None:
            self._rename(name, target_fd)
        self.receipt[path] = record(os.lstat(name, dir_fd=target_fd))
        return True

    def link(self, first: bytes, name: bytes, root_fd: int, target_fd: int) -> bool | None:
        """Make `name` another link of what was written as `first`; None if the file system will not."""
        folder, _, base = first.rpartition(b"/")
        first_fd = open_beneath(root_fd, folder)
        try:
            old = _status(name, target_fd)
            if old is not None and os.path.samestat(os.lstat(base, dir_fd=first_fd), old):
                return False
            os.link(base, self._temporary, src_dir_fd=first_fd, dst_dir_fd=target_fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NO_LINK:
                return None
            raise
        finally:
            os.close(first_fd)
        self._rename(name, target_fd)
        return True

    def _same_shape(self, old: os.stat_result, status: os.stat_result, kind: int) -> bool:
        if kind == stat.S_IFLNK:
            same = stat.S_ISLNK(old.st_mode)
        else:
            same = old.st_mode == status.st_mode and (kind != stat.S_IFREG or old.st_size == status.st_size)
        return same and (self._owner is None or (old.st_uid, old.st_gid) == self.owner(status))

    def _file(self, path: bytes, name: bytes, status: os.stat_result, source_fd: int, target_fd: int) -> bool:
        source = os.open(name, _READ, dir_fd=source_fd)
        try:
            self.bytes += status.st_size
            old = _status(name, target_fd)
            if old is not None and self._same_shape(old, status, stat.S_IFREG):
                if _same_content(name, target_fd, source):
                    self.receipt[path] = record(old)
                    return False
                os.lseek(source, 0, os.SEEK_SET)
            self._whole(path, name, status, source, target_fd)
            return True
        finally:
            os.close(source)

    def _whole(self, path: bytes, name: bytes, status: os.stat_result, source: int, target_fd: int) -> None:
        """Write a file, and give it its name when it is whole; after an error nothing half-written stays."""
        mode = stat.S_IMODE(status.st_mode) & 0o777
        target = open_unnamed(target_fd, mode)
        named = target < 0
        if named:
            target = open_named(self._temporary, target_fd, mode)
        try:
            self._fill(target, source, status)
            if named:
                self._rename(name, target_fd)
            else:
                try:
                    give_name(target, name, target_fd)
                except FileExistsError:
                    give_name(target, self._temporary, target_fd)
                    self._rename(name, target_fd)
            self.receipt[path] = record(os.fstat(target))
        except BaseException:
            if named:
                os.unlink(self._temporary, dir_fd=target_fd)
            raise
        finally:
            os.close(target)

    def _fill(self, target: int, source: int, status: os.stat_result) -> None:
        """Write content and metadata; a new owner takes set-id bits away, so the mode comes after it."""
        _copy_content(source, target, status.st_size)
        owner = self.owner(status)
        if owner is not None:
            os.fchown(target, *owner)
        for key in os.listxattr(source):
            if self._kept(key):
                _copy_attribute(source, target, key)
        if status.st_mode & 0o7000:
            os.fchmod(target, stat.S_IMODE(status.st_mode))
        stamp = self.stamp(status)
        os.utime(target, ns=(stamp, stamp))

    def _kept(self, key: str) -> bool:
        """Say whether an extended attribute goes along: capabilities would outlive their owner."""
        if key == "security.capability":
            return self._owner == KEEP
        return key.startswith("user.") and not key.startswith("user.overlay.")

    def _special(self, name: bytes, text: bytes | None, status: os.stat_result, fd: int) -> None:
        """Make a symbolic link with a text, or a fifo."""
        if text is not None:
            os.symlink(text, name, dir_fd=fd)
        else:
            os.mknod(name, stat.S_IFIFO | stat.S_IMODE(status.st_mode), dir_fd=fd)
        owner = self.owner(status)
        if owner is not None:
            os.chown(name, *owner, dir_fd=fd, follow_symlinks=False)
            if text is None and status.st_mode & 0o6000:
                set_mode(name, fd, stat.S_IMODE(status.st_mode))
        stamp = self.stamp(status)
        os.utime(name, ns=(stamp, stamp), dir_fd=fd, follow_symlinks=False)

    def _rename(self, name: bytes, fd: int) -> None:
        """Put the temporary entry into place; a directory there goes."""
        try:
            os.rename(self._temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
        except IsADirectoryError:
            remove_entry(fd, name)
            os.rename(self._temporary, name, src_dir_fd=fd, dst_dir_fd=fd)


def _status(name: bytes, dir_fd: int) -> os.stat_result | None:
    try:
        return os.lstat(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return None


def _same_content(name: bytes, target_fd: int, source: int) -> bool:
    try:
        target = os.open(name, _READ, dir_fd=target_fd)
    except PermissionError:
        return False
    try:
        return same_bytes(source, target)
    finally:
        os.close(target)


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


def blocked(place: str, path: bytes, error: OSError) -> Exception:
    """Return the error for an entry that cannot be written."""
    return errors.export_blocked(os.path.join(place, os.fsdecode(path)), error.strerror or str(error))
