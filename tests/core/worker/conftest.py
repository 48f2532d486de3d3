# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a store, a worker with test jobs, and waiting for processes to go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.worker.client import Worker

JOBS = Path(__file__).parent / "jobs"
NAMES = ("echo", "fail", "die", "processes", "stubborn", "orphans", "tree", "ids")
OPTIONS = {
    "snapshotter": "ladle.plugins.snapshotters.overlay:Overlay",
    "jobs": {name: f"ladle_test_jobs:{name}" for name in NAMES},
}
SITE = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture
def options() -> dict[str, object]:
    return dict(OPTIONS)


@pytest.fixture
def environment() -> dict[str, str]:
    """What a worker or a user's script needs to find ladle and the test jobs without `-I`."""
    path = os.pathsep.join([str(JOBS), str(SOURCE), SITE])
    return {"PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "snapshots").mkdir(parents=True)
    return root


@pytest.fixture
def worker(store: Path, environment: dict[str, str]) -> Iterator[Worker]:
    with Worker(str(store), options=OPTIONS, python=[sys.executable], environment=environment) as made:
        yield made


@pytest.fixture
def user_store() -> Iterator[Path]:
    """A store that an ordinary user can reach and write."""
    base = Path(tempfile.mkdtemp(prefix="ladle-user-"))
    base.chmod(0o777)
    yield base
    shutil.rmtree(base)


@pytest.fixture(scope="session")
def user_python() -> str:
    """An interpreter that an ordinary user can run."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        command = [candidate, "-c", f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]}"]
        try:
            if subprocess.run(command, user=65534, capture_output=True, check=False, cwd="/").returncode == 0:
                return candidate
        except PermissionError:
            continue
    raise AssertionError("no Python of this version that an ordinary user can run")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@pytest.fixture
def survivors() -> Callable[[list[int]], list[int]]:
    """Wait up to five seconds for processes to go and return those that stay."""

    def wait(pids: list[int]) -> list[int]:
        end = time.monotonic() + 5
        while time.monotonic() < end and any(alive(pid) for pid in pids):
            time.sleep(0.01)
        return [pid for pid in pids if alive(pid)]

    return wait
