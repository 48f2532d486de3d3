# SPDX-License-Identifier: Apache-2.0
"""Bytes to text: YAML build files are UTF-8 and of a bounded size."""

from __future__ import annotations

from ladle.core.api.diagnostics import DiagnosticError, SourceText, Span
from ladle.frontends.yaml import errors

MAX_FILE = 256 << 10
"""Bytes of one file."""


def decode(name: str, data: bytes) -> SourceText:
    """Return a file's text; raises `DiagnosticError` for one that is too large or not UTF-8."""
    if len(data) > MAX_FILE:
        raise DiagnosticError([errors.too_large(MAX_FILE, Span(SourceText(name, ""), 0, 0))])
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return SourceText(name, data.decode())
    except UnicodeDecodeError as error:
        readable = SourceText(name, data.decode(errors="replace"))
        place = len(data[: error.start].decode())
        raise DiagnosticError([errors.not_utf8(Span(readable, place, place + 1))]) from None
