# SPDX-License-Identifier: Apache-2.0
"""The engine's thread and its worker: neither exists before it is needed, and both end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.build.worker_thread import EngineThread, LazyWorker


class Recorded:
    """A worker that records its jobs; `gate` holds back the first sweep, `broken` lets it fail."""

    made: list[Recorded]
    broken = False

    def __init__(self, root: str, *, options: dict[str, Any]) -> None:
        self.root, self.options = root, options
        self.jobs: list[str] = []
        self.closed = 0
        Recorded.made.append(self)

    async def run(self, job: str, args: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.jobs.append(f"{job} begins")
        await asyncio.sleep(0.01)
        if job == "sweep" and Recorded.broken:
            raise OSError("no")
        self.jobs.append(f"{job} ends")
        return {"job": job, **args}

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """Put the recording worker in place of the real one; returns those that are made."""
    monkeypatch.setattr("ladle.core.worker.client.Worker", Recorded)
    monkeypatch.setattr(Recorded, "made", [], raising=False)
    monkeypatch.setattr(Recorded, "broken", False)
    return Recorded.made


def store(*left: str) -> Any:
    swept: list[Any] = []
    return SimpleNamespace(root="/store", sweep_list=lambda: list(left), swept=swept.append, gone=swept)


@pytest.fixture
def engine() -> Iterator[EngineThread]:
    """Return an engine over nothing."""
    registry: Any = SimpleNamespace(target=lambda kind, name: f"{kind}/{name}")
    made = EngineThread(store(), registry, executors=[("oci", "x:y")])
    yield made
    made.close()


def test_a_worker_is_made_at_the_first_job(recorded: list[Recorded]) -> None:
    worker = LazyWorker(store(), lambda: {"snapshotter": "s"})
    worker.close()
    assert recorded == []
    assert asyncio.run(worker.run("digest", {"a": 1})) == {"job": "digest", "a": 1}
    asyncio.run(worker.run("diff", {}))
    assert [(made.root, made.options) for made in recorded] == [("/store", {"snapshotter": "s"})]
    worker.close()
    worker.close()
    assert recorded[0].closed == 1


def test_what_was_left_goes_before_any_job(recorded: list[Recorded]) -> None:
    place = store("s1", "s2")
    worker = LazyWorker(place, dict)

    async def several() -> None:
        await asyncio.gather(*(worker.run("digest", {}) for _ in range(4)))

    asyncio.run(several())
    (made,) = recorded
    assert made.jobs[:5] == ["sweep begins", "sweep ends", "remove begins", "remove ends", "digest begins"]
    assert made.jobs.count("digest ends") == 4
    assert place.gone == [["s1", "s2"]]


def test_a_worker_that_cannot_clean_up_is_ended_and_made_anew(recorded: list[Recorded]) -> None:
    worker = LazyWorker(store(), dict)
    Recorded.broken = True
    with pytest.raises(OSError, match="no"):
        asyncio.run(worker.run("digest", {}))
    Recorded.broken = False
    asyncio.run(worker.run("digest", {}))
    assert [made.closed for made in recorded] == [1, 0]
    assert recorded[1].jobs[-1] == "digest ends"


def test_nothing_runs_before_the_first_call(engine: EngineThread) -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "engine"]


def test_calls_give_their_result_or_their_error(engine: EngineThread) -> None:
    async def where() -> str:
        return threading.current_thread().name

    async def fail() -> None:
        raise KeyError("inside")

    assert engine.call(where()) == engine.call(where()) == "engine"
    with pytest.raises(KeyError, match="inside"):
        engine.call(fail())
    assert len([thread for thread in threading.enumerate() if thread.name == "engine"]) == 1
    engine.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "engine"]
    engine.close()


def test_ctrl_c_waits_until_everything_is_gone(engine: EngineThread) -> None:
    ended: list[str] = []

    async def step(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.append(name)

    async def build() -> None:
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        await asyncio.gather(step("a"), step("b"))

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        engine.call(build())
    assert sorted(ended) == ["a", "b"]
    assert time.monotonic() - before < 30


def test_the_worker_is_told_the_plugins(engine: EngineThread, recorded: list[Recorded]) -> None:
    engine.call(engine.worker.run("probe", {}))
    assert recorded[0].options["snapshotter"] == "snapshotter/overlay"
    assert recorded[0].options["executors"] == [["oci", "x:y"]]
    engine.close()
    assert recorded[0].closed == 1
