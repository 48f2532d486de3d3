# SPDX-License-Identifier: Apache-2.0
"""The user's files of one compile, and where in them a step is made: every op gets a place without a word about it."""

from __future__ import annotations

import os
import sys
from itertools import islice
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NamedTuple

from ladle import llb
from ladle.core.api.diagnostics import SourceText, Span
from ladle.llb.metadata import Location, Range, SourceInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


class Place(NamedTuple):
    """A part of a user's file, in lines from 1 and bytes of a line from 0, the end exclusive."""

    file: str
    function: str
    line: int
    end_line: int
    column: int
    end_column: int


class Sources:
    """Files by the name that their code carries. `main` is the build file's."""

    def __init__(self, main: str, data: bytes) -> None:
        self.main = main
        self._files: dict[str, SourceInfo] = {}
        self.add(main, data)

    def add(self, name: str, data: bytes) -> None:
        """Count a file as the user's."""
        self._files[name] = SourceInfo(filename=name, language="Python", data=data)

    def has(self, name: str) -> bool:
        """Say whether a file is the user's."""
        return name in self._files

    def top(self) -> Span:
        """Return the first line of the build file, for what has no better place."""
        text = self.text()
        return Span(text, 0, len(text.text.partition("\n")[0]))

    def here(self) -> Place | None:
        """Return the innermost place of the running call that is in a user's file, None if it is in none."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self.has(frame.f_code.co_filename):
                return _place(frame, frame.f_lasti, frame.f_lineno)
            frame = frame.f_back
        return None

    def places(self, trace: TracebackType | None) -> Iterator[Place]:
        """Yield the places of a traceback that are in the user's files, the outermost first."""
        while trace is not None:
            if self.has(trace.tb_frame.f_code.co_filename):
                yield _place(trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
            trace = trace.tb_next

    def location(self, place: Place) -> Location:
        """Return a place as the graph has it: characters, ends included."""
        info = self._files[place.file]
        lines = info.data.splitlines()
        end = _characters(lines, place.end_line, place.end_column)
        span = Range(
            start_line=place.line,
            start_character=_characters(lines, place.line, place.column),
            end_line=place.end_line,
            end_character=end,
        )
        return Location(source=info, ranges=(span,))

    def span(self, place: Place) -> Span:
        """Return a place as a diagnostic has it: offsets into the decoded text."""
        lines = self._data(place.file).splitlines(keepends=True)
        start = _offset(lines, place.line, place.column)
        end = _offset(lines, place.end_line, place.end_column)
        return Span(self.text(place.file), start, max(start + 1, end))

    def text(self, file: str = "") -> SourceText:
        """Return a file's text; without a name the build file's."""
        name = file or self.main
        return SourceText(name, self._data(name).decode(errors="replace"))

    def _data(self, name: str) -> bytes:
        """Return a file's bytes; none for a file that is not the user's."""
        return self._files[name].data if self.has(name) else b""


class ScriptSources(Sources):
    """The files of a program that runs by itself: all but ladle's and what is installed. Read when one is met."""

    def __init__(self) -> None:
        self._others: set[str] = {""}
        super().__init__("", b"")
        home = os.path.dirname(llb.__path__[0])
        own = [os.path.realpath(f"{home}/{name}") + "/" for name in ("core", "frontends", "llb", "plugins")]
        self._installed = (*own, f"{sys.prefix}/lib/", f"{sys.base_prefix}/lib/")

    def has(self, name: str) -> bool:
        """Say whether a file is the user's."""
        if name in self._others:
            return False
        if not super().has(name):
            data = None if os.path.realpath(name).startswith(self._installed) or name[:1] == "<" else read_source(name)
            if data is None:
                self._others.add(name)
                return False
            self.add(name, data)
        return True


def read_source(path: str) -> bytes | None:
    """Return the text of a program's file, None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _place(frame: FrameType, instruction: int, line: int) -> Place:
    code = frame.f_code
    found = next(islice(code.co_positions(), max(instruction, 0) // 2, None), (None, None, None, None))
    first = found[0] or line
    column = found[2] or 0
    return Place(code.co_filename, code.co_name, first, found[1] or first, column, found[3] or column + 1)


def _characters(lines: list[bytes], number: int, column: int) -> int:
    line = lines[number - 1] if 0 < number <= len(lines) else b""
    return len(line[:column].decode(errors="replace"))


def _offset(lines: list[bytes], number: int, column: int) -> int:
    before = sum(len(line.decode(errors="replace")) for line in lines[: number - 1])
    return before + _characters(lines, number, column)
