# SPDX-License-Identifier: Apache-2.0
"""Blocking work beside the loop, and locks that do not block it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.build.threads import flight, in_thread


class Lock:
    """A single flight over one lock; counts who came and went."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.left = 0

    @contextmanager
    def __call__(self, key: str) -> Iterator[None]:
        with self.lock:
            yield
        self.left += 1


def services(lock: Lock) -> Any:
    return SimpleNamespace(single_flight=lock)


def test_work_gives_its_result_or_its_error() -> None:
    assert asyncio.run(in_thread(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(lambda: 1 // 0))


def test_the_loop_goes_on_while_work_blocks() -> None:
    gate = threading.Event()

    async def both() -> bool:
        waiting = asyncio.ensure_future(in_thread(lambda: gate.wait(20)))
        await asyncio.sleep(0.01)
        gate.set()
        return await waiting

    assert asyncio.run(both())


def test_a_cancelled_wait_does_not_wait_for_the_thread() -> None:
    gate = threading.Event()

    async def cancelled() -> None:
        waiting = asyncio.ensure_future(in_thread(lambda: gate.wait(20)))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())
    gate.set()


def test_one_at_a_time_is_inside() -> None:
    lock = Lock()
    inside = most = 0

    async def one() -> None:
        nonlocal inside, most
        async with flight(services(lock), "key"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.005)
            inside -= 1

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(12)))

    asyncio.run(many())
    assert (most, lock.left) == (1, 12)


def test_a_flight_is_left_when_the_work_fails() -> None:
    lock = Lock()

    async def fail() -> None:
        async with flight(services(lock), "key"):
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        asyncio.run(fail())
    assert not lock.lock.locked()


def test_a_flight_that_nobody_wants_any_more_is_given_up() -> None:
    lock = Lock()

    async def cancelled() -> None:
        lock.lock.acquire()
        task = asyncio.ensure_future(flight(services(lock), "key").__aenter__())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        lock.lock.release()
        for _ in range(400):
            if lock.left:
                break
            await asyncio.sleep(0.005)

    asyncio.run(cancelled())
    assert lock.left == 1
    assert not lock.lock.locked()
