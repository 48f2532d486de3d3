# SPDX-License-Identifier: Apache-2.0
"""The ways to show progress."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.progress.modes import MODES, Quiet, RawJson, make_renderer
from ladle.core.progress.plain import PlainProgress
from ladle.core.progress.reporter import BuildReporter, Event


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("", PlainProgress), ("auto", PlainProgress), ("plain", PlainProgress), ("quiet", Quiet), ("rawjson", RawJson)],
)
def test_modes(mode: str, kind: type) -> None:
    renderer = make_renderer(mode)
    assert type(renderer) is kind
    renderer.close()


def test_an_unknown_mode_names_the_others() -> None:
    with pytest.raises(UsageError) as caught:
        make_renderer("loud")
    assert caught.value.code == "LA0102"
    assert all(mode in caught.value.help for mode in MODES)


def test_quiet_shows_warnings_only(play: Callable[[BuildReporter], None], capsys: pytest.CaptureFixture[str]) -> None:
    play(BuildReporter(make_renderer("quiet")))
    assert capsys.readouterr() == ("", "warning: the base is old\n")


def test_rawjson_writes_every_event_as_a_line(
    reporter: BuildReporter,
    events: list[Event],
    play: Callable[[BuildReporter], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    play(reporter)
    play(BuildReporter(make_renderer("rawjson")))
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    assert out == ""
    assert [line["type"] for line in lines] == [event["type"] for event in events]
    assert [line.keys() for line in lines] == [event.keys() for event in events]
    assert next(line for line in lines if line["type"] == "log")["data"] == "first\nhalf of"
    assert [line["v"] for line in lines] == [1] * len(lines)


def test_rawjson_writes_odd_bytes_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    RawJson()({"type": "log", "data": b"\xff\n"})
    assert json.loads(capsys.readouterr().err)["data"] == "\ufffd\n"


@pytest.mark.parametrize("mode", ["plain", "quiet", "rawjson"])
def test_a_closed_stderr_stops_nothing(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    class Gone:
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    BuildReporter(make_renderer(mode)).warning("x")
