# SPDX-License-Identifier: Apache-2.0
"""The scan of a local directory: which of its files a build sees, with their digests.

An unchanged tree costs one stat a file: the entries of the last scan are kept in `cache_dir`, and one whose size, times
and inode are the same is taken over, unless it was so new when it was read that it may have changed since without a
sign (git's racy rule).
"""

from __future__ import annotations

import gc
import marshal
import os
import stat
import time
import zlib

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.content.entry import Entry
from ladle.core.content.table import Table
from ladle.core.content.walk import Filter, Walk

TYPE_CHECKING = False  # not from typing: importing that takes longer than a small scan
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_MAGIC = b"ladle-scan-1\n"
_MARSHAL = 2  # no back references: faster to write and to read
_RACY_NS = 2_000_000_000
_SEEDS = 8
_TABLE_AGE = 2 * 86400

_Stored = tuple[dict[bytes, Entry], dict[bytes, bytes]]


class Scan(Table):
    """The selected part of a local directory at one moment. Owners count as 0:0; sockets are left out."""

    def __init__(
        self, root: str, entries: dict[bytes, Entry], trees: dict[bytes, bytes] | None, cache_dir: str | None
    ) -> None:
        super().__init__(entries, trees)
        self.root = root
        self._cache_dir = cache_dir
        self._table_path = ""

    @property
    def digest(self) -> str:
        """The digest of all that was selected."""
        return "sha256:" + self.tree_digest(b"").hex()

    @property
    def table_path(self) -> str:
        """A file with this very scan, for a worker job to load; written at first use and never changed."""
        if not self._table_path:
            if self._cache_dir is None:
                raise InternalError("a scan without a cache directory has no table file")
            body = _packed(self.root, self.entries, self.trees)
            self._table_path = _keep_table(self._cache_dir, body)
        return self._table_path


def scan(
    root: str,
    *,
    exclude: Sequence[str] = (),
    include: Sequence[str] = (),
    follow_paths: Sequence[str] = (),
    cache_dir: str | None = None,
) -> Scan:
    """Scan `root`: what `include` and `follow_paths` select (both empty: everything), less what `exclude` matches.

    `include` and `exclude` are Docker patterns in order; `follow_paths` are paths, maybe with wildcards, whose links
    are followed and their targets selected too. Directories above what is selected come along.
    """
    root = os.path.abspath(root)
    _check_root(root)
    chosen = _filter(root, exclude, include, follow_paths)
    stored = _Cache(cache_dir, root, (tuple(exclude), tuple(include), tuple(follow_paths))) if cache_dir else None
    was_enabled = gc.isenabled()
    gc.disable()  # a hundred thousand live tuples, none of them garbage
    try:
        entries, trees, exact = stored.load() if stored else ({}, {}, False)
        walk = Walk(root, known=entries, chosen=chosen, racy_since=time.time_ns() - _RACY_NS)
        found = walk.run()
        if exact and not walk.fresh and len(found) == len(entries):
            return Scan(root, found, trees, cache_dir)
        result = Scan(root, found, None, cache_dir)
        if stored:
            stored.save(_packed(root, found, result.trees))
        return result
    finally:
        if was_enabled:
            gc.enable()


def load_table(path: str) -> Table:
    """Load the table of a scan, given its `table_path`."""
    try:
        with open(path, "rb") as file:
            stored = _unpacked(file.read(), None)
    except OSError as error:
        raise InternalError(f"cannot read the table of a scan: {error}") from error
    if stored is None:
        raise InternalError(f"the table of a scan is damaged: {path}")
    return Table(*stored)


def _check_root(root: str) -> None:
    try:
        if not stat.S_ISDIR(os.stat(root).st_mode):
            raise BuildError(f"{root} is not a directory", code="LA0304")
    except OSError as error:
        raise BuildError(f"cannot open the directory {root}: {error.strerror}", code="LA0304") from error


def _filter(root: str, exclude: Sequence[str], include: Sequence[str], follow_paths: Sequence[str]) -> Filter | None:
    included: list[str] | None = list(include)
    if follow_paths:
        from ladle.core.content.follow import follow_links

        followed = follow_links(root, follow_paths)
        if followed is not None:
            included = [*include, *followed]
    if not included and not exclude:
        return None
    from ladle.core.api.patterns import Matcher

    try:
        return Filter(Matcher(included) if included else None, Matcher(exclude) if exclude else None)
    except ValueError as error:
        raise BuildError(str(error), code="LA0305") from error


