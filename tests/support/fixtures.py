# SPDX-License-Identifier: Apache-2.0
"""Fixtures of whole builds: a base image, a real registry, the `ladle` command, contexts. Imported by conftests."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer
from tests.support.registry import push, running_registry


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one test process at a time in."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return a directory that all test processes of this run share, readable by everybody."""
    path = Path(os.environ["LADLE_TEST_RUN"]) / "shared"
    path.mkdir(exist_ok=True, mode=0o755)
    return path


@pytest.fixture(scope="session")
def busybox(shared: Path) -> Path:
    """Return an OCI layout with `busybox:latest`."""
    with locked(shared / "busybox.lock"):
        path = shared / "busybox"
        if not (path / "index.json").exists():
            Layout(path).image("latest", BUSYBOX_CONFIG, [busybox_layer()])
    return path


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Iterator[str]:
    """Return the address of a registry that serves `busybox:latest`."""
    with running_registry(tmp_path_factory.mktemp("registry")) as address:
        push(busybox, "latest", f"{address}/busybox:latest")
        yield address


@pytest.fixture
def ladle(tmp_path: Path) -> Iterator[Ladle]:
    """Return a `ladle` run by whoever runs the tests, with an empty store."""
    yield Ladle([sys.executable, "-m", "ladle.core.cli"], tmp_path / "store")
    shutil.rmtree(tmp_path / "store", ignore_errors=True)


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a build context: file names (with `/`) to text."""

    def write(files: dict[str, str], name: str = "context", base: Path = tmp_path) -> Path:
        directory = base / name
        for path, text in files.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return directory

    return write
