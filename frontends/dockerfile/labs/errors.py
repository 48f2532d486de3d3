# SPDX-License-Identifier: Apache-2.0
"""The mistakes of the labs language: one constructor each, with a stable code."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, Span

OPT_IN = "# syntax=ladle/dockerfile-labs"
_ASK = f"make `{OPT_IN}` the first line of the file, or build with --syntax=dockerfile-labs"


def _error(
    code: str,
    message: str,
    span: Span,
    text: str = "",
    *,
    more: Sequence[Label] = (),
    notes: Sequence[str] = (),
    help: str = "",
) -> Diagnostic:
    labels = (Label(span, text), *more)
    return Diagnostic(code=code, severity=Severity.ERROR, message=message, labels=labels, notes=tuple(notes), help=help)


def not_asked_for(kind: str, name: str, span: Span) -> Diagnostic:
    """Return: an instruction or flag (`kind`) of the labs language in a file that does not ask for it."""
    return _error("DF0104", f"unknown {kind}: {name}", span, "of ladle's labs", help=_ASK)


def no_such_file(path: str, place: str, span: Span) -> Diagnostic:
    """Return: the file that INCLUDE or IMPORT names is not there."""
    return _error("DF0105", f"{path}: not found in {place}", span, help="paths begin at the root of the context")


def no_such_place(place: str, reason: str, span: Span, notes: Sequence[str] = (), help: str = "") -> Diagnostic:
    """Return: what `--from` of INCLUDE or IMPORT names cannot be read."""
    said = help or "--from takes a git URL or the name of a directory given by --build-context"
    return _error("DF0092", f"cannot read files from {place}: {reason}", span, notes=notes, help=said)


def circle(path: str, span: Span, first: Span | None) -> Diagnostic:
    """Return: a file that includes or imports itself, maybe by way of others."""
    more = [Label(first, "it is being read since here")] if first is not None else []
    return _error("DF0093", f"{path} includes itself", span, "again here", more=more)


def too_deep(limit: int, span: Span) -> Diagnostic:
    """Return: files within files within files."""
    return _error("DF0094", f"files are included more than {limit} deep", span)


def too_many(limit: int, span: Span) -> Diagnostic:
    """Return: more files than a build file may be made of."""
    return _error("DF0095", f"more than {limit} files are included and imported", span)


def variable(name: str, span: Span) -> Diagnostic:
    """Return: INCLUDE or IMPORT with a variable, whose value is not known yet when files are read."""
    return _error("DF0096", f"{name} takes no variables", span, "files are read before any ARG has a value")


def arguments(name: str, span: Span) -> Diagnostic:
    """Return: INCLUDE or IMPORT with too few or too many words."""
    usage = "INCLUDE [--from=PLACE] PATH" if name == "INCLUDE" else "IMPORT [--from=PLACE] PATH [AS NAME]"
    return _error("DF0097", f"{name} requires exactly one path", span, help=f"write it as {usage}")


def late_import(span: Span) -> Diagnostic:
    """Return: IMPORT after the first FROM."""
    return _error("DF0098", "IMPORT comes too late", span, "it stands before the first FROM")


def import_name(name: str, span: Span) -> Diagnostic:
    """Return: a file is imported under no name, or under one that no stage could have."""
    return _error("DF0099", f"invalid name for an import: {name!r}", span, help="add AS NAME, as a stage is named")


def name_taken(name: str, span: Span, first: Span) -> Diagnostic:
    """Return: two imports, or an import and a stage, with one name."""
    return _error("DF0100", f"the name {name} is taken", span, "again here", more=[Label(first, "first here")])


def other_escape(escape: str, span: Span) -> Diagnostic:
    """Return: an included file says `# escape=` otherwise than the file that includes it."""
    return _error("DF0101", f"the included file has the escape character {escape}", span, "this file has another")


def bad_lifetime(text: str, span: Span) -> Diagnostic:
    """Return: `--cache-ttl` with something else than a time."""
    message = f"invalid --cache-ttl: {text!r}"
    return _error("DF0102", message, span, help="a whole number and s, m, h, d or w, such as 1d or 1h30m")


def never_and_lifetime(span: Span) -> Diagnostic:
    """Return: a RUN with both `--no-cache` and `--cache-ttl`."""
    return _error("DF0103", "--cache-ttl says nothing beside --no-cache", span, help="leave out one of them")
