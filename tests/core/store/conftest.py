# SPDX-License-Identifier: Apache-2.0
"""A fresh store for each test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.store.store import Store

Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Return where the store is."""
    return str(tmp_path / "store")


@pytest.fixture
def store(root: str) -> Iterator[Store]:
    """Return a fresh store."""
    opened = Store.open(root)
    yield opened
    opened.close()


@pytest.fixture
def spawn(root: str) -> Iterator[Spawn]:
    """Return a function that starts a Python process on the store: its code sees `store`, `sys`, `os` and `time`."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        text = f"import os, sys, time\nfrom ladle.core.store.store import Store\nstore = Store.open({root!r})\n{code}"
        command = [sys.executable, "-c", text, *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
