# SPDX-License-Identifier: Apache-2.0
"""What the fixture `lowers_to` does."""

from __future__ import annotations

import difflib
import os
import textwrap
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.snippets import render
from ladle.frontends.testing.context import FakeContext
from ladle.frontends.testing.graphs import shown
from ladle.frontends.testing.run import made

if TYPE_CHECKING:
    import pytest


def lowered(frontend: Any, text: str | bytes, directory: str, **context: Any) -> str:
    """Return as text what a frontend makes of a build file: warnings, then the graph or the errors."""
    if isinstance(frontend, str | os.PathLike):
        frontend = os.path.join(directory, frontend)
        context.setdefault("assets", os.path.dirname(frontend))
    asked = FakeContext(text, **context)
    try:
        said = [shown(made(frontend).compile(asked))]
    except DiagnosticError as error:
        said = [render(each) for each in error.diagnostics]
    return "\n\n".join([*(render(each) for each in asked.warnings), *said])


def assert_text(made: str, expected: str) -> None:
    """Assert that a text is the expected one, whose indent and outer blank lines count for nothing."""
    __tracebackhide__ = True
    wanted = textwrap.dedent(expected).strip("\n").rstrip()
    changes = difflib.unified_diff(wanted.splitlines(), made.splitlines(), "expected", "made", lineterm="", n=99)
    if made != wanted:  # an assert would show both texts again
        raise AssertionError("the frontend makes something else:\n" + "\n".join(changes))


def assert_snapshot(made: str, request: pytest.FixtureRequest) -> None:
    """Assert that a text is the snapshot beside the test; `--snapshot-update` writes it."""
    try:
        from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
    except ImportError:
        raise AssertionError("a snapshot needs syrupy: install it, or give lowers_to the expected text") from None

    class TextFile(SingleFileSnapshotExtension):
        """One plain text file a snapshot."""

        _write_mode = WriteMode.TEXT
        file_extension = "txt"

    snapshot = request.getfixturevalue("snapshot").use_extension(TextFile)
    assert made == snapshot
