# SPDX-License-Identifier: Apache-2.0
"""Nothing of a step outlives its job, its worker or ladle, however each of them ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from ladle.core.api.errors import BuildError

pytestmark = pytest.mark.root

STUBBORN = "trap '' TERM; setsid SLEEP & (trap '' TERM; SLEEP) & SLEEP & SLEEP"


def _start(running: Any, command: str, **changes: Any) -> threading.Thread:
    def run() -> None:
        try:
            running.worker.run_sync("exec", running.request(command, **changes))
        except BuildError:
            return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


async def _cancel(running: Any, command: str, count: int, **changes: Any) -> float:
    """Run a step, cancel it when `count` processes run, and return how long it took to be gone."""
    task = asyncio.create_task(running.worker.run("exec", running.request(command, **changes)))
    await asyncio.to_thread(running.wait_for, count)
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - start


def test_killing_the_job_kills_the_step(running: Any) -> None:
    thread = _start(running, STUBBORN)
    running.wait_for(4)
    (job,) = running.jobs()
    os.kill(job, signal.SIGKILL)
    thread.join(10)
    running.wait_for(0, 2)
    assert running.worker.run_sync("exec", running.request("true"))["exit_code"] == 0


def test_killing_the_worker_kills_the_step(running: Any) -> None:
    thread = _start(running, STUBBORN)
    running.wait_for(4)
    os.kill(running.worker.pid, signal.SIGKILL)
    running.wait_for(0, 2)
    thread.join(10)
    assert running.worker.run_sync("exec", running.request("true"))["exit_code"] == 0


PROGRAM = """
import json, sys
from ladle.core.worker.client import Worker
given = json.load(sys.stdin)
with Worker(given["root"], options=given["options"], python=[sys.executable], environment=given["env"]) as worker:
    worker.run_sync("exec", given["request"])
"""


def test_killing_ladle_kills_the_step(running: Any, environment: dict[str, str], options: dict[str, object]) -> None:
    request = running.request(STUBBORN)
    options = {**options, "executors": request["executors"]}
    given = {"root": str(running.root), "options": options, "env": environment, "request": request}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, env=environment) as ladle:
        assert ladle.stdin is not None
        ladle.stdin.write(json.dumps(given).encode())
        ladle.stdin.close()
        running.wait_for(4)
        ladle.kill()
        running.wait_for(0, 2)


def test_cancelling_ends_what_ignores_it_at_once(running: Any) -> None:
    seconds = asyncio.run(_cancel(running, STUBBORN, 4))
    assert running.processes() == []
    assert seconds < 1.5


def test_cancelling_lets_a_handler_finish(running: Any) -> None:
    cache = {"dest": "/c", "type": "cache", "cache_dir": f"{running.root}/cachemounts/k", "sharing": "shared"}
    command = "trap 'sleep 0.3; echo bye > /c/bye; kill $!; exit 0' TERM; SLEEP & wait"
    seconds = asyncio.run(_cancel(running, command, 1, mounts=[cache]))
    assert (running.root / "cachemounts" / "k" / "bye").read_text() == "bye\n"
    assert 0.3 <= seconds < 2.5


def test_a_handler_that_takes_too_long_is_killed(running: Any) -> None:
    command = "trap 'sleep 500' TERM; SLEEP & wait"
    seconds = asyncio.run(_cancel(running, command, 1, grace=0.7))
    assert running.processes() == []
    assert 0.6 <= seconds < 2.5


def test_a_step_that_floods_its_output_can_be_cancelled(running: Any) -> None:
    seconds = asyncio.run(_cancel(running, "SLEEP & yes", 1))
    assert running.processes() == []
    assert seconds < 2


def test_waiting_for_a_locked_cache_can_be_cancelled(running: Any) -> None:
    cache = {"dest": "/c", "type": "cache", "cache_dir": f"{running.root}/cachemounts/k", "sharing": "locked"}
    thread = _start(running, "SLEEP", mounts=[cache])
    running.wait_for(1)

    async def second() -> float:
        task = asyncio.create_task(running.worker.run("exec", running.request("true", mounts=[cache])))
        await asyncio.sleep(0.5)
        assert not task.done()
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - start

    assert asyncio.run(second()) < 1
    os.kill(running.processes()[0], signal.SIGKILL)
    thread.join(10)


def test_processes_left_behind_by_a_step_die_with_it(running: Any) -> None:
    done = running.worker.run_sync("exec", running.request("setsid SLEEP & sleep 0.2"))
    assert done["exit_code"] == 0
    assert running.processes() == []
