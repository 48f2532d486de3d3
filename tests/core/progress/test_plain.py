# SPDX-License-Identifier: Apache-2.0
"""Plain progress: its lines as a person reads them, and what must not harm a build."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ladle.core.progress import plain
from ladle.core.progress.plain import LINE_BYTES, PlainProgress
from ladle.core.progress.reporter import BuildReporter
from tests.core.progress.conftest import Clock


class TextFile(SingleFileSnapshotExtension):
    """One plain text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def stream() -> io.StringIO:
    """Return what is written to."""
    return io.StringIO()


@pytest.fixture
def shown(stream: io.StringIO, clock: Clock) -> Iterator[BuildReporter]:
    """Return a reporter with plain progress."""
    renderer = PlainProgress(stream)
    made = BuildReporter(renderer)
    yield made
    renderer.close()


def test_a_build(
    shown: BuildReporter,
    stream: io.StringIO,
    play: Callable[[BuildReporter], None],
    snapshot: SnapshotAssertion,
) -> None:
    play(shown)
    assert stream.getvalue() == snapshot.use_extension(TextFile)


def test_a_count_is_shown_first_last_and_now_and_then(shown: BuildReporter, stream: io.StringIO, clock: Clock) -> None:
    for current in range(0, 101, 10):
        shown.status("x", "pulling", current=current, total=100)
        clock.now += 1
    assert stream.getvalue().splitlines() == [
        "x: pulling 0/100",
        "x: pulling 50/100",
        "x: pulling 100/100",
    ]


def test_lines_of_steps_side_by_side_stay_whole(shown: BuildReporter, stream: io.StringIO) -> None:
    for part in (b"o", b"n", b"e\n"):
        shown.log("a", 1, part)
        shown.log("b", 1, part.upper())
        shown.log("a", 2, part)
    assert stream.getvalue().splitlines() == ["a | one", "b | ONE", "a | one"]


def test_the_rest_of_a_line_comes_before_the_end(shown: BuildReporter, stream: io.StringIO) -> None:
    shown.started("a")
    shown.log("a", 2, b"err")
    shown.log("a", 1, b"out")
    shown.canceled("a")
    assert stream.getvalue().splitlines()[1:3] == ["a | out", "a | err"]


def test_a_line_without_end_is_not_kept(shown: BuildReporter, stream: io.StringIO) -> None:
    for _ in range(5):
        shown.log("a", 1, b"x" * (LINE_BYTES // 2 + 1))
    assert [len(line) for line in stream.getvalue().splitlines()] == [LINE_BYTES + 2 + len("a | ")] * 2


def test_long_steps_are_heard_of(
    shown: BuildReporter, stream: io.StringIO, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "HEARTBEAT_SECONDS", 0.01)
    shown.started("a")
    shown.started("b")
    shown.completed("b")
    clock.now += 65
    end = time.time() + 20
    while "still running, 65s" not in stream.getvalue() and time.time() < end:
        time.sleep(0.005)
    assert "a: still running, 65s" in stream.getvalue()
    assert "b: still running, 65s" not in stream.getvalue()


def test_closing_ends_the_heartbeat(stream: io.StringIO) -> None:
    renderer = PlainProgress(stream)
    renderer.close()
    BuildReporter(renderer).started("a")
    renderer.close()
    assert stream.getvalue() == "a\n"


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "full"), ValueError("closed"), UnicodeError()])
def test_a_terminal_that_is_gone_stops_nothing(clock: Clock, error: Exception) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    reporter = BuildReporter(PlainProgress(Gone()))
    reporter.warning("x")
    reporter.log("a", 1, b"x\n")
    reporter.summary()
