# SPDX-License-Identifier: Apache-2.0
"""Logical lines: the file with continuations joined and comments taken out, each character's place kept.

A logical line is one instruction. Its text is what the grammar reads; `LogicalLine.span` leads from a stretch of that
text back to the file, so a diagnostic points at the right column on the right line of a continued instruction.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import field

from ladle.core.api.diagnostics import Diagnostic, SourceText, Span
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.heredocs import Heredoc, openings
from ladle.llb.values import dataclass

MAX_LINE = 65535
"""Bytes that one line of a file may have; BuildKit's limit."""

_SHOWN_OF_LONG = 40

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")


@dataclass(frozen=True, slots=True)
class PhysicalLine:
    """One line of the file: its number from 1, its offset, its text without the line break."""

    number: int
    start: int
    text: str


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """One instruction's text; `pieces` are pairs (offset in `text`, offset in the file) where a part begins."""

    source: SourceText
    text: str
    pieces: tuple[tuple[int, int], ...]
    first: int
    last: int
    comments: tuple[str, ...] = ()
    empty_continuations: tuple[int, ...] = ()
    heredocs: tuple[Heredoc, ...] = ()

    def offset(self, position: int) -> int:
        """Return where in the file the character at `position` of the text is."""
        index = bisect_right(self.pieces, position, key=lambda piece: piece[0]) - 1
        at, origin = self.pieces[max(index, 0)]
        return origin + position - at

    def span(self, start: int, end: int) -> Span:
        """Return the stretch of the file that `text[start:end]` came from."""
        first = self.offset(start)
        return Span(self.source, first, self.offset(end - 1) + 1 if end > start else first)

    @property
    def whole(self) -> Span:
        """The stretch of the whole instruction."""
        return self.span(0, len(self.text))


@dataclass(frozen=True, slots=True)
class Directive:
    """A parser directive, `# name=value`, from the top of the file."""

    name: str
    value: str
    span: Span = field(compare=False, repr=False)


@dataclass(slots=True)
class Lines:
    """A file split into logical lines, with what was wrong on the way."""

    source: SourceText
    escape: str = "\\"
    directives: tuple[Directive, ...] = ()
    lines: list[LogicalLine] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)


def decode(name: str, data: bytes) -> SourceText:
    """Return a file's text: a byte order mark is dropped, bytes that are not UTF-8 are kept as lone surrogates."""
    return SourceText(name, data.decode("utf-8", "surrogateescape").removeprefix("\ufeff"))


def split(source: SourceText) -> Lines:
    """Return the logical lines of a file."""
    out = Lines(source)
    physical = list(_physical(source.text))
    _directives(out, physical)
    _Joiner(out, physical).run()
    if not out.lines and not out.errors:
        out.errors.append(errors.empty_file(source))
    return out


def _physical(text: str) -> list[PhysicalLine]:
    lines: list[PhysicalLine] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        lines.append(PhysicalLine(number, start, line.removesuffix("\r")))
        start += len(line) + 1
    if lines and not lines[-1].text:
        lines.pop()
    return lines


def _directives(out: Lines, physical: list[PhysicalLine]) -> None:
    seen: dict[str, Directive] = {}
    for line in physical:
        match = _DIRECTIVE.fullmatch(line.text)
        if match is None or match[1].lower() not in _DIRECTIVES:
            break
        span = Span(out.source, line.start, line.start + len(line.text))
        directive = Directive(match[1].lower(), match[2], span)
        if directive.name in seen:
            out.errors.append(errors.duplicate_directive(directive.name, span, seen[directive.name].span))
            continue
        seen[directive.name] = directive
        if directive.name == "escape":
            if directive.value in ("\\", "`"):
                out.escape = directive.value
            else:
                value = Span(out.source, line.start + match.start(2), line.start + match.end(2))
                out.errors.append(errors.bad_escape(directive.value, value))
    out.directives = tuple(seen.values())


class _Joiner:
    """Reads physical lines one after another and makes logical lines of them."""

    def __init__(self, out: Lines, physical: list[PhysicalLine]) -> None:
        self._out = out
        self._physical = physical
        self._next = 0
        escape = re.escape(out.escape)
        self._continued: Callable[[str], re.Match[str] | None] = re.compile(
            rf"(?:(?<!{escape})|^){escape}[ \t]*\Z"
        ).search

    def run(self) -> None:
        comments: list[str] = []
        while (line := self._take()) is not None:
            text = line.text.lstrip()
            if text.startswith("#"):
                remark = text[1:].strip()
                if remark:
                    comments.append(remark)
                else:
                    comments = []
            elif text:
                self._logical(line, tuple(comments))
                comments = []
            else:
                comments = []

    def _take(self) -> PhysicalLine | None:
        if self._next >= len(self._physical):
            return None
        line = self._physical[self._next]
        self._next += 1
        if len(line.text) > MAX_LINE // 4 and len(line.text.encode("utf-8", "surrogateescape")) > MAX_LINE:
            span = Span(self._out.source, line.start, line.start + _SHOWN_OF_LONG)
            self._out.errors.append(errors.long_line(MAX_LINE, span))
        return line

    def _logical(self, line: PhysicalLine, comments: tuple[str, ...]) -> None:
        text = line.text.lstrip()
        first, last = line.number, line.number
        parts: list[str] = []
        pieces: list[tuple[int, int]] = []
        empty: list[int] = []
        length, start = 0, line.start + len(line.text) - len(text)
        while True:
            end = self._continued(text)
            part = text[: end.start()] if end else text
            if part:
                parts.append(part)
                pieces.append((length, start))
                length += len(part)
            following = self._continuation(empty) if end else None
            if following is None:
                break
            text, start, last = following.text, following.start, following.number
        joined = "".join(parts).rstrip()
        if not joined:
            return
        heredocs = self._heredocs(joined, tuple(pieces))
        last = max(last, self._physical[self._next - 1].number if heredocs else last)
        logical = LogicalLine(self._out.source, joined, tuple(pieces), first, last, comments, tuple(empty), heredocs)
        self._check_text(logical)
        self._out.lines.append(logical)

    def _continuation(self, empty: list[int]) -> PhysicalLine | None:
        while (line := self._take()) is not None:
            stripped = line.text.lstrip()
            if not stripped:
                empty.append(line.number)
            elif not stripped.startswith("#"):
                return line
        return None

    def _heredocs(self, joined: str, pieces: tuple[tuple[int, int], ...]) -> tuple[Heredoc, ...]:
        found = openings(joined, self._out.escape)
        bodies: list[Heredoc] = []
        for opening in found:
            body: list[str] = []
            while (line := self._take()) is not None:
                text = line.text.lstrip("\t") if opening.chomp else line.text
                if text == opening.name:
                    break
                body.append(line.text + "\n")
            else:
                at = LogicalLine(self._out.source, joined, pieces, 0, 0).span(opening.start, opening.end)
                self._out.errors.append(errors.open_heredoc(opening.name, at))
            bodies.append(opening.closed("".join(body)))
        return tuple(bodies)

    def _check_text(self, line: LogicalLine) -> None:
        for position, character in enumerate(line.text) if not line.text.isascii() else ():
            if "\ud800" <= character <= "\udfff":
                self._out.errors.append(errors.not_utf8(line.span(position, position + 1)))
                return
