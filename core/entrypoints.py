# SPDX-License-Identifier: Apache-2.0
"""The plugins of strangers: entry points of installed distributions, found without importing any of them.

The groups are `ladle.frontend`, `ladle.source` and so on; an entry point's name is the plugin's. What a scan finds is
kept in `plugins.json` under the times of the directories that were searched; it is made anew when one of them changes.
"""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from ladle.core import installed
from ladle.llb.values import dataclass

KINDS = ("frontend", "source", "exporter", "executor", "snapshotter")
"""What a plugin can be."""
HOOKS = "hooks"
"""The kind of entry points that name modules with hooks (`ladle.core.hookspecs`)."""
VARIABLE = "LADLE_PLUGINS"
Trace = Callable[[str], None]
_FORM = 1
_GROUP = re.compile(r"\s*\[\s*ladle\.(\w+)\s*\]\s*")
_SECTION = re.compile(r"\s*\[.*\]\s*")
_ENTRY = re.compile(r"\s*([^=\s][^=]*?)\s*=\s*([\w.]+)\s*(?::\s*([\w.]+))?\s*(?:\[.*\])?\s*")
_METADATA = (".dist-info", ".egg-info")
_MAX_FILE_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A directory that has changed in the last two seconds can change again without a new time."""
_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The distribution that a plugin comes from; both are "" for ladle's own."""

    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip() or "built-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry point: `target` is `module:attribute`, `place` the directory that the distribution is installed in."""

    kind: str
    name: str
    target: str
    origin: Origin
    place: str


class Strangers:
    """The entry points of everything that is installed, looked for when they are first asked for."""

    def __init__(self, environ: Mapping[str, str], *, trace: Trace | None = None) -> None:
        self._cache = _cache_path(environ)
        self._only = environ.get(VARIABLE)
        self._trace = trace
        self._found: tuple[Entry, ...] | None = None

    def entries(self, kind: str) -> tuple[Entry, ...]:
        """Return the plugins of a kind that `LADLE_PLUGINS` does not leave out."""
        return tuple(entry for entry in self.all() if entry.kind == kind and self.wanted(entry))

    def all(self) -> tuple[Entry, ...]:
        """Return every plugin that is installed."""
        if self._found is None:
            self._found = self._look()
        return self._found

    def wanted(self, entry: Entry) -> bool:
        """Say whether `LADLE_PLUGINS` has a plugin: by `kind/name`, by its name or by its distribution."""
        if self._only is None:
            return True
        named = {word.strip() for word in self._only.split(",")}
        own = (f"{entry.kind}/{entry.name}", entry.name, entry.origin.distribution)
        return not named.isdisjoint(own)

    def _look(self) -> tuple[Entry, ...]:
        began = time.perf_counter()
        places = installed.directories()
        key = installed.fingerprint(places)
        kept = _read_cache(self._cache)
        found = _entries_of(kept.get(key))
        how = "read what an earlier scan of"
        if found is None:
            how = "scanned"
            found = tuple(entry for place in places for entry in _in_directory(place))
            found = _first_of_each(found)
            newest = max(map(installed.modified, places), default=0)
            if newest < time.time_ns() - _SETTLED_NS:
                _write_cache(self._cache, kept, key, found)
        if self._trace is not None:
            spent = (time.perf_counter() - began) * 1000
            self._trace(f"{how} {len(places)} directories: {len(found)} plugins, {spent:.1f} ms")
        return found


def _first_of_each(found: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Drop what belongs to a distribution that an earlier directory has too: Python imports the first one."""
    first: dict[str, str] = {}
    kept = []
    for entry in found:
        if first.setdefault(_normalized(entry.origin.distribution), entry.place) == entry.place:
            kept.append(entry)
    return tuple(kept)


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _in_directory(place: str) -> Iterator[Entry]:
    """Return the plugins of the distributions in a directory, by name; what cannot be read has none."""
    try:
        names = sorted(name for name in os.listdir(place) if name.endswith(_METADATA))
    except OSError:
        return
    for name in names:
        text = _text(f"{place}/{name}/entry_points.txt")
        if "[ladle." not in text.replace(" ", ""):
            continue
        origin = _origin(f"{place}/{name}")
        for kind, entry, target in _parsed(text):
            yield Entry(kind=kind, name=entry, target=target, origin=origin, place=place)


def _parsed(text: str) -> Iterator[tuple[str, str, str]]:
    """Return kind, name and target of ladle's entry points in an `entry_points.txt`."""
    kind = ""
    for line in text.splitlines():
        if match := _GROUP.fullmatch(line):
            kind = match[1]
        elif _SECTION.fullmatch(line):
            kind = ""
        elif kind in (*KINDS, HOOKS) and not line.lstrip().startswith(("#", ";")) and (match := _ENTRY.fullmatch(line)):
            yield kind, match[1], f"{match[2]}:{match[3]}" if match[3] else match[2]


def _origin(directory: str) -> Origin:
    """Return name and version of a distribution: as its metadata says, else as its directory is called."""
    base, _, _ = os.path.basename(directory).rpartition(".")
    name, _, version = base.partition("-")
    for file in ("METADATA", "PKG-INFO"):
        for line in _text(f"{directory}/{file}").splitlines():
            if not line.strip():
                break
            field, _, value = line.partition(":")
            if field.lower() == "name":
                name = value.strip()
            elif field.lower() == "version":
                version = value.strip()
    return Origin(distribution=name, version=version)


def _text(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return file.read(_MAX_FILE_BYTES).decode(errors="replace")


def _cache_path(environ: Mapping[str, str]) -> str:
    home = environ.get("XDG_CACHE_HOME") or (environ["HOME"] + "/.cache" if environ.get("HOME") else "")
    return f"{home}/ladle/plugins.json" if os.path.isabs(home) else ""


def _read_cache(path: str) -> dict[str, object]:
    """Return the scans that are kept; none of a file that is not ours or not as we write it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE_BYTES:
            return {}
        try:
            kept = json.loads(file.read())
        except (ValueError, RecursionError):
            return {}
    scans = kept.get("scans") if isinstance(kept, dict) and kept.get("form") == _FORM else None
    return dict(scans) if isinstance(scans, dict) else {}


def _entries_of(rows: object) -> tuple[Entry, ...] | None:
    if not isinstance(rows, list):
        return None
    entries = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 6 or not all(isinstance(text, str) for text in row):
            return None
        kind, name, target, distribution, version, place = row
        origin = Origin(distribution=distribution, version=version)
        entries.append(Entry(kind=kind, name=name, target=target, origin=origin, place=place))
    return tuple(entries)


def _write_cache(path: str, kept: Mapping[str, object], key: str, found: tuple[Entry, ...]) -> None:
    """Keep a scan beside the latest others; where that cannot be, the next start scans again."""
    if not path:
        return
    rows = [
        [each.kind, each.name, each.target, each.origin.distribution, each.origin.version, each.place] for each in found
    ]
    scans = dict([*((old, scan) for old, scan in kept.items() if old != key)][1 - _KEPT :]) | {key: rows}
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    with suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump({"form": _FORM, "scans": scans}, file)
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
