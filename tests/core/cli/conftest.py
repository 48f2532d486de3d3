# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the command line's tests: a command line in this process, with a store of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ladle.core.cli.app import run


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def ladle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Said]]:
    """Return a function that runs the full command line, in `tmp_path`."""
    monkeypatch.setenv("LADLE_ROOT", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)

    def call(*words: str | Path) -> Said:
        code = run([str(word) for word in words])
        out, err = capfd.readouterr()
        return Said(code, out, err)

    yield call
    signal.signal(signal.SIGTERM, before)
