# SPDX-License-Identifier: Apache-2.0
"""INCLUDE and IMPORT: a build file with everything that it is made of, read and parsed.

INCLUDE puts the instructions of another file in its own place, and what they say is as if it had been written there.
IMPORT reads another file with stages, ARGs and build context of its own; its stages can be used by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Span
from ladle.core.api.errors import BuildError
from ladle.frontends.dockerfile.ast import Dockerfile, From, Import, Imported, Include, Instruction
from ladle.frontends.dockerfile.labs import errors
from ladle.frontends.dockerfile.lines import decode
from ladle.frontends.dockerfile.nodes import is_stage_name
from ladle.frontends.dockerfile.parse import misplaced, parse

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import SourceText
    from ladle.core.api.frontend import Context, NamedContext, OtherFile

MAX_INCLUDE_DEPTH = 16
"""How deep files may be in one another."""
MAX_INCLUDED_FILES = 256
"""How many files a build file may include and import, counting one as often as it is read."""


class _Level(NamedTuple):
    """A file that is being read: where it is, and where it was asked for."""

    place: str
    path: str
    asked: Span | None


def read_build_file(context: Context, *, labs: bool) -> Dockerfile:
    """Return the build file with all that it is made of; raises `DiagnosticError` with every mistake found."""
    name, data = context.build_file()
    return read_text(decode(name, data), context, labs=labs)


def read_text(text: SourceText, context: Context, *, labs: bool) -> Dockerfile:
    """Return the tree of a text that stands for the build file."""
    if not labs:
        return parse(text)
    reader = _Reader(context)
    try:
        return reader.file(text, (_Level("", text.name, None),), None)
    except DiagnosticError as error:
        raise DiagnosticError([placed(each, reader.asked) for each in error.diagnostics]) from None


@contextmanager
def placing(file: Dockerfile) -> Iterator[None]:
    """Let mistakes in included and imported files say where those were asked for."""
    try:
        yield
    except DiagnosticError as error:
        if not file.asked:
            raise
        raise DiagnosticError([placed(each, file.asked) for each in error.diagnostics]) from None


def placed(diagnostic: Diagnostic, asked: Mapping[int, Span]) -> Diagnostic:
    """Return a mistake in an included or imported file with the places where that was asked for."""
    more: list[Label] = []
    text = diagnostic.labels[0].span.source if diagnostic.labels else None
    while text is not None and (span := asked.get(id(text))) is not None:
        more.append(Label(span, "asked for here"))
        text = span.source
    return replace(diagnostic, labels=(*diagnostic.labels, *more)) if more else diagnostic


class _Reader:
    """Reads one build file; `asked` says of each other text, by identity, where it was asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.asked: dict[int, Span] = {}

    def file(self, text: SourceText, levels: tuple[_Level, ...], home: NamedContext | None) -> Dockerfile:
        """Return a file that has stages of its own, with the files that it is made of."""
        tree = parse(text, labs=True, part=True)
        texts = [text]
        nodes = self._with_included(tree, levels, texts)
        wrong = misplaced(nodes, text) + _late_imports(nodes)
        if wrong:
            raise DiagnosticError(wrong)
        imports = [self._imported(node, levels, home) for node in nodes if isinstance(node, Import)]
        return replace(
            tree,
            instructions=tuple(nodes),
            texts=tuple(texts),
            imports=tuple(imports),
            labs=True,
            asked=self.asked,
        )

    def _with_included(
        self, tree: Dockerfile, levels: tuple[_Level, ...], texts: list[SourceText]
    ) -> list[Instruction]:
        """Return the instructions, those of included files in the places of the INCLUDEs."""
        found: list[Instruction] = []
        wrong: list[Diagnostic] = []
        for node in tree.instructions:
            if not isinstance(node, Include):
                found.append(node)
                continue
            try:
                text, level, _ = self._other(node, levels)
                texts.append(text)
                other = parse(text, labs=True, part=True)
                if other.escape != tree.escape:
                    raise DiagnosticError([errors.other_escape(other.escape, node.path.span)])
                found += self._with_included(other, (*levels, level), texts)
            except DiagnosticError as error:
                wrong += error.diagnostics
        if wrong:
            raise DiagnosticError(wrong)
        return found

    def _imported(self, node: Import, levels: tuple[_Level, ...], home: NamedContext | None) -> Imported:
        name = node.alias.text if node.alias is not None else _name_of(node.path.text)
        where = node.alias.span if node.alias is not None else node.path.span
        if not is_stage_name(name):
            raise DiagnosticError([errors.import_name(name, where)])
        text, level, other = self._other(node, levels)
        own = other.tree if level.place else home
        return Imported(name.lower(), self.file(text, (*levels, level), own), where, own)

    def _other(self, node: Include | Import, levels: tuple[_Level, ...]) -> tuple[SourceText, _Level, OtherFile]:
        """Return the text that an instruction asks for, and where it is."""
        if len(levels) > MAX_INCLUDE_DEPTH:
            raise DiagnosticError([errors.too_deep(MAX_INCLUDE_DEPTH, node.path.span)])
        if len(self.asked) >= MAX_INCLUDED_FILES:
            raise DiagnosticError([errors.too_many(MAX_INCLUDED_FILES, node.path.span)])
        flag = node.flag("from")
        for word in (node.path, *([flag] if flag is not None else [])):
            if "$" in word.text:
                raise DiagnosticError([errors.variable(node.name, word.span)])
        place = flag.text if flag is not None else levels[-1].place
        path = node.path.text.lstrip("/")
        for level in levels:
            if (level.place, level.path.lstrip("/")) == (place, path):
                raise DiagnosticError([errors.circle(path, node.path.span, level.asked)])
        where = flag.span if flag is not None else node.path.span
        try:
            other = self._context.read_other(place, path)
        except BuildError as error:
            raise DiagnosticError(
                [errors.no_such_place(place or "the context", error.message, where, error.notes, error.help)]
            ) from None
        if other.data is None:
            shown = place or "the build context"
            raise DiagnosticError([errors.no_such_file(path, shown, node.path.span)])
        text = decode(f"{place} {path}".lstrip(), other.data)
        self.asked[id(text)] = node.path.span
        return text, _Level(place, path, node.path.span), other


def _late_imports(nodes: list[Instruction]) -> list[Diagnostic]:
    first = next((index for index, node in enumerate(nodes) if isinstance(node, From)), len(nodes))
    return [errors.late_import(node.span) for node in nodes[first:] if isinstance(node, Import)]


def _name_of(path: str) -> str:
    """Return the name of an import without AS: `base` of `base.Dockerfile`, `Dockerfile.base` and `base/Dockerfile`."""
    folder, _, name = path.rpartition("/")
    parts = [part for part in name.lower().split(".") if part not in ("dockerfile", "containerfile", "")]
    return ".".join(parts) or folder.rpartition("/")[2].lower()
