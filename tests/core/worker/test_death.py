# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of ladle itself: no process, no mount and, after the next start, no file is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.worker.client import Worker

pytestmark = pytest.mark.root

_LADLE = """
import json, os, sys
from ladle.core.worker.client import Worker
root, options = sys.argv[1], json.loads(sys.argv[2])
worker = Worker(root, options=options, python=[sys.executable], environment=dict(os.environ))
def event(event):
    if "pid" in event:
        print(event["pid"], flush=True)
worker.run_sync("echo", {})
print(worker.pid, flush=True)
worker.run_sync("processes", {}, on_event=event)
"""


def _start(
    store: Path, options: dict[str, object], environment: dict[str, str]
) -> tuple[subprocess.Popen[str], list[int]]:
    command = [sys.executable, "-c", _LADLE, str(store), json.dumps(options)]
    ladle = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert ladle.stdout is not None
    return ladle, [int(ladle.stdout.readline()) for _ in range(6)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_when_ladle_dies_all_dies(
    store: Path,
    worker: Worker,
    options: dict[str, object],
    environment: dict[str, str],
    survivors: Callable[[list[int]], list[int]],
    number: int,
) -> None:
    ladle, pids = _start(store, options, environment)
    ladle.send_signal(number)
    ladle.communicate(timeout=30)
    assert survivors(pids) == []
    assert str(store) not in Path("/proc/self/mountinfo").read_text()
    worker.run_sync("sweep", {})
    end = time.monotonic() + 5
    while os.listdir(store / "snapshots/.new") and time.monotonic() < end:
        time.sleep(0.01)
    assert os.listdir(store / "snapshots/.new") == []


def test_a_ctrl_c_on_the_terminal_does_not_reach_the_worker(worker: Worker) -> None:
    worker.run_sync("echo", {})
    assert os.getpgid(worker.pid) == worker.pid
