# SPDX-License-Identifier: Apache-2.0
"""An ordinary user for the tests of one run, with a `ladle` of its own. Imported by conftests.

The user's name has the id of the process that controls the run in it: a run that was killed leaves a user that the
next run can tell from those of runs that go on beside it, and removes.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.fixtures import locked
from tests.support.repository import copy_repository

_PREFIX = "ladle-e2e"
_NAME = re.compile(rf"{_PREFIX}(?:-([0-9]+))?")


def run_directory_prefix() -> str:
    """Return how the directory of a run is called: with the id of this process, which controls it."""
    return f"ladle-tests-{os.getpid()}-"


def user_of(run: str) -> str:
    """Return the user of the run with a directory."""
    return f"{_PREFIX}-{Path(run).name.split('-')[2]}"


def remove_users(run: str) -> None:
    """Remove the user of a run that ends here, and those of runs that are gone."""
    for entry in pwd.getpwall() if os.geteuid() == 0 else []:
        match = _NAME.fullmatch(entry.pw_name)
        if match and (entry.pw_name == user_of(run) or not Path(f"/proc/{match[1] or 'none'}").exists()):
            subprocess.run(["userdel", "--remove", entry.pw_name], check=False, capture_output=True)


@pytest.fixture(scope="session")
def user(shared: Path) -> str:
    """Return an ordinary user with subordinate ids, made for this run."""
    if os.geteuid() != 0:
        pytest.skip("making a user needs root")
    name = user_of(os.environ["LADLE_TEST_RUN"])
    with locked(shared / "user.lock"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True, capture_output=True)
    return name


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