class _Cache:
    """The stored scans of one root: one file for each set of filters, any of which serves as a seed for another."""

    def __init__(self, directory: str, root: str, filters: tuple[tuple[str, ...], ...]) -> None:
        import hashlib

        place = os.fsencode(root)
        self._directory = directory
        self._root = root
        self._prefix = f"s-{hashlib.sha256(place).hexdigest()[:16]}-"
        self._path = os.path.join(
            directory, self._prefix + hashlib.sha256(marshal.dumps(filters, _MARSHAL)).hexdigest()[:16]
        )

    def load(self) -> tuple[dict[bytes, Entry], dict[bytes, bytes], bool]:
        """The entries and trees of the last scan, and whether it had these filters."""
        stored = self._read(self._path)
        if stored is not None:
            return (*stored, True)
        for path in self._newest_first():
            stored = self._read(path)
            if stored is not None:
                return (*stored, False)
        return {}, {}, False

    def save(self, body: bytes) -> None:
        """Replace the stored scan; what cannot be written is only a slower next time."""
        try:
            os.makedirs(self._directory, mode=0o700, exist_ok=True)
            _write(self._directory, self._path, body)
            for path in self._newest_first()[_SEEDS:]:
                os.unlink(path)
        except OSError:
            return

    def _read(self, path: str) -> _Stored | None:
        try:
            with open(path, "rb") as file:
                return _unpacked(file.read(), self._root)
        except OSError:
            return None

    def _newest_first(self) -> list[str]:
        found = []
        try:
            with os.scandir(self._directory) as listing:
                for item in listing:
                    if item.name.startswith(self._prefix):
                        found.append((item.stat().st_mtime_ns, item.path))
        except OSError:
            return []
        return [path for _, path in sorted(found, reverse=True)]


def _packed(root: str, entries: Mapping[bytes, Entry], trees: Mapping[bytes, bytes]) -> bytes:
    content: Any = (os.fsencode(root), entries, trees)
    body = marshal.dumps(content, _MARSHAL)
    return _MAGIC + b"%08x\n" % zlib.crc32(body) + body


def _unpacked(data: bytes, root: str | None) -> _Stored | None:
    """The entries and trees in `data`; None if it is damaged, of another version, or of another root."""
    start = len(_MAGIC) + 9
    view = memoryview(data)[start:]
    if not data.startswith(_MAGIC) or data[len(_MAGIC) : start] != b"%08x\n" % zlib.crc32(view):
        return None
    place, entries, trees = marshal.loads(view)
    if root is not None and place != os.fsencode(root):
        return None
    return entries, trees


def _write(directory: str, path: str, body: bytes) -> None:
    temporary = os.path.join(directory, f".{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with open(temporary, "xb") as file:
            file.write(body)
        os.replace(temporary, path)
    except OSError:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def _holds(path: str, body: bytes) -> bool:
    """Say whether a file has these bytes; it is as good as new then."""
    try:
        with open(path, "rb") as file:
            if file.read() != body:
                return False
        os.utime(path)
    except OSError:
        return False
    return True


def _unwritable(directory: str, error: OSError) -> BuildError:
    return BuildError(
        f"cannot keep what was scanned in {directory}: {error.strerror}",
        code="LA0309",
        help="set LADLE_ROOT (or --root) to a directory with space that you can write to",
    )


def _keep_table(directory: str, body: bytes) -> str:
    """Write a table under a name made of its content, and remove those that no build uses any more."""
    import hashlib

    path = os.path.join(directory, f"t-{hashlib.sha256(body).hexdigest()[:32]}")
    if _holds(path, body):
        return path
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _write(directory, path, body)
    except OSError as error:
        raise _unwritable(directory, error) from error
    _remove_old_tables(directory)
    return path


def _remove_old_tables(directory: str) -> None:
    oldest = time.time() - _TABLE_AGE
    with os.scandir(directory) as listing:
        for item in listing:
            try:
                if item.name.startswith("t-") and item.stat().st_mtime < oldest:
                    os.unlink(item.path)
            except OSError:
                continue  # another build was faster, or may what we may not
