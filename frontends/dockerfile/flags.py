# SPDX-License-Identifier: Apache-2.0
"""The flags of instructions: which there are, and how a token of them is taken apart."""

from __future__ import annotations

import re
from functools import lru_cache

from ladle.core.api.diagnostics import Diagnostic
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.ast import Flag, Word
from ladle.frontends.dockerfile.lines import LogicalLine
from ladle.frontends.suggest import nearest

TEXT, BOOLEAN, LIST = "text", "boolean", "list"

FLAGS: dict[str, dict[str, str]] = {
    "FROM": {"platform": TEXT},
    "RUN": {"mount": LIST, "network": TEXT, "security": TEXT, "device": LIST},
    "COPY": {"from": TEXT, "chown": TEXT, "chmod": TEXT, "link": BOOLEAN, "parents": BOOLEAN, "exclude": LIST},
    "ADD": {
        "chown": TEXT,
        "chmod": TEXT,
        "link": BOOLEAN,
        "keep-git-dir": BOOLEAN,
        "checksum": TEXT,
        "unpack": BOOLEAN,
        "exclude": LIST,
    },
    "HEALTHCHECK": {"interval": TEXT, "timeout": TEXT, "start-period": TEXT, "start-interval": TEXT, "retries": TEXT},
}
LABS: dict[str, dict[str, str]] = {
    "RUN": {"no-cache": BOOLEAN, "cache-ttl": TEXT},
    "COPY": {"if-exists": BOOLEAN},
    "INCLUDE": {"from": TEXT},
    "IMPORT": {"from": TEXT},
}
"""The flags of the labs language; `parse` refuses them in other files."""
_UNREAD = frozenset({"ARG", "STOPSIGNAL"})
"""Instructions whose flags BuildKit takes off and never looks at."""


def split_flags(
    line: LogicalLine, keyword: str, start: int, text: str, escape: str
) -> tuple[list[Flag], list[Diagnostic]]:
    """Return the flags in a token that begins at `start` of the line, and what is wrong with them."""
    flags: list[Flag] = []
    wrong: list[Diagnostic] = []
    if keyword in _UNREAD:
        return flags, wrong
    known = FLAGS.get(keyword, {})
    for match in _flag_pattern(escape).finditer(text):
        begin, end = start + match.start(), start + match.end()
        written, equals, value = match[0][2:].partition("=")
        span = line.span(begin, end)
        name = _unquote(written, escape)
        word = Word(_unquote(value, escape), line.span(end - len(value), end)) if equals else None
        flag = Flag(name, word, span)
        same = next((other for other in flags if other.name == name), None)
        problem = _problem(known, LABS.get(keyword, {}), flag, same)
        if problem:
            wrong.append(problem)
        else:
            flags.append(flag)
    return flags, wrong


def _problem(known: dict[str, str], labs: dict[str, str], flag: Flag, same: Flag | None) -> Diagnostic | None:
    kind = known.get(flag.name) or labs.get(flag.name)
    if kind is None:
        return errors.unknown_flag(flag.name, nearest(flag.name, known), flag.span)
    if same is not None and kind is not LIST:
        return errors.duplicate_flag(flag.name, flag.span, same.span)
    if kind is BOOLEAN:
        if flag.value is not None and not flag.value.text:
            return errors.flag_without_value(flag.name, flag.span)
        if flag.value is not None and flag.value.text.lower() not in ("true", "false"):
            return errors.flag_not_boolean(flag.name, flag.value.text, flag.span)
    elif flag.value is None:
        return errors.flag_without_value(flag.name, flag.span)
    return None


@lru_cache(maxsize=2)
def _flag_pattern(escape: str) -> re.Pattern[str]:
    token = re.escape(escape)
    quoted = rf"\"(?:[^\"{token}]|{token}.)*(?:\"|{token}?\Z)|'[^']*(?:'|\Z)"
    return re.compile(rf"--(?:[^\s\"'{token}]|{token}(?:.|\Z)|{quoted})+")


def _unquote(text: str, escape: str) -> str:
    if '"' not in text and "'" not in text and escape not in text:
        return text
    out: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if character == escape:
            position += 1
            out.append(text[position : position + 1])
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            out.append(character)
        position += 1
    return "".join(out)
