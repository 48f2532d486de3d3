# SPDX-License-Identifier: Apache-2.0
"""A solver's error as the user should see it: the step's lines, its output, and why a file was not found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError
from ladle.core.build.outcome import StepError, excerpt

if TYPE_CHECKING:
    from ladle.core.build.graph import Graph
    from ladle.core.build.request import BuildRequest
    from ladle.core.progress.reporter import BuildReporter

NOT_FOUND = "LA0301"
_NEAR_NAMES = 5


def step_error(error: BuildError, graph: Graph, reporter: BuildReporter, request: BuildRequest) -> BuildError:
    """Return the error with its step's place and output; an error of no step comes back as it is."""
    digest = reporter.failed_vertex
    if not digest or digest not in graph.vertices:
        return error
    if error.code == NOT_FOUND:
        error = _explained(error, graph, digest, request)
    log, path = reporter.tail(digest)
    return StepError(
        error, step=graph.vertices[digest].name, excerpt=excerpt(graph.location(digest)), log=log, log_path=path
    )


def _explained(error: BuildError, graph: Graph, digest: str, request: BuildRequest) -> BuildError:
    """Add which line of the ignore file hides a missing file, or a name near to it."""
    missing = getattr(error, "path", "") or _quoted(error.message)
    inside = os.path.normpath("/" + missing).lstrip("/")
    uses_context = bool(request.context) and graph.reads_context(digest)
    if not uses_context or not inside:
        return error
    notes, advice = list(error.notes), error.help
    hidden = _hiding_rule(request, inside)
    if hidden:
        notes.append(hidden)
        advice = "change that line, or add a later line that begins with !"
    elif not os.path.lexists(os.path.join(request.context, inside)):
        near = _near(request, inside)
        if near:
            advice = f"did you mean {near!r}?"
    return BuildError(error.message, code=error.code, notes=notes, help=advice)


def _hiding_rule(request: BuildRequest, inside: str) -> str:
    from ladle.core.api.patterns import Matcher, parse_ignore

    for path in (f"{request.build_file}.dockerignore", os.path.join(request.context, ".dockerignore")):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                rules = parse_ignore(file.read(1 << 20))
        except OSError:
            continue
        rule = Matcher(rules).matches(inside)
        if rule is None or rule.negated:
            return ""
        return f"{inside!r} is excluded by line {rule.line} of {os.path.relpath(path)}: {rule.pattern}"
    return ""


def _near(request: BuildRequest, inside: str) -> str:
    """Return the nearest name that the build sees: one that the ignore file hides would not be found either."""
    from difflib import get_close_matches

    folder, base = os.path.split(inside)
    try:
        names = os.listdir(os.path.join(request.context, folder))
    except OSError:
        return ""
    close = (os.path.join(folder, name) for name in get_close_matches(base, names, n=_NEAR_NAMES))
    return next((path for path in close if not _hiding_rule(request, path)), "")


def _quoted(message: str) -> str:
    parts = message.split('"')
    if len(parts) < 3:
        parts = message.split("'")
    return parts[1] if len(parts) >= 3 else ""
