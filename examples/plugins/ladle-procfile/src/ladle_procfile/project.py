# SPDX-License-Identifier: Apache-2.0
"""What a project needs: its requirements files and what they include, its pyproject.toml, its Aptfile."""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import SourceText, Span
from ladle_procfile import errors

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context

_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s+|=)?(\S+)")
_LOCAL = re.compile(r"(?:-e|--editable|-f|--find-links)(?:\s|=|$)|\.{0,2}/|file:|[^#@]*@\s*file:")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+~:-]+)?")
_DEFAULT_PYTHON = "3"


@dataclass
class Project:
    """What is to be installed before the source, or after it."""

    files: list[str] = field(default_factory=list)
    """The requirements files, the first of them the one that includes the others."""
    generated: str = ""
    """Requirements that a pyproject.toml lists."""
    early: bool = True
    """Whether the requirements can be installed without the source."""
    needs: bool = False
    """Whether there is anything to install."""
    package: bool = False
    """Whether the project is itself a package, installed once its source is there."""
    python: str = _DEFAULT_PYTHON
    system: list[str] = field(default_factory=list)


def read_project(context: Context, procfile: SourceText) -> Project:
    """Return what the files of the context say; raises `DiagnosticError` where they say nothing or nonsense."""
    project = Project(python=_python(context), system=_aptfile(context))
    if context.read("requirements.txt") is not None:
        _requirements(context, project, "requirements.txt", ())
    found = context.read("pyproject.toml")
    if found is not None:
        _pyproject(context, project, SourceText("pyproject.toml", found.decode(errors="replace")))
    if not project.files and found is None:
        raise errors.no_project(procfile)
    return project


def _requirements(context: Context, project: Project, path: str, within: tuple[str, ...]) -> None:
    data = context.read(path)
    source = SourceText(path, (data or b"").decode(errors="replace"))
    if path not in project.files:
        project.files.append(path)
    for span, line in lines(source):
        included = _INCLUDE.fullmatch(line)
        if included is None:
            project.needs = project.needs or not line.startswith("-")
            if project.early and _LOCAL.match(line):
                project.early = False
                context.warn(errors.after_source(source, span, "this line needs files of the project"))
            continue
        if "://" in included[1]:
            project.needs = True
            continue
        other = posixpath.normpath(posixpath.join(posixpath.dirname(path), included[1]))
        if other in (*within, path):
            raise errors.includes_itself(source, span)
        if context.read(other) is None:
            raise errors.missing(source, span, other)
        _requirements(context, project, other, (*within, path))


def _pyproject(context: Context, project: Project, source: SourceText) -> None:
    try:
        document = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise errors.bad_project(source, str(error)) from None
    table = document.get("project", {})
    dependencies = table.get("dependencies", []) if isinstance(table, dict) else None
    if not isinstance(dependencies, list) or not all(isinstance(each, str) for each in dependencies):
        raise errors.bad_project(source, "project.dependencies is a list of texts")
    project.package = "build-system" in document
    project.needs = project.needs or project.package or bool(dependencies)
    if project.files:
        return
    if "dependencies" in table.get("dynamic", []):
        project.early = False
        start = max(source.text.find("dynamic"), 0)
        context.warn(errors.after_source(source, Span(source, start, start + 7), "its dependencies are dynamic"))
    project.generated = "".join(f"{each}\n" for each in dependencies)


def _python(context: Context) -> str:
    """Return the version of Python that `.python-version` or `runtime.txt` names."""
    for path in (".python-version", "runtime.txt"):
        words = (context.read(path) or b"").decode(errors="replace").split()
        match = re.fullmatch(r"(?:python-)?(\d+(?:\.\d+){0,2})", words[0]) if words else None
        if match:
            return match[1]
    return _DEFAULT_PYTHON


def _aptfile(context: Context) -> list[str]:
    data = context.read("Aptfile")
    if data is None:
        return []
    found = []
    for span, line in lines(source := SourceText("Aptfile", data.decode(errors="replace"))):
        if not _PACKAGE.fullmatch(line):
            raise errors.bad_project(source, f"{line!r} in line {_line(span)} is no package of Debian")
        found.append(line)
    return found


def _line(span: Span) -> int:
    return span.source.text.count("\n", 0, span.start) + 1


def lines(source: SourceText) -> Iterator[tuple[Span, str]]:
    """Return the lines of a file that are neither empty nor comments, each with its place."""
    start = 0
    for line in source.text.split("\n"):
        text = line.strip() if line.lstrip().startswith("#") else re.sub(r"\s#.*", "", line).strip()
        if text and not text.startswith("#"):
            begin = start + len(line) - len(line.lstrip())
            yield Span(source, begin, begin + len(text)), text
        start += len(line) + 1
