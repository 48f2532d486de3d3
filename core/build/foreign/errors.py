# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a frontend that comes with a build: one constructor a mistake."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Label, Severity, SourceText, Span
from ladle.core.api.errors import BuildError, UsageError
from ladle.core.api.frontend_wire import PROTOCOL

_HEAD_LINES = 10
"""Where a line that names a frontend is looked for."""
_SEE = "see docs/frontend-protocol.md; `ladle frontend conformance` tests a frontend against it"


def unknown(wanted: str, tried: Sequence[str], hint: str) -> UsageError:
    """No candidate of a `# syntax=` is there."""
    return UsageError(
        f"there is no frontend {wanted!r}", code="LA0140", notes=[f"tried: {each}" for each in tried], help=hint
    )


def forbidden(wanted: str, kind: str, allowed: Sequence[str]) -> BuildError:
    """The configuration's allow-list does not have it."""
    shown = ", ".join(allowed) or "none"
    return BuildError(
        f"the frontend {wanted!r} ({kind}) is not allowed by the configuration",
        code="LA0141",
        notes=[f"allowed are: {shown}"],
        help="add it to `allow` under [frontends] in the configuration, or use one that is allowed",
    )


def unreadable(path: str, reason: str) -> BuildError:
    """A frontend's file cannot be read."""
    return BuildError(f"cannot read the frontend {path!r}: {reason}", code="LA0142", help="check its mode and its size")


def other_protocol(name: str, spoken: str) -> BuildError:
    """The image says that it speaks another version of the protocol."""
    return BuildError(
        f"the frontend {name!r} speaks version {spoken!r} of the protocol, not {PROTOCOL}",
        code="FE0014",
        help="use a version of it that was made for this ladle",
    )


def no_frontend(name: str, *, gateway: bool) -> BuildError:
    """The image is not a frontend of ladle's."""
    what = "a frontend of BuildKit's gateway, which ladle cannot run" if gateway else "not a frontend"
    return BuildError(
        f"the image {name!r} is {what}",
        code="FE0015",
        notes=["a frontend's image has the label dev.ladle.frontend=1, or one layer with a frontend.py"],
        help="use an installed frontend (`# syntax=docker/dockerfile:1` is one), a file (`# syntax=./it.py`), or "
        "let BuildKit's frontend make a graph and build that with --llb",
    )


def no_command(name: str) -> BuildError:
    """The image says that it is a frontend, and has no program."""
    return BuildError(
        f"the image {name!r} has neither an entrypoint nor a command", code="FE0016", help="set its ENTRYPOINT"
    )


def not_a_frontend_context(name: str, kind: str) -> BuildError:
    """The named context that replaces the frontend is nothing that a frontend can be."""
    return BuildError(
        f"the context {name!r} replaces the frontend of that name and is of the kind {kind}",
        code="FE0017",
        help=f"give an image, an OCI layout, or a directory with a frontend.py: --build-context {name}=…",
    )


def no_host(name: str) -> BuildError:
    """A frontend from elsewhere wants to build on the machine."""
    return BuildError(
        f"the frontend {name!r} is not of this build and may not use the machine as a base (host://)",
        code="FE0018",
        help="--allow host lets it; its steps then see this machine's /usr",
    )


def readable_secret(id: str) -> BuildError:
    """A graph whose tree the frontend would read uses a secret: it could write the secret into the tree."""
    return BuildError(
        f"a graph that is solved while a build file is compiled cannot use the secret {id!r}",
        code="FE0021",
        notes=["the frontend reads what such a graph makes, and secrets are for steps, not for frontends"],
        help="use the secret in a step of the result",
    )


def unknown_graph() -> BuildError:
    """A graph whose tree the frontend would read builds a graph that nobody has seen yet."""
    return BuildError(
        "a graph that is solved while a build file is compiled cannot build a graph that a step makes",
        code="FE0022",
        help="let that be part of the result",
    )


def only_named_layouts(ref: str) -> BuildError:
    """A frontend in its sandbox names a directory of the machine."""
    return BuildError(
        f"a frontend that comes with a build cannot read the OCI layout {ref!r}",
        code="FE0019",
        help="give it to the build by a name: --build-context NAME=oci-layout://DIR, and ask for named_context(NAME)",
    )


def nonsense(name: str, what: str) -> BuildError:
    """It answered, but not by the protocol."""
    return BuildError(f"the frontend {name!r} broke the protocol: {what}", code="FE0012", help=_SEE)


def stayed(name: str) -> BuildError:
    """It closed its channel, or said its last word, and went on running."""
    return BuildError(
        f"the frontend {name!r} went on running after the end of its channel",
        code="FE0020",
        help="a frontend ends when it has answered",
    )


def bad_graph(name: str, what: str) -> BuildError:
    """The graph that it returned is not valid."""
    return BuildError(
        f"the frontend {name!r} returned a graph that is not valid: {what}",
        code="FE0013",
        help="this is a mistake of the frontend, not of the build file",
    )


def broke_off(
    name: str, trouble: Exception | None, ended: Mapping[str, Any] | BuildError | None, log: bytes
) -> BuildError:
    """It ended, went silent or sent something else before its last message."""
    wrote = [f"it wrote: {line}" for line in log.decode(errors="replace").strip().splitlines()[-10:]]
    if isinstance(ended, BuildError):
        return ended
    if ended is not None and ended.get("reason") == "memory":
        return BuildError(
            f"the frontend {name!r} took more memory than a frontend may",
            code="FE0010",
            notes=wrote,
            help="let it hold less at a time; docs/limits.md has the limit",
        )
    if trouble is not None:
        return BuildError(f"the frontend {name!r} broke the protocol: {trouble}", code="FE0012", notes=wrote, help=_SEE)
    code = int(ended["exit_code"]) if ended is not None else 0
    what = f"ended with code {code}" if code <= 128 else f"was killed by {_signal_name(code - 128)}"
    if code == 128 + signal.SIGXCPU:
        what = "computed for longer than a frontend may"
    return BuildError(
        f"the frontend {name!r} {what} before it had answered",
        code="FE0011",
        notes=wrote,
        help="a frontend answers on its channel and then ends",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


_OF_THE_FRONTEND = frozenset(f"FE00{number:02}" for number in (3, 4, 5, 10, 11, 12, 13, 14, 18, 20, 21, 22))
"""Mistakes of a frontend that its build file is told of where it names the frontend."""


def placed(error: BuildError, file: tuple[str, bytes]) -> BuildError:
    """Return what a frontend did wrong with the place in the build file that asked for it; other errors as they are."""
    if isinstance(error, DiagnosticError) or error.code not in _OF_THE_FRONTEND:
        return error
    name, data = file
    text = data.decode(errors="replace")
    lines = text.split("\n")
    number = next((each for each, line in enumerate(lines[:_HEAD_LINES]) if "syntax" in line.lower()), 0)
    start = sum(len(line) + 1 for line in lines[:number])
    span = Span(SourceText(name, text), start, max(start + 1, start + len(lines[number].rstrip())))
    found = Diagnostic(
        code=error.code,
        severity=Severity.ERROR,
        message=error.message,
        labels=(Label(span, "while this file was compiled"),),
        notes=tuple(error.notes),
        help=error.help,
    )
    return DiagnosticError([found])
