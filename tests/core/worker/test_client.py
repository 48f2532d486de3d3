# SPDX-License-Identifier: Apache-2.0
"""The worker from outside: jobs, events, errors, cancelling, and its death."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.worker.client import Worker

pytestmark = pytest.mark.root

Survivors = Callable[[list[int]], list[int]]


def test_nothing_starts_before_the_first_job(worker: Worker) -> None:
    assert worker.pid == 0
    worker.run_sync("echo", {})
    assert worker.pid != 0


def test_arguments_events_and_descriptors_cross(worker: Worker) -> None:
    args = {"events": [{"data": b"\xff"}, {"name": os.fsdecode(b"\xe9")}], "big": b"x" * 1_000_000}
    fd = os.memfd_create("given")
    os.write(fd, b"given")
    seen: list[dict[str, Any]] = []
    answer = worker.run_sync("echo", args, fds=[fd], on_event=seen.append)
    os.close(fd)
    assert (answer["args"], answer["read"], seen) == (args, [b"given"], args["events"])


async def _echo_many(worker: Worker, count: int) -> list[dict[str, Any]]:
    return await asyncio.gather(*(worker.run("echo", {"n": n, "events": [{"e": n}]}) for n in range(count)))


def test_many_jobs_at_once_each_in_a_process_of_its_own(worker: Worker) -> None:
    answers = asyncio.run(_echo_many(worker, 30))
    assert [answer["args"]["n"] for answer in answers] == list(range(30))
    assert len({answer["pid"] for answer in answers}) == 30


def test_threads_share_the_worker(worker: Worker) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(worker.run_sync("echo", {"n": n})["args"]["n"]))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == list(range(8))


def test_the_worker_outlives_the_thread_that_first_used_it(worker: Worker) -> None:
    thread = threading.Thread(target=worker.run_sync, args=("echo", {}))
    thread.start()
    thread.join()
    pid = worker.pid
    time.sleep(0.1)
    worker.run_sync("echo", {})
    assert worker.pid == pid


def test_errors_of_jobs_arrive_as_they_were(worker: Worker) -> None:
    with pytest.raises(BuildError) as caught:
        worker.run_sync("fail", {"kind": "build"})
    error = caught.value
    assert (error.message, error.code, error.notes, error.help) == (
        "no such thing",
        "XX0001",
        ("one", "two"),
        "do that",
    )
    with pytest.raises(BuildError, match="No space left on device"):
        asyncio.run(worker.run("fail", {"kind": "full"}))
    with pytest.raises(InternalError, match="ValueError: a bug"):
        asyncio.run(worker.run("fail", {"kind": "bug"}))


def test_an_unknown_job_is_a_bug(worker: Worker) -> None:
    with pytest.raises(InternalError, match="nonsense"):
        worker.run_sync("nonsense", {})


@pytest.mark.parametrize(
    ("args", "message"),
    [({"signal": 9}, "`die` was killed by signal 9"), ({"status": 3}, "`die` ended with status 3")],
)
def test_a_job_that_dies_is_told_from_a_worker_that_dies(worker: Worker, args: dict[str, int], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        worker.run_sync("die", args)
    with pytest.raises(BuildError, match=message):
        asyncio.run(worker.run("die", args))
    assert worker.run_sync("echo", {"a": 1})["args"] == {"a": 1}


class _Started:
    """Collects the pids that a job reports, and knows when it said that it is ready."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.ready = asyncio.Event()

    def event(self, event: dict[str, Any]) -> None:
        if "pid" in event:
            self.pids.append(event["pid"])
        if len(self.pids) >= 5:
            self.ready.set()


async def _cancelled(worker: Worker) -> list[int]:
    started = _Started()
    task = asyncio.create_task(worker.run("processes", {"tied": False}, on_event=started.event))
    await started.ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return started.pids


def test_cancelling_returns_when_every_process_of_the_job_is_gone(worker: Worker, store: Path) -> None:
    pids = asyncio.run(_cancelled(worker))
    assert len(pids) == 5
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert worker.run_sync("echo", {})["read"] == []
    end = time.monotonic() + 5
    while os.listdir(store / "snapshots/.new") and time.monotonic() < end:
        time.sleep(0.02)
    assert os.listdir(store / "snapshots/.new") == []


