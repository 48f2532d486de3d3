# SPDX-License-Identifier: Apache-2.0
"""One compile in a test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.core.api.snippets import render
from ladle.frontends.testing.context import FakeContext
from ladle.frontends.testing.load import load_frontend

if TYPE_CHECKING:
    from ladle.core.api.frontend import BuildResult


def made(frontend: Any) -> Any:
    """Return the frontend of a path, of a class, or the one that is given."""
    if isinstance(frontend, str | os.PathLike):
        return load_frontend(frontend)
    return frontend() if isinstance(frontend, type) else frontend


def compiled(frontend: Any, text: str | bytes = b"", **context: Any) -> BuildResult:
    """Return what a frontend (its path, its class or itself) makes of a text, asked with a `FakeContext`."""
    if isinstance(frontend, str | os.PathLike):
        context.setdefault("assets", os.path.dirname(os.path.abspath(frontend)))
    result: BuildResult = made(frontend).compile(FakeContext(text, **context))
    return result


def failure(frontend: Any, text: str | bytes = b"", **context: Any) -> str:
    """Return what a frontend says of a text that does not compile, as a person reads it; fails if it compiles."""
    try:
        compiled(frontend, text, **context)
    except DiagnosticError as error:
        return "\n\n".join(render(each) for each in error.diagnostics)
    except BuildError as error:
        return f"error[{error.code}]: {error.message}" + (f"\n  help: {error.help}" if error.help else "")
    raise AssertionError("it compiles")
