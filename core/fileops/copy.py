# SPDX-License-Identifier: Apache-2.0
"""The copy action, as BuildKit does it (LLB-18, DF-49 to DF-54).

Three rules that surprise: a directory copied by its contents does not bring its own mode to the destination; a link in
the destination is followed only on the way to it, never below; and with include patterns a directory appears only
once something in it is chosen.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import has_wildcard
from ladle.core.content.digest import NotFoundError, expand, join, make_filter
from ladle.core.content.walk import Filter, Steps
from ladle.core.fileops.dest import CONFLICT, Dest, Owner, remove_at, set_xattrs
from ladle.core.fileops.modes import ModeChange, fixed, keep, parse_mode
from ladle.core.fileops.source import Item, Source, shown

_SMALL = 128 << 10
_MANY = 2_000
"""Files from which on two processes are faster than one."""
_MOST = 20_000
"""Files that are remembered at most before they are copied."""
_CHUNK = 1 << 20
_NO_RANGE = frozenset([errno.EXDEV, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO])
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def copy(source: Source, dest: Dest, action: Mapping[str, Any], owner: Owner | None) -> None:
    """Run a copy action (its fields are those of LLB's FileActionCopy)."""
    src = action["src"] or "/"
    for required in action.get("required_paths") or ():
        place = required if required.startswith("/") else f"{src}/{required}"
        if not source.mode(source.resolve(_place(place))):
            raise NotFoundError(required)
    if not action.get("create_dest_path"):
        _require_parent(dest, action["dest"])
    paths = [_place(src)]
    if action.get("allow_wildcard") and has_wildcard(src):
        paths = expand(source, src)
        if not paths and not action.get("allow_empty_wildcard"):
            raise NotFoundError(src)
    is_wild = action.get("allow_wildcard", False) and has_wildcard(src)
    chosen = make_filter(action.get("include_patterns") or (), action.get("exclude_patterns") or ())
    for path in paths:
        if action.get("attempt_unpack"):
            from ladle.core.fileops.archive import unpack_if_archive

            if unpack_if_archive(source, path, dest, action["dest"], owner, utime_of(action)):
                continue
        _Copier(source, dest, action, owner, chosen).copy(path, action["dest"], is_wild)


def utime_of(action: Mapping[str, Any]) -> int | None:
    """The time that an action gives to what it makes, in nanoseconds; None to keep or leave it."""
    timestamp = action.get("timestamp", -1)
    return None if timestamp is None or timestamp == -1 else int(timestamp)


def _place(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _require_parent(dest: Dest, path: str) -> None:
    parent = dest.resolve(path).rpartition(b"/")[0]
    if parent and dest.stat(parent) is None:
        raise BuildError(f"failed to stat {path}: no such file or directory", code="LA0301")


_Files = tuple[bytes, bytes, list[Item]]
"""Regular files of one directory: its path in the source, in the destination, and the files."""


class _Frame:
    """A directory being copied: `fd` of its destination is -1 until it has to exist."""

    __slots__ = ("above", "dst", "fd", "item", "overwrite", "src", "steps")

    def __init__(self, src: bytes, dst: bytes, item: Item, steps: Steps, above: _Frame | None, overwrite: bool) -> None:
        self.src = src
        self.dst = dst
        self.item = item
        self.steps = steps
        self.above = above
        self.overwrite = overwrite
        self.fd = -1


class _Copier:
    """One copy of one path. Hard links among the files it copies stay links."""

    def __init__(
        self, source: Source, dest: Dest, action: Mapping[str, Any], owner: Owner | None, chosen: Filter | None
    ) -> None:
        self._source = source
        self._dest = dest
        self._owner = owner
        self._utime = utime_of(action)
        self._chosen = chosen
        self._contents = bool(action.get("dir_copy_contents"))
        self._follow = bool(action.get("follow_symlink"))
        self._replace = bool(action.get("always_replace_existing_dest_paths"))
        self._links: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self._ready: set[bytes] = set()
        self._waiting: list[_Files] = []
        self._count = 0
        mode = action.get("mode", -1)
        self._change: ModeChange = keep
        self._dir_mode = 0o755
        if action.get("mode_str"):
            self._change = parse_mode(action["mode_str"])
        elif mode is not None and mode != -1:
            self._change = fixed(mode)
            self._dir_mode = mode & 0o777

    def copy(self, path: bytes, dest_path: str, is_wild: bool) -> None:
        """Copy `path` of the source to `dest_path`."""
        above, _, last = dest_path.rpartition("/")
        ensured = dest_path if last in ("", ".") else above
        if ensured:
            self._make_dirs(self._dest.resolve(ensured))
        dst = self._dest.resolve(dest_path)
        src = self._source.resolve(path, follow_last=self._follow)
        mode = self._source.mode(src)
        if not mode:
            raise NotFoundError(shown(path))
        is_dir = stat.S_ISDIR(mode)
        base = path.rstrip(b"/").rpartition(b"/")[2]
        if not is_dir and is_wild and self._chosen is not None and self._chosen.excludes(base):
            return
        there = self._dest.stat(dst)
        if there is not None and (not self._contents if is_dir else stat.S_ISDIR(there.st_mode)):
            dst = join(dst, base) if base not in (b"", b".", b"..") else dst
        whole = is_dir and self._contents and there is None
        self._make_dirs(dst if whole else dst.rpartition(b"/")[0])
        if is_dir:
            self._copy_tree(src, dst)
        else:
            self._copy_single(src, dst)

    def _make_dirs(self, path: bytes) -> None:
        self._dest.make_dirs(path, self._dir_mode, self._owner, self._utime)

    def _copy_single(self, src: bytes, dst: bytes) -> None:
        src_fd = self._source.open_dir(src.rpartition(b"/")[0])
        dst_fd = self._dest.open_dir(dst.rpartition(b"/")[0])
        try:
            self._file(src_fd, src, self._source.item(src_fd, src), dst_fd, dst)
        finally:
            os.close(src_fd)
            os.close(dst_fd)

    def _copy_tree(self, src: bytes, dst: bytes) -> None:
        fd = self._source.open_dir(src)
        try:
            top = self._source.item(fd, b"")
        finally:
            os.close(fd)
        if src:
            parent = self._source.open_dir(src.rpartition(b"/")[0])
            try:
                top = self._source.item(parent, src)
            finally:
                os.close(parent)
        frame = _Frame(src, dst, top, (-1, -1), None, overwrite=False)
        self._directory(frame)
        skip = len(src) + 1 if src else 0
        stack = [frame]
        while stack:
            stack += reversed(self._fill(stack.pop(), skip))
            if self._count >= _MOST:
                self._copy_waiting()
        self._copy_waiting()

    def _fill(self, frame: _Frame, skip: int) -> list[_Frame]:
        """Copy what is in a directory but its directories, whose frames are returned."""
        deeper: list[_Frame] = []
        waiting: list[Item] = []
        src_fd = self._source.open_dir(frame.src)
        try:
            if frame.dst in self._ready:
                frame.fd = self._dest.open_dir(frame.dst)
            for name in self._source.names(frame.src):
                path = join(frame.src, name)
                keep_it, steps = True, frame.steps
                if self._chosen is not None:
                    keep_it, steps = self._chosen.judge(path[skip:], frame.steps)
                item = self._source.item(src_fd, path)
                if stat.S_ISDIR(item.mode):
                    if not keep_it and not (self._chosen and self._chosen.descends(path[skip:], steps)):
                        continue
                    below = _Frame(path, join(frame.dst, name), item, steps, frame, overwrite=True)
                    if keep_it:
                        self._ensure(frame)
                        self._directory(below)
                    deeper.append(below)
                elif keep_it:
                    self._ensure(frame)
                    if stat.S_ISREG(item.mode) and item.link_key is None:
                        waiting.append(item)
                    else:
                        self._file(src_fd, path, item, frame.fd, join(frame.dst, name))
        finally:
            os.close(src_fd)
            if frame.fd >= 0:
                os.close(frame.fd)
                frame.fd = -1
        if waiting:
            self._waiting.append((frame.src, frame.dst, waiting))
            self._count += len(waiting)
        return deeper

    def _copy_waiting(self) -> None:
        """Copy the regular files of the directories that are made by now; many of them by two processes."""
        waiting, count = self._waiting, self._count
        self._waiting, self._count = [], 0
        if count < _MANY or len(os.sched_getaffinity(0)) < 2:
            self._copy_files(waiting)
            return
        from ladle.core.fileops.halves import in_halves

        first, second = _halves(waiting, count // 2)
        warn, warnings = self._dest.warn, list[str]()
        self._dest.warn = warnings.append
        try:
            in_halves(lambda: self._copy_files(first), lambda: self._copy_files(second), warnings)
        finally:
            self._dest.warn = warn
            for text in warnings:
                warn(text)

    def _copy_files(self, waiting: Sequence[_Files]) -> None:
        for src, dst, items in waiting:
            src_fd, dst_fd = self._source.open_dir(src), self._dest.open_dir(dst)
            try:
                for item in items:
                    self._regular(src_fd, join(src, item.name), item, dst_fd, join(dst, item.name), item.name)
            finally:
                os.close(src_fd)
                os.close(dst_fd)

    def _ensure(self, frame: _Frame) -> None:
        """Make the destination of a directory that was passed over until something in it was chosen."""
        missing = []
        at: _Frame | None = frame
        while at is not None and at.dst not in self._ready:
            missing.append(at)
            at = at.above
        for late in reversed(missing):
            self._directory(late, late=True)
        if frame.fd < 0:
            frame.fd = self._dest.open_dir(frame.dst)

    def _directory(self, frame: _Frame, *, late: bool = False) -> None:
        """Make or take over the destination directory of a frame, with the metadata it shall have."""
        parent, _, name = frame.dst.rpartition(b"/")
        self._ready.add(frame.dst)
        created = False
        if frame.dst:
            parent_fd = self._dest.open_dir(parent)
            try:
                created = self._make_dir(parent_fd, name, frame.dst)
            finally:
                os.close(parent_fd)
        utime = frame.item.mtime_ns if self._utime is None else self._utime
        if not created and not frame.overwrite:
            self._dest.later(frame.dst, utime)
            return
        fd = self._dest.open_dir(frame.dst)
        try:
            if created or not late:
                self._dest.chown(fd, self._owner or (frame.item.uid, frame.item.gid))
                set_xattrs(fd, self._dir_xattrs(frame))
                os.fchmod(fd, self._change(frame.item.mode))
                self._dest.later(frame.dst, utime)
            else:
                os.fchmod(fd, stat.S_IMODE(frame.item.mode))
        finally:
            os.close(fd)

    def _dir_xattrs(self, frame: _Frame) -> Any:
        fd = self._source.open_dir(frame.src)
        try:
            return self._source.xattrs(frame.item, fd)
        finally:
            os.close(fd)

    def _make_dir(self, parent_fd: int, name: bytes, shown_path: bytes) -> bool:
        """Make a directory; False if it is there already."""
        for _ in range(2):
            try:
                os.mkdir(name, 0o700, dir_fd=parent_fd)
                return True
            except FileExistsError:
                if stat.S_ISDIR(os.stat(name, dir_fd=parent_fd, follow_symlinks=False).st_mode):
                    return False
                if not self._replace:
                    break
                remove_at(parent_fd, name)
        raise BuildError(f"cannot copy to non-directory: {shown(shown_path)}", code=CONFLICT)

    def _file(self, src_fd: int, src: bytes, item: Item, dst_fd: int, dst: bytes) -> None:
        """Copy anything but a directory, replacing what is there."""
        name = dst.rpartition(b"/")[2]
        kind = stat.S_IFMT(item.mode)
        if kind == stat.S_IFREG:
            self._regular(src_fd, src, item, dst_fd, dst, name)
            return
        self._make_room(dst_fd, name, dst)
        if kind == stat.S_IFLNK:
            os.symlink(self._source.link(src) or b"", name, dir_fd=dst_fd)
        else:
            if kind == stat.S_IFCHR and item.rdev == 0:
                return  # overlayfs would take it for a whiteout
            try:
                os.mknod(name, kind | 0o600, item.rdev, dir_fd=dst_fd)
            except PermissionError:
                self._dest.warn(f"left out the device {shown(dst)}: it cannot be made here")
                return
        self._dest.chown_name(dst_fd, name, self._owner or (item.uid, item.gid))
        xattrs = self._source.xattrs(item, b"/proc/self/fd/%d/%b" % (src_fd, item.name))
        set_xattrs(b"/proc/self/fd/%d/%b" % (dst_fd, name), xattrs)
        if kind != stat.S_IFLNK:
            os.chmod(name, self._change(item.mode), dir_fd=dst_fd)
        utime = item.mtime_ns if self._utime is None else self._utime
        os.utime(name, ns=(utime, utime), dir_fd=dst_fd, follow_symlinks=False)

    def _make_room(self, dst_fd: int, name: bytes, dst: bytes) -> None:
        try:
            os.unlink(name, dir_fd=dst_fd)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            if not self._replace:
                message = f"cannot replace to directory {shown(dst)} with file"
                raise BuildError(message, code=CONFLICT) from None
            remove_at(dst_fd, name)

    def _regular(self, src_fd: int, src: bytes, item: Item, dst_fd: int, dst: bytes, name: bytes) -> None:
        if item.link_key is not None:
            if self._hard_link(item.link_key, dst_fd, dst, name):
                return
            self._links[item.link_key] = (dst.rpartition(b"/")[0], name)
        try:
            in_fd = os.open(item.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=src_fd)
        except OSError as error:
            raise BuildError(f"{shown(src)} changed during the build: {error.strerror}", code="LA0302") from error
        try:
            self._source.check(in_fd, item, src)
            out_fd = self._create(dst_fd, name, dst)
            try:
                copy_content(in_fd, out_fd, item.size)
                self._dest.chown(out_fd, self._owner or (item.uid, item.gid))
                set_xattrs(out_fd, self._source.xattrs(item, in_fd))
                os.fchmod(out_fd, self._change(item.mode))
                utime = item.mtime_ns if self._utime is None else self._utime
                os.utime(out_fd, ns=(utime, utime))
            finally:
                os.close(out_fd)
            self._source.check(in_fd, item, src)
        finally:
            os.close(in_fd)

    def _create(self, dst_fd: int, name: bytes, dst: bytes) -> int:
        """Open a new file, after removing what is in its place; most often nothing is."""
        try:
            return os.open(name, _NEW, 0o600, dir_fd=dst_fd)
        except FileExistsError:
            self._make_room(dst_fd, name, dst)
            return os.open(name, _NEW, 0o600, dir_fd=dst_fd)

    def _hard_link(self, key: tuple[int, int], dst_fd: int, dst: bytes, name: bytes) -> bool:
        """Link to the file's first copy, if there is one."""
        first = self._links.get(key)
        if first is None:
            return False
        self._make_room(dst_fd, name, dst)
        first_fd = self._dest.open_dir(first[0])
        try:
            os.link(first[1], name, src_dir_fd=first_fd, dst_dir_fd=dst_fd, follow_symlinks=False)
        finally:
            os.close(first_fd)
        return True


def _halves(waiting: Sequence[_Files], half: int) -> tuple[list[_Files], list[_Files]]:
    """Cut lists of files in two, the first with `half` of them."""
    first, second = [], []
    for src, dst, items in waiting:
        if half:
            first.append((src, dst, items[:half]))
        if len(items) > half:
            second.append((src, dst, items[half:]))
        half = max(0, half - len(items))
    return first, second


def copy_content(in_fd: int, out_fd: int, size: int) -> None:
    """Copy a file's bytes: small files by read and write, others inside the kernel where that works."""
    if size <= _SMALL:
        while data := os.read(in_fd, _SMALL):
            _write_all(out_fd, data)
        return
    done = 0
    while True:
        try:
            count = os.copy_file_range(in_fd, out_fd, 1 << 30)
        except OSError as error:
            if done or error.errno not in _NO_RANGE:
                raise
            break
        if count == 0:
            if done:
                return
            break  # some file systems say "nothing" instead of refusing
        done += count
    while data := os.read(in_fd, _CHUNK):
        _write_all(out_fd, data)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
