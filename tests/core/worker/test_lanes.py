# SPDX-License-Identifier: Apache-2.0
"""Lanes: which jobs share a process one after another, and after what a process is not used again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker.client import Worker

pytestmark = pytest.mark.root

NAMES = ("plain", "own")
OPTIONS = {
    "snapshotter": "ladle.plugins.snapshotters.overlay:Overlay",
    "jobs": {name: f"ladle_test_lanes_{name}:visit" for name in NAMES},
}


@pytest.fixture(params=NAMES)
def job(request: pytest.FixtureRequest) -> str:
    """The name of a job that may be repeated: without and with a pid namespace of its own."""
    return str(request.param)


@pytest.fixture
def lanes(store: Path, environment: dict[str, str]) -> Iterator[Worker]:
    """A worker with both."""
    with Worker(str(store), options=OPTIONS, python=[sys.executable], environment=environment) as made:
        yield made


def _processes(worker: Worker, job: str, count: int) -> list[str]:
    """Which process each of so many jobs ran in. (A job may start before the process of the last one is free.)"""
    return [worker.run_sync(job, {})["process"] for _ in range(count)]


def test_few_processes_do_many_jobs(lanes: Worker, job: str) -> None:
    assert len(set(_processes(lanes, job, 12))) < 8
    assert (lanes.run_sync(job, {})["pid"] == 1) == (job == "own")


def test_the_mounts_the_mask_and_the_directory_of_one_job_are_not_the_next_ones(lanes: Worker, job: str) -> None:
    answers = [lanes.run_sync(job, {"change": "surroundings"}) for _ in range(12)]
    assert len({answer["process"] for answer in answers}) < 8
    assert all(answer["before"] == {"mounted": False, "umask": 0o022, "cwd": "/"} for answer in answers)


@pytest.mark.parametrize("change", ["descriptor", "closed", "child", "thread", "memory", "network"])
def test_a_process_that_a_job_has_changed_is_not_used_again(lanes: Worker, job: str, change: str) -> None:
    changed = lanes.run_sync(job, {"change": change})["process"]
    assert changed not in _processes(lanes, job, 4)


def test_a_process_in_which_a_job_failed_is_not_used_again(lanes: Worker, job: str) -> None:
    seen: list[str] = []
    with pytest.raises(BuildError, match="no luck"):
        lanes.run_sync(job, {"change": "fail"}, on_event=lambda event: seen.append(event["process"]))
    assert len(seen) == 1
    assert seen[0] not in _processes(lanes, job, 4)


def test_a_cancelled_job_ends_its_process_and_the_next_gets_another(lanes: Worker, job: str) -> None:
    seen: list[str] = []

    async def cancel() -> None:
        started = asyncio.Event()

        def event(event: dict[str, Any]) -> None:
            seen.append(event["process"])
            started.set()

        task = asyncio.create_task(lanes.run(job, {"change": "wait"}, on_event=event))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    _processes(lanes, job, 2)
    asyncio.run(cancel())
    assert len(seen) == 1
    assert seen[0] not in _processes(lanes, job, 4)


def test_processes_that_are_killed_while_they_wait_are_replaced(
    lanes: Worker, job: str, survivors: Callable[[list[int]], list[int]]
) -> None:
    before = _processes(lanes, job, 3)
    children = [int(pid) for pid in Path(f"/proc/{lanes.pid}/task/{lanes.pid}/children").read_text().split()]
    assert children
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    assert survivors(children) == []
    assert not set(before) & set(_processes(lanes, job, 3))


def test_jobs_at_the_same_time_have_processes_each(lanes: Worker, job: str) -> None:
    async def many() -> set[str]:
        answers = await asyncio.gather(*(lanes.run(job, {"change": "pause"}) for _ in range(4)))
        return {answer["process"] for answer in answers}

    first, second = asyncio.run(many()), asyncio.run(many())
    assert len(first) == len(second) == 4
    assert first & second
