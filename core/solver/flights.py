# SPDX-License-Identifier: Apache-2.0
"""Single flight in one event loop: requests that need the same key share one execution.

An execution is a task of its own, so that it belongs to no request: cancelling one leaves it to the others, and it
is cancelled when the last one goes. Nobody joins an execution that is being cancelled: who asks next waits for its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """One execution and the number of requests that wait for it."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.waiting = 0
        self.task: asyncio.Task[T]
        self.begun = False
        self._listeners: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Say that it really runs now, after whatever it had to wait for."""
        self.begun = True
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call when it begins, or now if it has begun."""
        if self.begun:
            listener()
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Undo `listen`."""
        self._listeners.remove(listener)


class Flights(Generic[T]):
    """The executions that are going on, by key."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, Flight[T]] = {}
        self._landing: dict[Hashable, asyncio.Task[T]] = {}

    def join(self, key: Hashable, work: Callable[[Flight[T]], Awaitable[T]]) -> Flight[T]:
        """Return the execution of a key, started if there is none. Each `join` is followed by one `leave`."""
        flight = self._flying.get(key)
        if flight is None:
            flight = self._flying[key] = Flight(key)
            flight.task = asyncio.create_task(self._fly(flight, self._landing.get(key), work))
        flight.waiting += 1
        return flight

    def flying(self, key: Hashable) -> bool:
        """Say whether an execution of a key is there to be joined."""
        return key in self._flying

    def leave(self, flight: Flight[T]) -> asyncio.Task[T] | None:
        """Stop waiting; the last one to leave cancels what has not ended, and gets the task to await its end."""
        flight.waiting -= 1
        if flight.waiting:
            return None
        if self._flying.get(flight.key) is flight:
            del self._flying[flight.key]
        if flight.task.done():
            return None
        self._landing[flight.key] = flight.task
        flight.task.add_done_callback(lambda task: self._landed(flight.key, task))
        flight.task.cancel()
        return flight.task

    async def _fly(
        self, flight: Flight[T], before: asyncio.Task[T] | None, work: Callable[[Flight[T]], Awaitable[T]]
    ) -> T:
        if before is not None:
            await asyncio.wait({before})
        return await work(flight)

    def _landed(self, key: Hashable, task: asyncio.Task[T]) -> None:
        if self._landing.get(key) is task:
            del self._landing[key]
        if not task.cancelled():
            task.exception()
