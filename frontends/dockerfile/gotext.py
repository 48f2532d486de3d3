# SPDX-License-Identifier: Apache-2.0
"""Texts as Go writes and reads them: quoted strings, lists, durations. Image histories are full of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_SECOND = 10**9
_UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000}
_UNITS |= {"s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_LONGEST = 2**63 - 1


def quote(text: str) -> str:
    """Return `%q` of a string."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quoted_list(words: Iterable[str]) -> str:
    """Return `%q` of a list of strings: `["a" "b"]`."""
    return "[" + " ".join(quote(word) for word in words) + "]"


def plain_list(words: Iterable[str]) -> str:
    """Return `%v` of a list of strings: `[a b]`."""
    return "[" + " ".join(words) + "]"


def parse_duration(text: str) -> int:
    """Return nanoseconds of `1h30m`, `500ms`, `1.5s`, `0`; raises `ValueError` with Go's words."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    if not body:
        raise ValueError(f"time: invalid duration {quote(text)}")
    total, position = 0, 0
    while position < len(body):
        match = _DURATION_PART.match(body, position)
        if match is None:
            missing = re.fullmatch(r"[\d.]*\d[\d.]*", body[position:], re.ASCII)
            problem = "missing unit in duration" if missing else "invalid duration"
            raise ValueError(f"time: {problem} {quote(text)}")
        whole, _, fraction = match[1].partition(".")
        unit = _UNITS[match[2]]
        total += int(whole or "0") * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
        position = match.end()
    if total > _LONGEST:
        raise ValueError(f"time: invalid duration {quote(text)}")
    return -total if text.startswith("-") else total


def duration(nanoseconds: int) -> str:
    """Return a duration as Go prints it: `1h0m0s`, `1m30s`, `500ms`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if rest < min(size * 1000, 10**9):
            return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, rest = divmod(rest, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    out = f"{_decimal(rest, 10**9)}s"
    if hours or minutes:
        out = f"{minutes}m{out}"
    return sign + (f"{hours}h{out}" if hours else out)


def _decimal(value: int, size: int) -> str:
    whole, fraction = divmod(value, size)
    digits = str(fraction).zfill(len(str(size)) - 1).rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
