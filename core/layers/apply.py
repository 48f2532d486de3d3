# SPDX-License-Identifier: Apache-2.0
"""Putting an archive's entries into a directory tree, each by descriptors of directories inside that tree.

Two ways: a *layer* goes onto a merged overlay mount, where its whiteouts remove names (the kernel then writes
overlayfs's own marks); a *plain* archive (ADD's unpacking) treats such names as ordinary files. Links in the tree
are resolved as if its root were `/`, so neither an entry nor a link of an earlier one leads outside.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from dataclasses import field

from ladle.core.api.errors import BuildError
from ladle.core.layers import errors
from ladle.core.layers.changes import CAPABILITY
from ladle.core.layers.compress import write_all
from ladle.core.layers.places import Places
from ladle.core.layers.placing import set_mode
from ladle.core.layers.pruning import empty_directory, remove_entry
from ladle.core.layers.tarread import Entry, TarReader
from ladle.core.layers.tarwriter import BLOCK_DEVICE, CHARACTER, DIRECTORY, FIFO, HARDLINK, REGULAR
from ladle.llb.values import dataclass

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_WHITEOUT_META = b".wh..wh."
_LINKED = b".wh..wh.plnk"
"""Where layers of aufs keep the content of hard-linked files."""
_HOLE = 1 << 16
_HOLE_BYTES = bytes(_HOLE)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = {CHARACTER: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an archive may ask for; the space free on the disk is a limit of its own."""

    entries: int = 10_000_000
    bytes: int = 1 << 40
    holes: int = 1 << 36
    path: int = 4096


@dataclass(slots=True, kw_only=True)
class Applied:
    """What was unpacked: `bytes` of file content, and things worth telling the user."""

    entries: int = 0
    bytes: int = 0
    warnings: list[str] = field(default_factory=list)


def apply_archive(
    reader: TarReader,
    root: str,
    *,
    layer: bool,
    marks: bool = False,
    rootless: bool = False,
    single_uid: bool = False,
    limits: Limits | None = None,
) -> Applied:
    """Unpack everything that `reader` gives into the directory `root`; raises `BuildError` at what is refused.

    `marks`: the root is a layer directory by itself, in which a layer's whiteouts become overlayfs's marks.
    `rootless`: devices cannot be made and are left out. `single_uid`: owners that cannot be set are left out too.
    Both are told as warnings.
    """
    with Places(root) as places:
        applier = _Applier(places, reader, layer=layer, marks=marks, rootless=rootless, single_uid=single_uid)
        old_umask = os.umask(0)
        try:
            return applier.run(limits or Limits())
        finally:
            os.umask(old_umask)


def normal_name(name: bytes, limit: int = 4096) -> bytes:
    """The path of an entry relative to the root, b"" for the root itself; refuses what no honest archive holds."""
    if len(name) > limit:
        raise errors.over_limit("path length", len(name), limit, name)
    if name.endswith(b"/"):
        name = name.rstrip(b"/")
    if b"//" in name or b"." in (name[:1], name[-1:]) or b"/." in name or name[:1] == b"/":
        parts = [part for part in name.split(b"/") if part not in (b"", b".")]
        if b".." in parts:
            raise errors.unsafe_entry(name, "its path holds `..`")
        name = b"/".join(parts)
    return name


