# SPDX-License-Identifier: Apache-2.0
"""Blocking work beside the event loop: in daemon threads, so that nothing waits for them when a build is stopped.

asyncio is imported by who is inside a loop already: 60 modules that a build whose steps are all cached has no use for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

    from ladle.core.api.services import Services

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread of its own and return its result.

    A cancelled wait leaves the thread to itself: work that takes long watches an event that its caller sets.
    """
    import asyncio
    import threading

    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(value: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)  # type: ignore[arg-type]

    def run() -> None:
        value: T | None = None
        failure: BaseException | None = None
        try:
            value = work()
        except BaseException as error:
            failure = error
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, value, failure)

    threading.Thread(target=run, name="ladle-work", daemon=True).start()
    return await future


@asynccontextmanager
async def flight(services: Services, key: str) -> AsyncIterator[None]:
    """Be the only one on this store who is inside for a key, without blocking the loop while another one is."""
    import asyncio

    guard = services.single_flight(key)
    entering = asyncio.ensure_future(in_thread(guard.__enter__))
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        entering.add_done_callback(lambda done: _leave(done, guard.__exit__))
        raise
    try:
        yield
    finally:
        guard.__exit__(None, None, None)


def _leave(done: asyncio.Future[None], leave: Callable[[None, None, None], object]) -> None:
    """Give up a flight that was reached only after nobody wanted it any more."""
    if not done.cancelled() and done.exception() is None:
        leave(None, None, None)
