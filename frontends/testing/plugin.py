# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: the fixtures `lowers_to` and `recorded_solve`. Everything else is imported when a test asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ladle.frontends.testing.recorded import RecordedSolve


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--ladle-record`."""
    group = parser.getgroup("ladle", "frontends of ladle")
    group.addoption(
        "--ladle-record", action="store_true", help="build what recorded_solve has no record of, and keep what it read"
    )


@pytest.fixture
def lowers_to(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that asserts what a frontend makes of a text.

    `lowers_to(frontend, text, expected, **context)`: the graph as text (or what is said of a text that does not
    compile). Without `expected` it is compared with a snapshot of syrupy's beside the test. A path is looked for from
    the test's directory; `context` are words of `FakeContext`.
    """
    from ladle.frontends.testing import lowering

    directory = os.path.dirname(request.path)

    def check(frontend: Any, text: str | bytes, expected: str | None = None, **context: Any) -> None:
        __tracebackhide__ = True
        made = lowering.lowered(frontend, text, directory, **context)
        if expected is None:
            lowering.assert_snapshot(made, request)
        else:
            lowering.assert_text(made, expected)

    return check


@pytest.fixture
def recorded_solve(request: pytest.FixtureRequest) -> Iterator[RecordedSolve]:
    """Yield a `solved=` for `FakeContext` that answers from `__solved__/` beside the test (see `--ladle-record`)."""
    from ladle.frontends.testing.recorded import RecordedSolve

    path: Path = request.path
    solve = RecordedSolve(path.parent / "__solved__", record=bool(request.config.getoption("--ladle-record")))
    yield solve
    solve.close()
