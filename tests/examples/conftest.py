# SPDX-License-Identifier: Apache-2.0
"""The example plugins, installed by pip where only these tests find them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.fixtures import busybox, context, locked, shared
from tests.support.repository import REPOSITORY

__all__ = ["busybox", "context", "shared"]

PLUGINS = REPOSITORY / "examples/plugins"
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]


@pytest.fixture(scope="session")
def installed(shared: Path) -> Path:
    """Return a directory that the example plugins are installed in."""
    site = shared / "example-plugins"
    with locked(shared / "example-plugins.lock"):
        if not site.exists():
            sources = shared / "example-sources"
            shutil.copytree(PLUGINS, sources, ignore=shutil.ignore_patterns("__pycache__"))
            needed = shared / "example-needed"
            subprocess.run([*PIP, "--target", needed, "setuptools>=77"], check=True, capture_output=True)
            names = sorted(str(path.parent) for path in sources.glob("*/pyproject.toml"))
            command = [*PIP, "--no-deps", "--no-build-isolation", "--target", f"{shared}/example-site", *names]
            environment = {**os.environ, "PYTHONPATH": str(needed)}
            subprocess.run(command, check=True, capture_output=True, env=environment)
            (shared / "example-site").rename(site)
    return site


@pytest.fixture
def ladle(tmp_path: Path, installed: Path) -> Iterator[Ladle]:
    """Return a `ladle` that finds the example plugins, with an empty store."""
    environment = {"PYTHONPATH": str(installed)}
    yield Ladle([sys.executable, "-m", "ladle.core.cli"], tmp_path / "store", environment)
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
