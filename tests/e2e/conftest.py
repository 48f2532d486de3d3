# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: real images, a real registry, real users."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.fixtures import busybox, context, ladle, locked, registry, shared
from tests.support.images import BUSYBOX_CONFIG, Layout, debian_root
from tests.support.repository import copy_repository

__all__ = ["busybox", "context", "ladle", "registry", "shared"]

USER = "ladle-e2e"


@pytest.fixture(scope="session")
def debian(shared: Path) -> Path:
    """Return an OCI layout with `debian:latest`; the root file system is cached between runs."""
    cache = Path(os.environ.get("LADLE_TEST_CACHE", "/var/tmp/ladle-test-cache"))
    with locked(shared / "debian.lock"):
        path = shared / "debian"
        if not (path / "index.json").exists():
            config = {**BUSYBOX_CONFIG, "config": {**BUSYBOX_CONFIG["config"], "Cmd": ["bash"]}}
            Layout(path).image("latest", config, [debian_root(cache).read_bytes()])
    return path


@pytest.fixture(scope="session")
def user(shared: Path) -> str:
    """Return an ordinary user with subordinate ids, made for this run."""
    if os.geteuid() != 0:
        pytest.skip("making a user needs root")
    with locked(shared / "user.lock"):
        try:
            pwd.getpwnam(USER)
        except KeyError:
            subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", USER], check=True, capture_output=True)
            (shared / "user-made").touch()
    return USER


@pytest.fixture(scope="session")
def user_venv(shared: Path, user: str) -> Path:
    """Return a virtual environment with ladle installed from its wheel, which an ordinary user can read."""
    with locked(shared / "venv.lock"):
        path = shared / "venv"
        if not (path / "done").exists():
            subprocess.run(["/usr/bin/python3", "-m", "venv", str(path)], check=True, capture_output=True)
            pip = [
                str(path / "bin" / "pip"),
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-warn-script-location",
            ]
            copy = shared / "source"
            copy_repository(copy)
            subprocess.run([*pip, str(copy)], check=True, capture_output=True)
            (path / "done").touch()
    return path


@pytest.fixture
def user_home(shared: Path, user: str) -> Iterator[Path]:
    """Return a directory that belongs to the ordinary user."""
    path = Path(tempfile.mkdtemp(prefix="user-", dir=shared))
    shutil.chown(path, user, user)
    yield path
    subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=True)


@pytest.fixture
def user_ladle(user_venv: Path, user_home: Path, user: str) -> Ladle:
    """Return a `ladle` run by an ordinary user, with an empty store."""
    command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", str(user_venv / "bin" / "ladle")]
    return Ladle(command, user_home / "store")
