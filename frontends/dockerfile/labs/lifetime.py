# SPDX-License-Identifier: Apache-2.0
"""`RUN --no-cache` and `RUN --cache-ttl=1d`: for how long the cache answers for a step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile.labs import errors

if TYPE_CHECKING:
    from ladle.frontends.dockerfile.ast import Run

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TIME = re.compile(r"(?:\d{1,9}[smhdw])+", re.ASCII)


def lifetime_of(node: Run) -> int:
    """Return the seconds of `--cache-ttl`, 0 without it; raises `DiagnosticError`."""
    flag = node.flag("cache-ttl")
    if flag is None:
        return 0
    if node.says("no-cache"):
        raise DiagnosticError([errors.never_and_lifetime(flag.span)])
    seconds = seconds_of(flag.text)
    if not seconds:
        raise DiagnosticError([errors.bad_lifetime(flag.text, flag.span)])
    return seconds


def seconds_of(text: str) -> int:
    """Return the seconds of `90s`, `1h30m`, `1d`, `2w`; 0 for what is no time, or none."""
    if not _TIME.fullmatch(text):
        return 0
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", text))
