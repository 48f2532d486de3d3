# SPDX-License-Identifier: Apache-2.0
"""Walking a directory into a table of entries, with the entries of an earlier walk at hand.

The loop is what a cached build waits for: one scandir a directory and one stat a file, no more.
"""

from __future__ import annotations

import os
from stat import S_IFMT

from ladle.core.api.patterns import Matcher
from ladle.core.content.entry import Entry, read_entry, unreadable

TYPE_CHECKING = False  # not from typing: importing that takes longer than a small scan
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST = 3500
_DIR = 0o040000
_SOCKET = 0o140000
_O_DIR = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Steps = tuple[int, int]


class Filter:
    """The include and exclude rules of a walk. A path is kept if it is included and not excluded."""

    def __init__(self, include: Matcher | None, exclude: Matcher | None) -> None:
        self._include = include
        self._exclude = exclude

    def judge(self, path: bytes, above: Steps) -> tuple[bool, Steps]:
        """Whether `path` is kept, and its steps; `above` are its parent's."""
        text = path.decode("utf-8", "surrogateescape")
        include, exclude = above
        keep = True
        if self._include is not None:
            include = self._include.step(text, include)
            keep = self._include.verdict(include) is not None
        if self._exclude is not None:
            exclude = self._exclude.step(text, exclude)
            keep = keep and self._exclude.verdict(exclude) is None
        return keep, (include, exclude)

    def excludes(self, path: bytes) -> bool:
        """Whether an exclude rule matches `path`, whatever the include rules say."""
        if self._exclude is None:
            return False
        return self._exclude.matches(path.decode("utf-8", "surrogateescape")) is not None

    def descends(self, path: bytes, steps: Steps) -> bool:
        """Whether anything below the directory `path`, itself not kept, could be kept."""
        text = path.decode("utf-8", "surrogateescape")
        include, exclude = self._include, self._exclude
        if include is not None and include.verdict(steps[0]) is None and not include.could_change_below(text, steps[0]):
            return False
        return exclude is None or exclude.verdict(steps[1]) is None or exclude.could_change_below(text, steps[1])


class Walk:
    """One walk below `top`. `found` is the result; `fresh` counts the entries not taken over from `known`."""

    def __init__(
        self,
        top: str,
        *,
        known: Mapping[bytes, Entry],
        chosen: Filter | None = None,
        owner: bool = False,
        racy_since: int = 0,
        shown: str = "",
    ) -> None:
        self._top = os.fsencode(top)
        self._shown = shown or top
        self._known = known
        self._chosen = chosen
        self._owner = owner
        self._racy_since = racy_since
        self._passed: dict[bytes, os.stat_result] = {}
        self._places: dict[bytes, bytes] = {}
        self._fds: list[int] = []
        self.found: dict[bytes, Entry] = {}
        self.fresh = 0

    def run(self, start: bytes = b"") -> dict[bytes, Entry]:
        """Walk everything below the directory `start` (relative to the top); returns `found`."""
        place = self._top + b"/" + start if start else self._top
        stack: list[tuple[bytes, bytes, Steps]] = [(start + b"/" if start else b"", place, (-1, -1))]
        try:
            while stack:
                prefix, place, steps = stack.pop()
                try:
                    with os.scandir(place) as listing:
                        self._directory(listing, prefix, place, steps, stack)
                except OSError as error:
                    raise unreadable(self._name(prefix[:-1], error), error) from error
        finally:
            for fd in self._fds:
                os.close(fd)
        return self.found

    def _directory(
        self,
        listing: Iterable[os.DirEntry[bytes]],
        prefix: bytes,
        place: bytes,
        steps: Steps,
        stack: list[tuple[bytes, bytes, Steps]],
    ) -> None:
        known, found, chosen = self._known.get, self.found, self._chosen
        for item in listing:
            name: bytes = item.name
            path = prefix + name
            below = steps
            keep = True
            if chosen is not None:
                keep, below = chosen.judge(path, steps)
                if not keep and not (item.is_dir(follow_symlinks=False) and chosen.descends(path, below)):
                    continue
            status = item.stat(follow_symlinks=False)
            kind = S_IFMT(status.st_mode)
            if kind == _DIR:
                stack.append((path + b"/", self._place(place, name), below))
            elif kind == _SOCKET:
                continue
            if not keep:
                self._passed[path] = status
                self._places[path] = place + b"/" + name
                continue
            if prefix and chosen is not None and prefix[:-1] not in found:
                self._add_parents(prefix[:-1])
            old = known(path)
            if (
                old is not None
                and old[2] == status.st_mtime_ns
                and old[3] == status.st_ctime_ns
                and old[1] == status.st_size
                and old[4] == status.st_ino
                and old[0] == status.st_mode
                and not old[8]
            ):
                found[path] = old
            else:
                found[path] = self._read(path, place + b"/" + name, status, old)

    def _read(self, path: bytes, place: bytes, status: os.stat_result, old: Entry | None) -> Entry:
        shown = os.path.join(self._shown, os.fsdecode(path))
        entry = read_entry(place, status, owner=self._owner, racy_since=self._racy_since, shown=shown)
        if entry == old:
            return old
        self.fresh += 1
        return entry

    def _add_parents(self, path: bytes) -> None:
        """Take in the directories above something kept that are not kept for themselves."""
        missing = []
        while path and path not in self.found:
            missing.append(path)
            path = path.rpartition(b"/")[0]
        for parent in reversed(missing):
            self.found[parent] = self._read(parent, self._places[parent], self._passed[parent], self._known.get(parent))

    def _place(self, parent: bytes, name: bytes) -> bytes:
        """The path to open a directory by: through a descriptor where it would come near PATH_MAX."""
        place = parent + b"/" + name
        if len(place) < _LONGEST:
            return place
        fd = os.open(place, _O_DIR)
        self._fds.append(fd)
        return b"/proc/self/fd/%d" % fd

    def _name(self, directory: bytes, error: OSError) -> str:
        """What to call the place of an error: the file in `directory` that it names, or the directory."""
        parts = [self._shown, os.fsdecode(directory)] if directory else [self._shown]
        place = self._top + b"/" + directory if directory else self._top
        if isinstance(error.filename, bytes) and os.path.dirname(error.filename) == place:
            parts.append(os.fsdecode(os.path.basename(error.filename)))
        return os.path.join(*parts)
