# SPDX-License-Identifier: Apache-2.0
"""File modes as chmod(1) reads them: octal, or symbolic clauses such as `u=rwX,go-w`."""

from __future__ import annotations

import stat
from collections.abc import Callable

from ladle.core.api.errors import BuildError

ModeChange = Callable[[int], int]
"""Maps an st_mode to the permission bits it shall have."""

_SHIFTS = {"u": 6, "g": 3, "o": 0}
_SPECIAL = {"u": stat.S_ISUID, "g": stat.S_ISGID, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


def keep(mode: int) -> int:
    """The change that changes nothing."""
    return stat.S_IMODE(mode)


def parse_mode(text: str) -> ModeChange:
    """The change that a mode string describes; raises `BuildError` for one that cannot be read."""
    if text.isascii() and text.isdigit():
        if set(text) <= set("01234567") and int(text, 8) <= 0o7777:
            return fixed(int(text, 8))
        raise _invalid(text)
    clauses = [_clause(clause, text) for clause in text.split(",")]

    def change(mode: int) -> int:
        bits = stat.S_IMODE(mode)
        executable = stat.S_ISDIR(mode) or bool(mode & 0o111)
        for who, actions in clauses:
            for operator, permissions in actions:
                bits = _applied(bits, who, operator, permissions, executable)
        return bits

    return change


def fixed(bits: int) -> ModeChange:
    """The change to exactly these bits."""
    return lambda _mode: bits & 0o7777


def _invalid(text: str) -> BuildError:
    return BuildError(f"invalid mode: {text!r}", code="LA0311", help="give it in octal, or as in u=rwX,go-w")


def _clause(clause: str, text: str) -> tuple[str, list[tuple[str, str]]]:
    """Split `who` from the list of (operator, permissions) behind it."""
    rest = clause.lstrip("ugoa")
    who = clause[: len(clause) - len(rest)]
    actions: list[tuple[str, str]] = []
    for char in rest:
        if char in "+-=":
            actions.append((char, ""))
        elif actions and char in "rwxXstugo":
            actions[-1] = (actions[-1][0], actions[-1][1] + char)
        else:
            raise _invalid(text)
    if not actions:
        raise _invalid(text)
    return ("ugoa" if not who or "a" in who else who), actions


def _applied(bits: int, who: str, operator: str, permissions: str, executable: bool) -> int:
    wanted = 0
    cleared = 0
    triple = 0
    for char in permissions:
        if char in _BITS:
            triple |= _BITS[char]
        elif char == "X" and executable:
            triple |= 1
        elif char in _SHIFTS:
            triple |= bits >> _SHIFTS[char] & 7
    for person, shift in _SHIFTS.items():
        if person in who:
            wanted |= triple << shift
            cleared |= 7 << shift | _SPECIAL[person]
            if "s" in permissions:
                wanted |= _SPECIAL[person]
    if "a" in who:
        cleared |= stat.S_ISVTX
    if "t" in permissions:
        wanted |= stat.S_ISVTX
    if operator == "+":
        return bits | wanted
    if operator == "-":
        return bits & ~wanted
    return bits & ~cleared | wanted
