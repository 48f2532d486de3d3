# SPDX-License-Identifier: Apache-2.0
"""`.dockerignore` as the exclude patterns of a local source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.patterns import PatternError, parse_ignore
from ladle.frontends.dockerfile import errors

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context


def context_patterns(context: Context) -> tuple[str, ...]:
    """Return what the main context's ignore file leaves out; empty without one."""
    found = context.ignore_file()
    return ignore_patterns(found[0], found[1].decode("utf-8", "surrogateescape")) if found else ()


def ignore_patterns(name: str, text: str) -> tuple[str, ...]:
    """Return the rules of an ignore file; raises `DiagnosticError` naming the line of a bad one."""
    try:
        return tuple(str(rule) for rule in parse_ignore(text))
    except PatternError as error:
        raise DiagnosticError([errors.bad_ignore(name, str(error))]) from None
