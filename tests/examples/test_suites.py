# SPDX-License-Identifier: Apache-2.0
"""The example plugins' own tests, run as their authors would run them: against what pip installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.conftest import PLUGINS

NAMES = sorted(path.parent.name for path in PLUGINS.glob("*/pyproject.toml"))


def test_there_are_some() -> None:
    assert NAMES == ["ladle-deb", "ladle-debian", "ladle-procfile"]


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(name: str, installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist"]
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    place = PLUGINS / name
    done = subprocess.run(
        [*command, "--rootdir", place, "-c", place / "pyproject.toml", place / "tests", "--basetemp", tmp_path / "own"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
