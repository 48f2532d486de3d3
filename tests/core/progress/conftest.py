# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of progress: a clock that is set by hand, and events in a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ladle.core.progress.reporter import BuildReporter, Event


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that reporters and renderers see."""
    made = Clock()
    for module in ("reporter", "plain"):
        monkeypatch.setattr(f"ladle.core.progress.{module}.time.monotonic", made)
    return made


@pytest.fixture
def events() -> list[Event]:
    """Return the list that gets the events of `reporter`."""
    return []


@pytest.fixture
def reporter(tmp_path: Path, events: list[Event], clock: Clock) -> Iterator[BuildReporter]:
    """Return a reporter that knows two steps, and spools logs."""
    made = BuildReporter(events.append, log_dir=str(tmp_path / "logs"))
    made.name([("sha256:aa", "[1/2] FROM x"), ("sha256:bb", "[2/2] RUN y")])
    yield made
    made.close()


@pytest.fixture
def play(clock: Clock) -> Callable[[BuildReporter], None]:
    """Return a function that tells a reporter a whole build."""

    def tell(reporter: Any) -> None:
        names = ["FROM x", "RUN make", "RUN test", "COPY a /", "RUN slow", "COPY b /"]
        reporter.name((f"sha256:{number}", f"[{number}/6] {name}") for number, name in enumerate(names, 1))
        reporter.warning("the base is old", help="pull a newer one")
        reporter.cached("sha256:1")
        reporter.started("sha256:2")
        reporter.log("sha256:2", 1, b"first\nhalf of")
        reporter.log("sha256:2", 2, b"a warning\n")
        reporter.log("sha256:2", 1, b" a line\nno end")
        clock.now += 2.34
        reporter.status("sha256:2", "unpacking", current=0, total=10)
        reporter.status("sha256:2", "unpacking", current=5, total=10)
        reporter.status("sha256:2", "unpacking", current=10, total=10)
        reporter.completed("sha256:2")
        reporter.started("sha256:3")
        reporter.started("sha256:5")
        reporter.log("sha256:3", 2, b"\x1b[31mred\x1b[0m\r\n10%\r50%\r100%\n\xff\x07\n")
        clock.now += 0.5
        reporter.failed("sha256:3", RuntimeError("exit code: 1"))
        reporter.canceled("sha256:5")
        reporter.status("oci", "exporting")
        reporter.summary()

    return tell