def test_cancelling_one_job_leaves_the_others(worker: Worker) -> None:
    async def both() -> dict[str, Any]:
        started = _Started()
        other = asyncio.create_task(worker.run("processes", {}, on_event=started.event))
        await started.ready.wait()
        await _cancelled(worker)
        assert [pid for pid in started.pids if not Path(f"/proc/{pid}").exists()] == []
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        return await worker.run("echo", {"still": "there"})

    assert asyncio.run(both())["args"] == {"still": "there"}


def test_a_failing_event_handler_ends_the_job(worker: Worker, survivors: Survivors) -> None:
    pids: list[int] = []

    def handler(event: dict[str, Any]) -> None:
        pids.append(event["pid"])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        worker.run_sync("processes", {}, on_event=handler)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(_run(worker, handler))
    assert len(pids) == 2
    assert survivors(pids) == []


async def _run(worker: Worker, handler: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    return await worker.run("processes", {}, on_event=handler)


def test_what_a_finished_job_leaves_behind_is_killed(worker: Worker, survivors: Survivors) -> None:
    pids: list[int] = []
    assert worker.run_sync("orphans", {}, on_event=lambda event: pids.append(event["pid"])) == {"done": True}
    worker.run_sync("echo", {})
    assert survivors(pids) == []


def test_a_killed_worker_fails_its_jobs_and_the_next_job_starts_another(worker: Worker, survivors: Survivors) -> None:
    async def kill() -> tuple[list[int], BaseException | None]:
        started = _Started()
        task = asyncio.create_task(worker.run("processes", {"tied": True}, on_event=started.event))
        await started.ready.wait()
        os.kill(worker.pid, signal.SIGKILL)
        await asyncio.wait([task])
        return started.pids, task.exception()

    pids, error = asyncio.run(kill())
    assert isinstance(error, BuildError)
    assert error.message == "the worker process was killed by signal 9"
    assert worker.run_sync("echo", {"again": 1})["args"] == {"again": 1}
    assert survivors(pids) == []


def test_closing_kills_what_runs(store: Path, worker: Worker, survivors: Survivors) -> None:
    pids: list[int] = []
    ready = threading.Event()

    def event(event: dict[str, Any]) -> None:
        pids.extend([event["pid"]] if "pid" in event else [])
        if len(pids) >= 5:
            ready.set()

    failures: list[Exception] = []

    def run() -> None:
        try:
            worker.run_sync("processes", {}, on_event=event)
        except BuildError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    pid = worker.pid
    worker.close()
    thread.join()
    assert survivors([pid, *pids]) == []
    assert [str(error) for error in failures] == ["the worker process was closed while the job ran"]
    worker.close()


def test_an_interpreter_that_is_missing_or_lacks_ladle_is_explained(store: Path) -> None:
    with (
        Worker(str(store), options={}, python=["/nonexistent/python"]) as worker,
        pytest.raises(BuildError, match="cannot start the worker process"),
    ):
        worker.run_sync("echo", {})
    with (
        Worker(str(store), options={}, python=[sys.executable, "-I", "-S"]) as worker,
        pytest.raises(BuildError, match="ended with status 1") as caught,
    ):
        worker.run_sync("echo", {})
    assert any("No module named" in note for note in caught.value.notes)


def test_the_worker_inherits_no_descriptor_and_no_secret(
    store: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.setenv("A_TOKEN", "secret")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    with Worker(str(store), options={"jobs": {}, "snapshotter": "x:y"}) as worker:
        worker.run_sync("sweep", {})
        held = [_target(f"/proc/{worker.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{worker.pid}/fd")]
        variables = Path(f"/proc/{worker.pid}/environ").read_bytes()
    assert os.readlink(f"/proc/self/fd/{reader}") not in held
    os.close(reader)
    os.close(writer)
    assert b"A_TOKEN" not in variables
    assert b"PATH=" in variables


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""
