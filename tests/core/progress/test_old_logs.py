# SPDX-License-Identifier: Apache-2.0
"""The logs of earlier builds are bounded in number and bytes, and those of running builds stay."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ladle.core.progress import old_logs
from ladle.core.progress.reporter import BuildReporter

GONE = 2**22 + 7
"""No process has such an id."""


def build(folder: Path, number: int, *, size: int = 10, process: int = GONE) -> Path:
    path = folder / f"20260101-{number:06}-{process}"
    path.mkdir(parents=True)
    (path / "a.log").write_bytes(b"x" * size)
    return path


def test_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_logs, "MAX_BUILDS", 3)
    made = [build(tmp_path, number) for number in range(6)]
    old_logs.remove_old_logs(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == made[3:]


def test_bytes_are_counted_from_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_logs, "MAX_BYTES", 1000)
    made = [build(tmp_path, number, size=size) for number, size in enumerate((1, 600, 300, 400))]
    old_logs.remove_old_logs(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == made[2:]


def test_what_runs_and_what_is_not_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_logs, "MAX_BUILDS", 0)
    mine = build(tmp_path, 1, process=os.getpid())
    build(tmp_path, 2)
    (tmp_path / "notes").mkdir()
    old_logs.remove_old_logs(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == [mine, tmp_path / "notes"]
    old_logs.remove_old_logs(str(tmp_path / "absent"))


def test_the_first_line_of_a_build_cleans_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_logs, "MAX_BUILDS", 2)
    made = [build(tmp_path, number) for number in range(4)]
    place = tmp_path / f"20260102-000000-{os.getpid()}"
    reporter = BuildReporter(lambda event: None, log_dir=str(place))
    assert len(list(tmp_path.iterdir())) == 4
    for digest in ("sha256:" + "0" * 64, "sha256:" + "1" * 64):
        reporter.log(digest, 1, b"line\n")
    reporter.close()
    assert sorted(tmp_path.iterdir()) == [*made[2:], place]
