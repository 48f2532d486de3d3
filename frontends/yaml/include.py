# SPDX-License-Identifier: Apache-2.0
"""A build file with the files that it includes: checked one by one, then put together.

What is included comes first, in its order; a later argument, stage or target of the same name takes the place of an
earlier one as a whole, so the including file has the last word.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Span
from ladle.core.api.errors import BuildError
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.ast import File
from ladle.frontends.yaml.lines import decode
from ladle.frontends.yaml.nodes import Mapping, Scalar, items
from ladle.frontends.yaml.parse import parse
from ladle.frontends.yaml.schema import check

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context

MAX_FILES = 100
"""Files that a build file includes, and those include."""


def read_build_file(context: Context) -> File:
    """Return the build file and all that it includes; raises `DiagnosticError` with all that is wrong."""
    name, data = context.build_file()
    reading = _Reading(context, posixpath.dirname(name))
    file = reading.file(name, data)
    if reading.errors:
        raise DiagnosticError(sorted(reading.errors, key=errors.place))
    return file


class _Reading:
    def __init__(self, context: Context, directory: str) -> None:
        self.context = context
        self.directory = directory
        """What stands before the shown names of files beside the build file."""
        self.errors: list[Diagnostic] = []
        self.open: list[str] = []
        self.count = 0

    def file(self, name: str, data: bytes, path: str = "") -> File:
        """Return a file with what it includes."""
        source = decode(name, data)
        root = parse(source)
        self.errors += check(root)
        made = File(source=source, root=root)
        if not self.errors:
            self.open.append(path or posixpath.basename(name))
            for node in items(root.get("include")):
                if isinstance(node, Scalar):
                    self._include(made, node, posixpath.dirname(path))
            self.open.pop()
            _take(made, root)
        return made

    def _include(self, into: File, node: Scalar, directory: str) -> None:
        path = posixpath.normpath(posixpath.join(directory, node.text))
        if path.startswith(("/", "../")) or path in ("..", "."):
            raise DiagnosticError([errors.included_outside(node.text, node.span)])
        if path in self.open:
            raise DiagnosticError([errors.include_cycle([*self.open[self.open.index(path) :], path], node.span)])
        self.count += 1
        if self.count > MAX_FILES:
            raise DiagnosticError([errors.too_many_files(MAX_FILES, node.span)])
        shown = posixpath.join(self.directory, path)
        other = self.file(shown, self._read(path, node.span), path)
        for mine, theirs in ((into.args, other.args), (into.stages, other.stages), (into.targets, other.targets)):
            for name, entry in theirs.items():
                mine.pop(name, None)
                mine[name] = entry

    def _read(self, path: str, span: Span) -> bytes:
        try:
            data = self.context.read(path, beside_build_file=True)
        except BuildError as error:
            raise DiagnosticError([errors.included_unreadable(error.message, span)]) from error
        if data is None:
            raise DiagnosticError([errors.included_missing(path, span)])
        return data


def _take(made: File, root: Mapping) -> None:
    for name, into in (("args", made.args), ("stages", made.stages), ("targets", made.targets)):
        node = root.get(name)
        for entry in node if isinstance(node, Mapping) else ():
            into.pop(entry.key.text, None)
            into[entry.key.text] = entry
