# SPDX-License-Identifier: Apache-2.0
"""Checks that several ops share; each names the bad value in its message."""

from __future__ import annotations

from collections.abc import Iterable

from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_INDEX

Pairs = tuple[tuple[str, str], ...]
"""A string map as its sorted items: hashable, and written the same way every time."""


def check_index(owner: str, name: str, value: int) -> None:
    """Refuse an index below -1 (-1 means none) or beyond what can be written down."""
    if not -1 <= value <= MAX_INDEX:
        raise LLBError(f"{owner}: {name} {value} is not an index (-1 means none)")


def check_in_range(owner: str, name: str, value: int, count: int) -> None:
    """Refuse an index that is not -1 and not below count."""
    if not -1 <= value < count:
        raise LLBError(f"{owner}: {name} {value} is out of range, there are {count}")


def check_pairs(owner: str, name: str, pairs: Pairs) -> None:
    """Refuse a map with an empty key, or whose items are not sorted and unique."""
    before = ""
    for key, _ in pairs:
        if not key:
            raise LLBError(f"{owner}: {name} has an empty name")
        if key <= before:
            raise LLBError(f"{owner}: {name} must be sorted by unique names, {key!r} follows {before!r}")
        before = key


def check_text(owner: str, name: str, value: str) -> None:
    """Refuse an empty text, or one with a NUL byte in it."""
    if not value:
        raise LLBError(f"{owner}: {name} is empty")
    if "\0" in value:
        raise LLBError(f"{owner}: {name} {value!r} contains a NUL byte")


def check_outputs(owner: str, outputs: Iterable[int]) -> int:
    """Refuse outputs that are not 0, 1, 2, ... in some order (-1 aside); return how many there are."""
    numbers = sorted(number for number in outputs if number != -1)
    for expected, number in enumerate(numbers):
        if number != expected:
            wrong = "is used twice" if number < expected else f"leaves {expected} out"
            raise LLBError(f"{owner}: output {number} {wrong}")
    return len(numbers)
