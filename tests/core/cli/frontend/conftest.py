# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend …` as an author runs it, in a directory of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def ladle(tmp_path: Path) -> Iterator[Ladle]:
    """Return a `ladle` in a process of its own, with an empty store."""
    yield Ladle([sys.executable, "-m", "ladle.core.cli"], tmp_path / "store")
    shutil.rmtree(tmp_path / "store", ignore_errors=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return the author's directory."""
    directory = tmp_path / "author"
    directory.mkdir()
    return directory


@pytest.fixture
def run(ladle: Ladle, place: Path) -> Run:
    """Return a function that runs `ladle frontend` there."""

    def frontend(*words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        return ladle("frontend", *words, cwd=place, **more)

    return frontend
