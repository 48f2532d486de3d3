# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a Procfile and with the project around it: one function for each mistake."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Severity, SourceText, Span


def _error(code: str, message: str, span: Span, text: str, help: str) -> Diagnostic:
    return Diagnostic(code=code, severity=Severity.ERROR, message=message, labels=(Label(span, text),), help=help)


def not_a_process(span: Span) -> Diagnostic:
    """A line is neither a process nor a comment."""
    return _error("PROC0001", "this line is no process", span, "", "write it as NAME: COMMAND, such as web: python app.py")


def twice(name: str, span: Span, first: Span) -> Diagnostic:
    """Two processes have one name."""
    labels = (Label(span, "again here"), Label(first, "first here"))
    message = f"there are two processes {name!r}"
    return Diagnostic(
        code="PROC0002", severity=Severity.ERROR, message=message, labels=labels, help="give them two names"
    )


def no_process(source: SourceText) -> Diagnostic:
    """There is nothing to run."""
    span = Span(source, 0, len(source.text.split("\n", 1)[0]))
    return _error("PROC0003", "the Procfile has no process", span, "", "add one, such as web: python app.py")


def no_target(wanted: str, names: Sequence[str], source: SourceText) -> DiagnosticError:
    """The process that `--target` names, or `web`, is not there."""
    near = get_close_matches(wanted, names, n=1)
    help = f"did you mean {near[0]!r}?" if near else f"name one with --target: {', '.join(names)}"
    span = Span(source, 0, len(source.text.split("\n", 1)[0]))
    return DiagnosticError([_error("PROC0004", f"there is no process {wanted!r}", span, "in this file", help)])


def bad_argument(word: str, known: Sequence[str], source: SourceText) -> DiagnosticError:
    """A word after the frontend's name means nothing."""
    span = Span(source, 0, len(source.text.split("\n", 1)[0]))
    help = f"after the name of the frontend there may be {', '.join(f'{name}=VALUE' for name in known)}"
    return DiagnosticError([_error("PROC0005", f"the argument {word!r} means nothing", span, "", help)])


def no_project(source: SourceText) -> DiagnosticError:
    """Nothing says what the project needs."""
    span = Span(source, 0, len(source.text.split("\n", 1)[0]))
    help = "add a requirements.txt (it may be empty) or a pyproject.toml beside the Procfile"
    return DiagnosticError(
        [_error("PROC0006", "this is no Python project: nothing says what it needs", span, "of this file", help)]
    )


def missing(file: SourceText, span: Span, path: str) -> DiagnosticError:
    """A requirements file includes one that is not there."""
    return DiagnosticError(
        [_error("PROC0007", f"{path!r} is not in the build context", span, "", "add it, or take this line out")]
    )


def bad_project(file: SourceText, reason: str) -> DiagnosticError:
    """A pyproject.toml cannot be read."""
    span = Span(file, 0, len(file.text.split("\n", 1)[0]))
    return DiagnosticError([_error("PROC0008", f"{file.name} cannot be read: {reason}", span, "", "mend it")])


def includes_itself(file: SourceText, span: Span) -> DiagnosticError:
    """Requirements files include each other."""
    return DiagnosticError(
        [_error("PROC0009", "this file is being included already", span, "", "let one of them not include the other")]
    )


def after_source(source: SourceText, span: Span, what: str) -> Diagnostic:
    """What is installed depends on the source, so each change of that installs all again."""
    return Diagnostic(
        code="PROC0010",
        severity=Severity.WARNING,
        message=f"{what}: requirements are installed again for each change of the source",
        labels=(Label(span),),
        help="name packages by name and version alone, and they stay in a layer of their own",
        rule="RequirementsAfterSource",
    )
