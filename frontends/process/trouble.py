# SPDX-License-Identifier: Apache-2.0
"""What to say when a stranger's frontend raises: the user's build file first, the author's frame second."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span

_OURS = "/ladle/"
MAX_NOTES = 20


def diagnose(error: BaseException, name: str, data: bytes, program: Mapping[str, Any]) -> Diagnostic:
    """Return the diagnostic of an exception that a frontend did not catch."""
    text = data.decode(errors="replace")
    labels = [Label(Span(SourceText(name, text), 0, len(text.split("\n", 1)[0])), "while this file was compiled")]
    frames = _frames(error)
    author = program.get("source")
    own = [frame for frame in frames if frame.filename == program.get("name")]
    line = own[-1].lineno if own else (error.lineno if isinstance(error, SyntaxError) else None)
    if isinstance(author, bytes) and line:
        labels.append(_line(SourceText(str(program["name"]), author.decode(errors="replace")), line))
    notes = [f"{frame.filename}:{frame.lineno}, in {frame.name}: {frame.line or ''}".rstrip(": ") for frame in frames]
    return Diagnostic(
        code="FE0002",
        severity=Severity.ERROR,
        message=f"the frontend {program.get('name', '')!r} raised {type(error).__name__}: {error}".rstrip(": "),
        labels=tuple(labels),
        notes=tuple(notes[-MAX_NOTES:]),
        help="this is a mistake of the frontend, not of the build file: mend it there, or tell its author",
    )


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames that are the author's: neither ladle's nor the standard library's."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if _OURS not in frame.filename and not frame.filename.startswith(("<", "/usr/"))]


def _line(source: SourceText, number: int) -> Label:
    start = 0
    for _ in range(number - 1):
        start = source.text.find("\n", start) + 1
        if start == 0:
            return Label(Span(source, 0, 0), "raised here")
    end = source.text.find("\n", start)
    end = len(source.text) if end < 0 else end
    indent = len(source.text[start:end]) - len(source.text[start:end].lstrip())
    return Label(Span(source, start + indent, end), "raised here")
