# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the build's tests: requests, contexts and facts without a store or a worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.build.request import BuildRequest, make_request
from ladle.core.cli.options import defaults


class MemoryFacts:
    """Facts in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None."""
        return self.values.get((kind, key))

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Store a value."""
        self.values[(kind, key)] = value


@pytest.fixture
def facts() -> MemoryFacts:
    """Return facts that nobody else has."""
    return MemoryFacts()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a directory: names to texts."""

    def make(files: dict[str, str | bytes], name: str = "context") -> Path:
        directory = tmp_path / name
        directory.mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data if isinstance(data, bytes) else data.encode())
        return directory

    return make


@pytest.fixture
def ask() -> Callable[..., BuildRequest]:
    """Return a function that makes a request: a context directory, and flags by key."""

    def make(directory: Path | str | None, *, environ: dict[str, str] | None = None, **flags: Any) -> BuildRequest:
        positional = [] if directory is None else [str(directory)]
        return make_request({**defaults(), **flags}, positional, environ=environ or {})

    return make
