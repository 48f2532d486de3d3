# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: real images, a real registry, real users."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer, debian_root
from tests.support.registry import push, running_registry

REPOSITORY = Path(__file__).parents[2]
USER = "ladle-e2e"


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


def copy_repository(target: Path) -> None:
    """Copy the files that git knows or would add, links as links."""
    command = ["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True).stdout
    for name in filter(None, os.fsdecode(names).split("\0")):
        source = REPOSITORY / name
        if source.is_symlink() or source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


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
