# SPDX-License-Identifier: Apache-2.0
"""The reporter: events by their schema, logs whole on disk, the last lines at hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.progress.reporter import TAIL_LINES, BuildReporter, Event
from tests.core.progress.conftest import Clock

COMMON = {"v": int, "type": str, "time": float}
VERTEX = {**COMMON, "vertex": str, "name": str}
SCHEMA: dict[str, dict[str, type]] = {
    "started": VERTEX,
    "cached": VERTEX,
    "completed": {**VERTEX, "duration": float},
    "failed": {**VERTEX, "duration": float, "error": str},
    "canceled": {**VERTEX, "duration": float},
    "status": {**VERTEX, "text": str, "current": int, "total": int},
    "log": {**VERTEX, "stream": int, "data": bytes},
    "warning": {**COMMON, "text": str, "help": str},
    "summary": {**COMMON, "seconds": float, "steps": int, "cached": int, "slowest": list},
}


def test_events_have_the_fields_of_their_schema(
    reporter: BuildReporter, events: list[Event], play: Callable[[BuildReporter], None]
) -> None:
    play(reporter)
    assert {event["type"] for event in events} == SCHEMA.keys()
    for event in events:
        assert {key: type(value) for key, value in event.items()} == SCHEMA[event["type"]]
        assert event["v"] == 1


def test_times_count_from_the_start(reporter: BuildReporter, events: list[Event], clock: Clock) -> None:
    reporter.started("sha256:aa")
    clock.now += 1.5
    reporter.completed("sha256:aa")
    reporter.completed("sha256:bb")
    assert [(event["time"], event.get("duration")) for event in events] == [(0.0, None), (1.5, 1.5), (1.5, 0.0)]


def test_names_are_used_where_there_are_any(reporter: BuildReporter, events: list[Event]) -> None:
    reporter.started("sha256:aa")
    reporter.started("sha256:zz")
    assert [event["name"] for event in events] == ["[1/2] FROM x", "sha256:zz"]


def test_a_step_is_cached_once(reporter: BuildReporter, events: list[Event]) -> None:
    reporter.cached("sha256:aa")
    reporter.cached("sha256:aa")
    reporter.completed("sha256:bb")
    reporter.cached("sha256:bb")
    assert [event["type"] for event in events] == ["cached", "completed"]


def test_the_summary_counts(reporter: BuildReporter, events: list[Event], clock: Clock) -> None:
    reporter.cached("sha256:aa")
    for number in range(7):
        reporter.started(f"s{number}")
        clock.now += number
        reporter.completed(f"s{number}")
    reporter.started("bad")
    clock.now += 100
    reporter.failed("bad", RuntimeError("no"))
    reporter.summary()
    last = events[-1]
    assert (last["seconds"], last["steps"], last["cached"]) == (121.0, 9, 1)
    assert last["slowest"] == [[f"s{number}", float(number)] for number in (6, 5, 4, 3, 2)]


def test_the_first_failure_is_kept(reporter: BuildReporter) -> None:
    assert reporter.failed_vertex == ""
    reporter.failed("sha256:aa", RuntimeError("1"))
    reporter.failed("sha256:bb", RuntimeError("2"))
    assert reporter.failed_vertex == "sha256:aa"


def test_a_log_is_whole_on_disk(reporter: BuildReporter, tmp_path: Path) -> None:
    parts = [bytes([number % 256]) * 50_000 + b"\n" for number in range(60)]
    for number, part in enumerate(parts):
        reporter.log("sha256:" + "c" * 64, 1 + number % 2, part)
    _, path = reporter.tail("sha256:" + "c" * 64)
    assert path == str(tmp_path / "logs" / f"{'c' * 16}.log")
    assert Path(path).read_bytes() == b"".join(parts)
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert Path(path).parent.stat().st_mode & 0o777 == 0o700


def test_a_log_goes_on_after_close(reporter: BuildReporter) -> None:
    reporter.log("sha256:aa", 1, b"1\n")
    reporter.close()
    assert Path(reporter.tail("sha256:aa")[1]).read_bytes() == b"1\n"
    reporter.log("sha256:aa", 1, b"2\n")
    reporter.close()
    assert Path(reporter.tail("sha256:aa")[1]).read_bytes() == b"1\n2\n"


def test_the_tail_is_the_last_lines(reporter: BuildReporter) -> None:
    assert reporter.tail("sha256:aa") == ([], "")
    for number in range(50):
        reporter.log("sha256:aa", 1, b"line ")
        reporter.log("sha256:aa", 1, b"%d\n" % number)
    assert reporter.tail("sha256:aa")[0] == [f"line {number}" for number in range(50 - TAIL_LINES, 50)]
    reporter.log("sha256:aa", 2, b"no end")
    assert reporter.tail("sha256:aa")[0] == [*(f"line {number}" for number in range(51 - TAIL_LINES, 50)), "no end"]


def test_the_tail_is_harmless_and_bounded(reporter: BuildReporter) -> None:
    reporter.log("sha256:aa", 1, b"\x1b[2J\xff\n" + b"x" * 100_000)
    for _ in range(100):
        reporter.log("sha256:aa", 1, b"y" * 1000)
    first, last = reporter.tail("sha256:aa")[0]
    assert (first, last) == ("\ufffd", "y" * 4096)


def test_without_a_directory_nothing_is_spooled(events: list[Event], tmp_path: Path) -> None:
    reporter = BuildReporter(events.append)
    reporter.log("a", 1, b"x\n")
    assert reporter.tail("a") == (["x"], "")
    reporter.close()


def test_threads_report_one_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []

    def sink(event: Event) -> None:
        inside.append(1)
        assert len(inside) == 1
        inside.pop()

    reporter = BuildReporter(sink, log_dir=str(tmp_path))
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(200):
                reporter.log("sha256:all", 1, f"{name}{number}\n".encode())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reporter.close()
    lines = Path(reporter.tail("sha256:all")[1]).read_text().splitlines()
    assert failures == []
    assert sorted(lines) == sorted(f"{name}{number}" for name in "abcd" for number in range(200))


@pytest.mark.parametrize("value", [{}, {"help": "do"}])
def test_a_warning_may_have_help(reporter: BuildReporter, events: list[Event], value: dict[str, Any]) -> None:
    reporter.warning("look", **value)
    assert (events[0]["text"], events[0]["help"]) == ("look", value.get("help", ""))


def test_what_never_started_took_no_time(
    reporter: BuildReporter, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(1000))
    monkeypatch.setattr("time.monotonic", lambda: float(next(ticks)))
    reporter.failed("sha256:aa", OSError("no such directory"))
    assert events[-1]["duration"] == 0.0
