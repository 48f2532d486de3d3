# SPDX-License-Identifier: Apache-2.0
"""Diagnostics as text: message, place, the lines of the file with carets, notes and help (DESIGN section 10)."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span

_COLOURS = {Severity.ERROR: "\033[1;31m", Severity.WARNING: "\033[1;33m", Severity.INFO: "\033[1;34m"}
_TAB = " " * 4


def line_starts(text: str) -> list[int]:
    """Return the offset of each line's first character."""
    starts = [0]
    position = text.find("\n")
    while position >= 0:
        starts.append(position + 1)
        position = text.find("\n", position + 1)
    return starts


def position(span: Span) -> tuple[int, int]:
    """Return line and column of a span's start, both from 1."""
    starts = line_starts(span.source.text)
    line = bisect_right(starts, span.start) - 1
    return line + 1, span.start - starts[line] + 1


def render(diagnostic: Diagnostic, *, colour: bool = False) -> str:
    """Return the diagnostic as lines of text, without a final newline."""
    head = diagnostic.severity.value + (f"[{diagnostic.code}]" if diagnostic.code else "")
    if diagnostic.rule:
        head += f" {diagnostic.rule}"
    message = f"{head}: {diagnostic.message}"
    if colour:
        message = f"{_COLOURS[diagnostic.severity]}{head}\033[0m: {diagnostic.message}"
    return "\n".join([message, *_details(diagnostic)])


def render_warning(diagnostic: Diagnostic) -> str:
    """Return the diagnostic for a place that says itself that it is a warning: rule (or code) and message."""
    name = diagnostic.rule or diagnostic.code
    return "\n".join([f"{name}: {diagnostic.message}" if name else diagnostic.message, *_details(diagnostic)])


def _details(diagnostic: Diagnostic) -> list[str]:
    lines = _excerpt(diagnostic.labels) if diagnostic.labels else []
    lines += [f"  note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"  help: {diagnostic.help}")
    return lines


def _excerpt(labels: tuple[Label, ...]) -> list[str]:
    first = labels[0].span
    line, column = position(first)
    lines = [f"  --> {first.source.name}:{line}:{column}"]
    same = [label for label in labels if label.span.source == first.source]
    placed = sorted((position(label.span)[0], index, label) for index, label in enumerate(same))
    width = len(str(placed[-1][0]))
    starts = line_starts(first.source.text)
    shown = 0
    for number, _, label in placed:
        if number != shown:
            lines.append(f"{number:>{width + 1}} | {_line(first.source, starts, number)}")
            shown = number
        lines.append(f"{'':>{width + 1}} | {_marks(label, labels[0], starts, number)}")
    for label in labels:
        if label.span.source != first.source:
            there, column = position(label.span)
            lines.append(f"  --> {label.span.source.name}:{there}:{column}: {label.text}")
    return lines


def _line(source: SourceText, starts: list[int], number: int) -> str:
    start = starts[number - 1]
    end = starts[number] - 1 if number < len(starts) else len(source.text)
    return _printable(source.text[start:end].rstrip("\r")).replace("\t", _TAB)


def _printable(text: str) -> str:
    """Return a line that a terminal shows as it is: no control characters, no bytes that are not UTF-8."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") and char != "\t" else char for char in text)


def _marks(label: Label, main: Label, starts: list[int], number: int) -> str:
    start = starts[number - 1]
    text = label.span.source.text
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    before = text[start : label.span.start].replace("\t", _TAB)
    marked = text[label.span.start : min(label.span.end, line_end)].rstrip("\r").replace("\t", _TAB)
    mark = "^" if label is main else "-"
    out = " " * len(before) + mark * max(1, len(marked))
    return f"{out} {label.text}" if label.text else out
