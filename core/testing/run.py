# SPDX-License-Identifier: Apache-2.0
"""Builds for the contract suites: the installed `ladle` in a process of its own, with a store of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_BUILD_SECONDS = 120


def write(directory: Path, files: Mapping[str, str]) -> Path:
    """Write files below a directory and return it."""
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def build(
    directory: Path, *flags: str, store: Path, env: Mapping[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Build a directory; with `check` raises `AssertionError` with what was said, for a build that fails.

    Of the environment it gets only what Python needs to find what is installed, and `env`.
    """
    kept = ("PATH", "PYTHONPATH", "LANG", "TMPDIR", "HOME")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "ladle.core.cli", "build", *flags, str(directory)],
        env={**environment, "LADLE_ROOT": str(store), "SOURCE_DATE_EPOCH": "1600000000", **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_BUILD_SECONDS,
        check=False,
    )
    if "Traceback (most recent call last)" in done.stderr:
        raise AssertionError(f"a traceback came out:\n{done.stderr}")
    if check and done.returncode:
        raise AssertionError(f"the build failed with {done.returncode}:\n{done.stderr}")
    return done


def expect(condition: object, message: str) -> None:
    """Raise `AssertionError` with a message where a condition does not hold."""
    if not condition:
        raise AssertionError(message)