class _Applier:
    def __init__(
        self, places: Places, reader: TarReader, *, layer: bool, marks: bool, rootless: bool, single_uid: bool
    ) -> None:
        self._places = places
        self._reader = reader
        self._layer = layer
        self._marks = marks
        self._rootless = rootless
        self._single_uid = single_uid
        self._result = Applied()
        self._left_out: Counter[str] = Counter()
        self._linked = False

    def run(self, limits: Limits) -> Applied:
        """Take every entry, then set the times of directories."""
        result = self._result
        free = self._places.free()
        holes = 0
        while (entry := self._reader.next()) is not None:
            self._places.settle()
            result.entries += 1
            result.bytes += entry.size
            if result.entries > limits.entries:
                raise errors.over_limit("number of entries", result.entries, limits.entries, entry.name)
            if result.bytes > limits.bytes:
                raise errors.over_limit("unpacked size", result.bytes, limits.bytes, entry.name)
            if entry.fragments is not None:
                holes += entry.size - sum(length for _, length in entry.fragments)
                if holes > limits.holes:
                    raise errors.over_limit("size of the holes of sparse files", holes, limits.holes, entry.name)
            if result.bytes > free:
                raise errors.no_space(entry.name, result.bytes, free)
            name = normal_name(entry.name, limits.path)
            if not name:
                continue
            try:
                self._take(entry, name)
            except OSError as error:
                raise errors.failed_entry(name, "unpack", error) from error
        if self._linked:
            self._remove_linked()
        self._places.set_times()
        result.warnings.extend(f"{count} × {what}" for what, count in sorted(self._left_out.items()))
        return result

    def _take(self, entry: Entry, name: bytes) -> None:
        folder, _, base = name.rpartition(b"/")
        if self._layer and name.startswith(_WHITEOUT_META) and base != OPAQUE:
            if folder != _LINKED or entry.kind != REGULAR:
                return
            self._linked = True
        elif self._layer and base.startswith(WHITEOUT):
            self._whiteout(folder, base, name)
            return
        kind = entry.kind
        dir_fd = self._places.enter(folder, entry.mtime_ns)
        if kind == HARDLINK:
            self._hard_link(entry, dir_fd, name, base)
        elif kind == REGULAR:
            self._regular(entry, dir_fd, name, base)
        elif kind == DIRECTORY:
            self._directory(entry, dir_fd, name, base)
        elif kind in _SPECIAL:
            self._special(entry, dir_fd, name, base)
        else:
            self._symlink(entry, dir_fd, name, base)
        self._places.own.add(name)

    def _remove_linked(self) -> None:
        """Remove the directory that only hard links of the layer needed."""
        root_fd = self._places.find(b"")
        self._places.forget(_LINKED)
        if root_fd is not None:
            remove_entry(root_fd, _LINKED)

    def _clear(self, dir_fd: int, name: bytes, base: bytes) -> None:
        """Remove what stands where something else is to be."""
        status = os.lstat(base, dir_fd=dir_fd)
        if not stat.S_ISREG(status.st_mode):
            self._places.forget(name)
        remove_entry(dir_fd, base)

    def _regular(self, entry: Entry, dir_fd: int, name: bytes, base: bytes) -> None:
        mode = entry.mode
        try:
            fd = os.open(base, _CREATE, mode & 0o777, dir_fd=dir_fd)
        except FileExistsError:
            self._clear(dir_fd, name, base)
            fd = os.open(base, _CREATE, mode & 0o777, dir_fd=dir_fd)
        try:
            if entry.fragments is not None:
                self._write_sparse(fd, entry)
            elif entry.size >= _HOLE:
                self._write_large(fd, entry.size)
            else:
                for piece in self._reader.pieces():
                    write_all(fd, piece)
            self._own(fd, entry, name)
            if entry.xattrs:
                self._attributes(fd, entry.xattrs, name)
            if mode & 0o7000:
                os.fchmod(fd, mode)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _write_large(self, fd: int, size: int) -> None:
        """Write the content and leave holes where it is zeros, so that sparse files stay sparse."""
        at = 0
        for piece in self._reader.pieces():
            start = 0
            length = len(piece)
            for here in range(0, length - _HOLE + 1, _HOLE):
                # as bytes: views are compared item by item, forty times slower
                if not piece[here] and piece[here : here + _HOLE].tobytes() == _HOLE_BYTES:
                    if start < here:
                        _write_at(fd, piece[start:here], at + start)
                    start = here + _HOLE
            if start < length:
                _write_at(fd, piece[start:], at + start)
            at += length
        os.ftruncate(fd, size)

    def _write_sparse(self, fd: int, entry: Entry) -> None:
        pending = memoryview(b"")
        pieces = self._reader.pieces()
        for offset, length in entry.fragments or ():
            done = 0
            while done < length:
                if not pending:
                    pending = next(pieces)
                part = pending[: length - done]
                _write_at(fd, part, offset + done)
                pending = pending[len(part) :]
                done += len(part)
        os.ftruncate(fd, entry.size)

    def _directory(self, entry: Entry, dir_fd: int, name: bytes, base: bytes) -> None:
        try:
            os.mkdir(base, 0o700, dir_fd=dir_fd)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(base, dir_fd=dir_fd).st_mode):
                self._clear(dir_fd, name, base)
                os.mkdir(base, 0o700, dir_fd=dir_fd)
        fd = os.open(base, _OPEN_DIR, dir_fd=dir_fd)
        try:
            self._own(fd, entry, name)
            if entry.xattrs:
                self._attributes(fd, entry.xattrs, name)
            os.fchmod(fd, entry.mode)
        finally:
            os.close(fd)
        self._places.remember_time(name, entry.mtime_ns)

    def _symlink(self, entry: Entry, dir_fd: int, name: bytes, base: bytes) -> None:
        if not entry.link:
            raise errors.unsafe_entry(name, "a symbolic link to nothing")
        try:
            os.symlink(entry.link, base, dir_fd=dir_fd)
        except FileExistsError:
            self._clear(dir_fd, name, base)
            os.symlink(entry.link, base, dir_fd=dir_fd)
        self._finish_nofollow(entry, dir_fd, name, base)

    def _special(self, entry: Entry, dir_fd: int, name: bytes, base: bytes) -> None:
        if entry.kind == CHARACTER and not entry.major and not entry.minor:
            self._left_out["character device 0/0, which overlayfs would take for a removal: left out"] += 1
            return
        if entry.kind != FIFO and self._rootless:
            self._left_out["device, which needs root: left out"] += 1
            return
        device = os.makedev(entry.major, entry.minor) if entry.kind != FIFO else 0
        mode = _SPECIAL[entry.kind] | entry.mode
        try:
            os.mknod(base, mode, device, dir_fd=dir_fd)
        except FileExistsError:
            self._clear(dir_fd, name, base)
            os.mknod(base, mode, device, dir_fd=dir_fd)
        self._finish_nofollow(entry, dir_fd, name, base)
        if entry.mode & 0o6000:
            set_mode(base, dir_fd, entry.mode)

    def _finish_nofollow(self, entry: Entry, dir_fd: int, name: bytes, base: bytes) -> None:
        try:
            os.chown(base, entry.uid, entry.gid, dir_fd=dir_fd, follow_symlinks=False)
        except OSError as error:
            self._owner_refused(error, entry, name)
        os.utime(base, ns=(entry.mtime_ns, entry.mtime_ns), dir_fd=dir_fd, follow_symlinks=False)

    def _hard_link(self, entry: Entry, dir_fd: int, name: bytes, base: bytes) -> None:
        source = normal_name(entry.link)
        source_folder, _, source_base = source.rpartition(b"/")
        if not source_base:
            raise errors.unsafe_entry(name, "a hard link to the root")
        source_fd = self._places.find(source_folder)
        if source_fd is None:
            raise errors.bad_archive(f"its hard link's target {os.fsdecode(source)!r} does not exist", name)
        try:
            os.link(source_base, base, src_dir_fd=source_fd, dst_dir_fd=dir_fd, follow_symlinks=False)
        except FileExistsError:
            target = os.lstat(source_base, dir_fd=source_fd)
            if os.path.samestat(target, os.lstat(base, dir_fd=dir_fd)):
                return
            self._clear(dir_fd, name, base)
            os.link(source_base, base, src_dir_fd=source_fd, dst_dir_fd=dir_fd, follow_symlinks=False)

    def _own(self, fd: int, entry: Entry, name: bytes) -> None:
        try:
            os.fchown(fd, entry.uid, entry.gid)
        except OSError as error:
            self._owner_refused(error, entry, name)

    def _owner_refused(self, error: OSError, entry: Entry, name: bytes) -> None:
        if error.errno not in (errno.EINVAL, errno.EPERM, errno.EOVERFLOW):
            raise error
        if not self._single_uid:
            raise errors.unmapped_owner(name, entry.uid, entry.gid) from error
        self._left_out["owner other than the only mapped user: left out"] += 1

    def _attributes(self, fd: int, xattrs: dict[str, bytes], name: bytes) -> None:
        for key, value in xattrs.items():
            if key != CAPABILITY and (not key.startswith("user.") or key.startswith("user.overlay.")):
                self._left_out[f"extended attribute {key.partition('.')[0]}.*: left out"] += 1
                continue
            try:
                os.setxattr(fd, key, value)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EINVAL):
                    raise
                self._left_out[f"extended attribute {key} refused by the file system ({error.strerror})"] += 1
            except ValueError:
                raise errors.unsafe_entry(name, "an attribute's name holds a NUL byte") from None

    def _whiteout(self, folder: bytes, base: bytes, name: bytes) -> None:
        if base == OPAQUE:
            self._opaque(folder)
            return
        if base.startswith(_WHITEOUT_META):
            return
        target = base[len(WHITEOUT) :]
        if target in (b"", b".", b".."):
            raise errors.unsafe_entry(name, "a whiteout of no name")
        dir_fd = self._places.find(folder)
        if dir_fd is None:
            return
        if self._marks:
            os.mknod(target, stat.S_IFCHR, 0, dir_fd=dir_fd)
            return
        path = folder + b"/" + target if folder else target
        if path in self._places.own:
            # the layer's own entry stays, what lies below it from before goes
            if stat.S_ISDIR(os.lstat(target, dir_fd=dir_fd).st_mode):
                self._places.forget(path)
                empty_directory(dir_fd, target, path, self._places.own)
            return
        self._places.touch(folder, dir_fd)
        self._places.forget(path)
        remove_entry(dir_fd, target)

    def _opaque(self, folder: bytes) -> None:
        dir_fd = self._places.find(folder)
        if dir_fd is None:
            return
        self._places.touch(folder, dir_fd)
        self._places.forget(b"")
        empty_directory(dir_fd, b".", folder, self._places.own)


def _write_at(fd: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data = data[written:]
        offset += written


def unpack_file(fd: int, root: str, *, rootless: bool = False, single_uid: bool = False) -> Applied:
    """Unpack the archive in an open file, compressed or not, into `root`, as ADD does; whiteouts mean nothing."""
    from ladle.core.layers.decompress import BlobReader

    with BlobReader(fd) as blob:
        applied = apply_archive(TarReader(blob.read_block), root, layer=False, rootless=rootless, single_uid=single_uid)
        blob.finish()
    return applied


def is_archive(fd: int) -> bool:
    """Tell whether an open regular file begins, once decompressed, with a tar entry. Leaves the offset at 0."""
    from ladle.core.layers.decompress import BlobReader

    try:
        with BlobReader(fd) as blob:
            return TarReader(blob.read_block).next() is not None
    except BuildError:
        return False
    finally:
        os.lseek(fd, 0, os.SEEK_SET)
