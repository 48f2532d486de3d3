# SPDX-License-Identifier: Apache-2.0
"""Diagnostics: what is wrong with a build file, where, and what to do about it.

A `Span` is a pair of offsets into a file's text; lines and columns are computed when a diagnostic is rendered
(`ladle.core.api.snippets`). Codes are stable (`DF0012`); every mistake has one constructor in its area's `errors.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ladle.core.api.errors import BuildError
from ladle.llb.values import dataclass


class Severity(Enum):
    """How bad it is: errors stop a build, warnings and notes do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file as it was read: the name shown to people and the decoded text that spans index."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` (inclusive) to `end` (exclusive) of `source`."""

    source: SourceText
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Label:
    """A span and what is to be said about it; the first label of a diagnostic is where it points."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. `rule` is a lint rule's name, empty for errors."""

    code: str
    severity: Severity
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    rule: str = ""


class DiagnosticError(BuildError):
    """A build file that does not compile: carries every error (and warning) that was found."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        first = self.diagnostics[0]
        super().__init__(first.message, code=first.code, notes=first.notes, help=first.help)
