# SPDX-License-Identifier: Apache-2.0
"""`COPY --if-exists`: a path as a pattern that fits it alone. What a pattern does not find is no mistake."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[^*?\[\]\\\\/.^-]")


def maybe(path: str) -> str:
    """Return the pattern for a path; itself where it is one, or where nothing can be missing (`/`, `.`).

    Each part becomes one, as each may be missing: `conf/app.ini` is written `con[f]/app.in[i]`.
    """
    return "/".join(_part(name) for name in (path.rstrip("/") or path).split("/"))


def _part(name: str) -> str:
    if name in ("", ".", "..") or _is_pattern(name):
        return name
    places = [match.start() for match in _PLAIN.finditer(name)]
    if not places:
        return _every_sign(name)
    at = places[-1]
    if name[at - 1 : at] == "\\":
        return name
    return f"{name[:at]}[{name[at]}]{name[at + 1 :]}"


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _every_sign(name: str) -> str:
    """Return a pattern for a name of dots, hyphens and the like."""
    return "".join(f"[{sign}]" if sign in ".-" else sign for sign in name)
