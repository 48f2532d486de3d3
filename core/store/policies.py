# SPDX-License-Identifier: Apache-2.0
"""How much the cache may take, and what goes first (BuildKit's `gcpolicy`, FEATURES DM-12 to DM-14)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import UsageError
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.store.usage import Item

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3})\s*%")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_FIELDS = ("id", "type", "description", "inuse", "shared")
_TERM = re.compile(r"([a-z]+)(?:(==|!=|~=)(.*))?", re.DOTALL)
_KEYS = frozenset(["all", "filters", "keepDuration", "reservedSpace", "maxUsedSpace", "minFreeSpace"])
_CAPS = {"reservedSpace": "reserved", "maxUsedSpace": "max_used", "minFreeSpace": "min_free"}
_GB = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Bounds in bytes (0: none) for what is not used for `keep` seconds and fits one of `filters` (none: anything).

    Items of the types `internal` and `frontend` count only with `all`.
    """

    all: bool = False
    filters: tuple[str, ...] = ()
    keep: float = 0.0
    reserved: int = 0
    max_used: int = 0
    min_free: int = 0

    def matches(self) -> Callable[[Item], bool]:
        """Return a function that says whether an item is of those that may go; raises `UsageError` for a bad filter."""
        tests = [parse_filter(text) for text in self.filters]

        def matching(item: Item) -> bool:
            if not self.all and item.type in ("internal", "frontend"):
                return False
            return not tests or any(test(item) for test in tests)

        return matching

    def room(self, total: int, free: int) -> int:
        """Return the bytes that the cache may keep when it takes `total` and the disk has `free` (DM-15)."""
        if not (self.max_used or self.reserved or self.min_free):
            return 0
        room = self.max_used
        excess = self.min_free - free
        if excess > 0:
            room = total - excess if not room else min(room, total - excess)
        elif self.min_free and not room:
            room = total
        return max(room, self.reserved)


def configured_policies(section: Mapping[str, Any], disk: int) -> tuple[Policy, ...]:
    """Return the policies of the configuration's section `gc`, none if it is off.

    `[[gc.policy]]` are all that count; else the default ones with the section's own bounds, where it has some.
    Raises `UsageError` for what is not valid.
    """
    if section.get("enabled", True) is False:
        return ()
    if unknown := sorted(section.keys() - {"enabled", "policy", *_CAPS}):
        raise _bad(f"there is no key {unknown[0]!r}; there are enabled, policy, {', '.join(_CAPS)}")
    if "policy" in section:
        return parse_policies(section["policy"], disk)
    return default_policies(disk, {_CAPS[name]: parse_size(section[name], disk) for name in _CAPS if name in section})


def default_policies(disk: int, given: Mapping[str, int] | None = None) -> tuple[Policy, ...]:
    """Return the policies of a store on a disk of so many bytes whose configuration has none (DM-13, DM-14).

    `given` bounds (`reserved`, `max_used`, `min_free`) count before BuildKit's.
    """
    caps: Mapping[str, Any] = given or {
        "reserved": min(disk // 10, 10 * _GB),
        "max_used": min(disk * 8 // 10, 100 * _GB),
        "min_free": disk // 5,
    }
    cheap = ("source.local", "source.http", "source.git.checkout", "exec.cachemount")
    return (
        Policy(filters=tuple(f"type=={kind}" for kind in cheap), keep=48 * 3600.0, max_used=512 << 20),
        Policy(keep=60 * 86400.0, **caps),
        Policy(**caps),
        Policy(all=True, **caps),
    )


def parse_policies(tables: object, disk: int) -> tuple[Policy, ...]:
    """Return the policies of the configuration's `[[gc.policy]]`; raises `UsageError` for what is not valid."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _bad("write each policy as a table: [[gc.policy]]")
    return tuple(_policy(table, disk) for table in tables)


def _policy(table: Mapping[str, Any], disk: int) -> Policy:
    if unknown := sorted(table.keys() - _KEYS):
        raise _bad(f"there is no key {unknown[0]!r}; there are {', '.join(sorted(_KEYS))}")
    filters = table.get("filters", [])
    if not isinstance(filters, list) or not all(isinstance(text, str) for text in filters):
        raise _bad("filters are a list of texts")
    for text in filters:
        parse_filter(text)
    return Policy(
        all=bool(table.get("all", False)),
        filters=tuple(filters),
        keep=parse_duration(table.get("keepDuration", 0)),
        reserved=parse_size(table.get("reservedSpace", 0), disk),
        max_used=parse_size(table.get("maxUsedSpace", 0), disk),
        min_free=parse_size(table.get("minFreeSpace", 0), disk),
    )


def parse_size(value: object, disk: int) -> int:
    """Return bytes: a number, `"512MB"` (units are powers of 1,024, as BuildKit's) or `"10%"` of the disk."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = str(value).strip()
    if (found := _PERCENT.fullmatch(text)) and int(found[1]) <= 100:
        return disk * int(found[1]) // 100
    if found := _SIZE.fullmatch(text):
        return int(float(found[1]) * (1 << _UNITS[found[2].lower()]))
    raise UsageError(f"{value!r} is no size", code="ST0020", help='bytes, "512MB" or "10%"')


def parse_duration(value: object) -> float:
    """Return seconds: a number, or a text such as `"48h"`, `"1h30m"`, `"60d"`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    text = str(value).strip()
    parts = list(_SPAN.finditer(text))
    if parts and "".join(part[0] for part in parts) == text:
        return sum(float(part[1]) * _SECONDS[part[2]] for part in parts)
    raise UsageError(f"{value!r} is no duration", code="ST0021", help='seconds, or "90s", "30m", "48h", "60d"')


def parse_filter(text: str) -> Callable[[Item], bool]:
    """Return the test of a filter: `type==regular`, `id~=^ab`, `inuse`; terms joined by commas must all hold."""
    tests = [_term(term.strip(), text) for term in text.split(",")]
    return lambda item: all(test(item) for test in tests)


def _term(term: str, text: str) -> Callable[[Item], bool]:
    found = _TERM.fullmatch(term)
    if found is None or found[1] not in _FIELDS:
        raise _bad_filter(text, f"the fields are {', '.join(_FIELDS)}")
    name, operator, wanted = found[1], found[2], (found[3] or "").strip("\"'")
    if not operator:
        return lambda item: item.field(name) == "true"
    if operator == "~=":
        try:
            pattern = re.compile(wanted)
        except re.error as error:
            raise _bad_filter(text, f"{wanted!r} is no regular expression: {error}") from None
        return lambda item: pattern.search(item.field(name)) is not None
    return lambda item: (item.field(name) == wanted) is (operator == "==")


def _bad_filter(text: str, why: str) -> UsageError:
    return UsageError(f"the filter {text!r} is not valid", code="ST0022", notes=[why], help="type==regular, id~=^ab")


def _bad(why: str) -> UsageError:
    return UsageError(
        "the configuration's section gc is not valid", code="ST0023", notes=[why], help="docs/store.md has its keys"
    )


def check_filters(texts: Sequence[str]) -> tuple[str, ...]:
    """Return filters as given; raises `UsageError` for one that is not valid."""
    for text in texts:
        parse_filter(text)
    return tuple(texts)
