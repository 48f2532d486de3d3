# SPDX-License-Identifier: Apache-2.0
"""What a user's program raises, told by where in the user's files it happened; ladle's own frames are left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ladle.core.api.channel import ChannelError
from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Severity
from ladle.core.api.errors import BuildError
from ladle.frontends.python import errors
from ladle.frontends.python.sources import Place
from ladle.llb.errors import LLBError

if TYPE_CHECKING:
    from ladle.frontends.python.sources import Sources

_FRAMES = 10
"""How many places of a chain of calls are shown."""


@contextmanager
def told(sources: Sources) -> Iterator[None]:
    """Turn whatever is raised into a `DiagnosticError` that points into the user's files."""
    try:
        yield
    except ChannelError:
        raise
    except SyntaxError as error:
        raise DiagnosticError([_of_syntax(error, sources)]) from None
    except DiagnosticError as error:
        raise DiagnosticError([_placed(each, error, sources) for each in error.diagnostics]) from None
    except BaseException as error:  # the program is the user's: whatever it raises is a finding about it
        raise DiagnosticError([_of_exception(error, sources)]) from None


def _of_syntax(error: SyntaxError, sources: Sources) -> Diagnostic:
    if error.filename is None or not sources.has(error.filename) or not error.lineno:
        return _of_exception(error, sources)
    text = sources.text(error.filename).text.split("\n")
    line = text[error.lineno - 1] if error.lineno <= len(text) else ""
    first = max((error.offset or 1) - 1, 0)
    last = (error.end_offset or 0) - 1 if error.end_lineno == error.lineno else len(line)
    column, end = (len(line[:count].encode()) for count in (first, max(last, first + 1)))
    place = Place(error.filename, "", error.lineno, error.lineno, column, end)
    return errors.syntax(error.msg, sources.span(place))


def _of_exception(error: BaseException, sources: Sources) -> Diagnostic:
    labels = _labels(error, sources)
    if isinstance(error, LLBError):
        return errors.bad_graph(error.message, labels)
    if isinstance(error, BuildError):
        return Diagnostic(
            code=error.code,
            severity=Severity.ERROR,
            message=error.message,
            labels=tuple(labels),
            notes=tuple(error.notes),
            help=error.help,
        )
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        notes.append(f"while this was handled: {type(cause).__name__}: {cause}".rstrip(": "))
    return errors.raised(type(error).__name__, str(error), labels or [Label(sources.top())], notes)


def _placed(diagnostic: Diagnostic, error: BaseException, sources: Sources) -> Diagnostic:
    """Return a finding with the places of its chain if it has none of its own."""
    if diagnostic.labels:
        return diagnostic
    return replace(diagnostic, labels=tuple(_labels(error, sources)))


def _labels(error: BaseException, sources: Sources) -> list[Label]:
    """Return the user's places of a traceback: where it was raised first, then what led there."""
    chain = list(sources.places(error.__traceback__))[-_FRAMES:]
    if not chain:
        return []
    labels = [Label(sources.span(chain[-1]))]
    return labels + [Label(sources.span(place), "called from here") for place in chain[-2::-1]]
