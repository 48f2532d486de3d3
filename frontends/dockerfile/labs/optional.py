# SPDX-License-Identifier: Apache-2.0
"""`COPY --if-exists`: a path as a pattern that fits it alone. What a pattern does not find is no mistake."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[^*?\[\]\\\\/.^-]")


def maybe(path: str) -> str:
    """Return the pattern for a path; itself where it is one, or where nothing can be missing (`/`, `.`).

    Only the last part becomes one: `conf/app.ini` is written `conf/app.in[i]`.
    """
    folder, slash, name = path.rstrip("/").rpartition("/")
    if name in ("", ".", ".."):
        return path
    places = [match.start() for match in _PLAIN.finditer(name)]
    if not places:
        return path if _is_pattern(name) else f"{folder}{slash}{_every_sign(name)}"
    at = places[-1]
    if name[at - 1 : at] == "\\" or _is_pattern(name):
        return path
    return f"{folder}{slash}{name[:at]}[{name[at]}]{name[at + 1 :]}"


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _every_sign(name: str) -> str:
    """Return a pattern for a name of dots, hyphens and the like."""
    return "".join(f"[{sign}]" if sign in ".-" else sign for sign in name)
