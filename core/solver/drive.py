# SPDX-License-Identifier: Apache-2.0
"""The asyncio driver: one task for each vertex that is looked at, everything independent at the same time.

Tasks wait for each other by `asyncio.wait` only, never by awaiting a task: cancelling goes through awaited tasks by
recursion, which a chain of ten thousand steps would not survive. The first error wins: it cancels every other task, and
the solve ends when all of them, and every execution nobody else waits for, have ended. What was done by then is kept.

Order in which a vertex waits: inputs, content digests, the in-process flight of its key, the lock of that key across
processes, a job slot. Nothing is waited for while holding a job slot, so that few slots cannot block each other.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.solver.decide import Ask, Digest, Hit, Need, decide
from ladle.core.solver.flights import Flight, Flights
from ladle.core.solver.plan import Hits, Plan, touch

if TYPE_CHECKING:
    from ladle.core.api.records import Record
    from ladle.core.solver.api import CacheIndex, Edge, Reporter, RunnerFactory, SingleFlight, VertexView
    from ladle.core.solver.state import VertexState

    Records = Mapping[int, Record]

_FIRST_POLL = 0.005
_LAST_POLL = 0.1


class Outcome:
    """What an execution gave: records of the outputs, and whether somebody else had made them by then."""

    __slots__ = ("found", "records")

    def __init__(self, records: Records, *, found: bool) -> None:
        self.records = records
        self.found = found


class Crew:
    """What solves on one event loop share: the executions that are going on, and the slots for running ops."""

    def __init__(self, jobs: int = 0) -> None:
        self.flights: Flights[Outcome] = Flights()
        self.slots = asyncio.Semaphore(jobs if jobs > 0 else max(16, 4 * (os.cpu_count() or 1)))


async def solve(
    graph: Mapping[str, VertexView],
    targets: Iterable[Edge],
    factory: RunnerFactory,
    cache: CacheIndex,
    reporter: Reporter,
    *,
    jobs: int = 0,
    single_flight: SingleFlight | None = None,
    crew: Crew | None = None,
) -> dict[Edge, Record]:
    """Return the records of the targets, running what is missing. Cancel it to stop; it then ends when all has ended.

    `jobs` limits how many ops run at a time (0: a limit that only keeps the machine alive). Solves that are given
    the same `crew`, on one loop, share executions and slots.
    """
    plan = Plan(graph, targets, factory, reporter)
    return await Solve(plan, cache, crew or Crew(jobs), single_flight).run()


class Solve:
    """One request: a task for each vertex it looks at."""

    def __init__(self, plan: Plan, cache: CacheIndex, crew: Crew, single_flight: SingleFlight | None) -> None:
        self._plan = plan
        self._cache = cache
        self._crew = crew
        self._single_flight = single_flight
        self._hits = Hits(plan)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._done: dict[str, Records] = {}
        self._abandoned: set[asyncio.Task[Outcome]] = set()
        self._failure: BaseException | None = None
        self._stopping = False

    async def run(self) -> dict[Edge, Record]:
        """Solve the plan."""
        await asyncio.to_thread(self._plan.prepare)
        targets = {digest for digest, _ in self._plan.targets}
        try:
            if targets:
                await asyncio.wait([self._task(digest) for digest in sorted(targets)])
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure
        touch(self._cache, self._done)
        return self._plan.result(self._done)

    def _task(self, digest: str) -> asyncio.Task[None]:
        task = self._tasks.get(digest)
        if task is None:
            self._hits.claim(digest)
            task = self._tasks[digest] = asyncio.create_task(self._vertex(digest))
            task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error: BaseException | None = None if task.cancelled() else task.exception()
        if task.cancelled() and not self._stopping:  # an op that cancelled itself ends the solve all the same
            error = asyncio.CancelledError()
        if error is None:
            return
        if self._failure is None:
            self._failure = error
        self._cancel_all()

    def _cancel_all(self) -> None:
        self._stopping = True
        for task in list(self._tasks.values()):
            task.cancel()

    async def _stop(self) -> None:
        """Cancel what is left and wait until all of it has ended, even when cancelled meanwhile."""
        self._cancel_all()
        canceled: asyncio.CancelledError | None = None
        while left := [task for task in (*self._tasks.values(), *self._abandoned) if not task.done()]:
            try:
                await asyncio.wait(left)
            except asyncio.CancelledError as error:
                canceled = error
        if canceled is not None:
            raise canceled

    async def _vertex(self, digest: str) -> None:
        state = self._plan.state(digest)
        try:
            records = await self._resolve(state)
        except Exception as error:
            self._plan.reporter.failed(digest, error)
            raise
        self._done[digest] = records

    async def _resolve(self, state: VertexState) -> Records:
        """Do what `decide` says until the vertex is there."""
        while True:
            decision = decide(state.known)
            if isinstance(decision, Hit):
                self._hits.hit(state.vertex.digest)
                return decision.records
            if isinstance(decision, Ask):
                state.ask(decision.by, self._cache)
            elif isinstance(decision, Need):
                await self._need(state, decision.inputs)
            elif isinstance(decision, Digest):
                await self._digest(state, decision.inputs)
            else:
                return await self._execute(state)

    async def _need(self, state: VertexState, indexes: Sequence[int]) -> None:
        edges = {index: state.vertex.inputs[index] for index in indexes}
        if self._stopping:
            raise asyncio.CancelledError
        await asyncio.wait({self._task(digest) for digest, _ in edges.values()})
        for index, (digest, output) in edges.items():
            if digest not in self._done:  # it failed or was cancelled, and so is this
                raise asyncio.CancelledError
            state.known.records[index] = self._done[digest][output]

    async def _digest(self, state: VertexState, indexes: Sequence[int]) -> None:
        async def one(index: int) -> None:
            record = state.known.records[index]
            if record is not None:
                known = state.runner.content_known(index, record.result)
                state.known.contents[index] = known or await state.runner.content(index, record.result)

        await _together([one(index) for index in indexes])

    async def _execute(self, state: VertexState) -> Records:
        digest, reporter = state.vertex.digest, self._plan.reporter
        given = state.keep_given(self._cache)
        if given is not None:
            reporter.started(digest)
            reporter.completed(digest)
            return given
        # no-cache is part of a request's identity: such an execution is shared with nobody
        key = (id(self._cache), object() if state.known.ignore_cache else state.run_key(), state.vertex.fresh_since)
        leader = not self._crew.flights.flying(key)
        flight = self._crew.flights.join(key, lambda flight: self._fly(state, flight))
        outcome = await self._await(state, flight)
        if not outcome.records.keys() >= set(state.wanted):  # its leader wanted fewer outputs, and found them
            return await self._execute(state)
        if not leader:
            state.adopt(outcome.records, self._cache)
        if outcome.found:
            self._hits.hit(digest)
        else:
            reporter.completed(digest)
        return outcome.records

    async def _await(self, state: VertexState, flight: Flight[Outcome]) -> Outcome:
        digest, reporter = state.vertex.digest, self._plan.reporter

        def begin() -> None:
            reporter.started(digest)

        flight.listen(begin)
        try:
            await asyncio.wait({flight.task})
        finally:
            flight.forget(begin)
            if flight.begun and not flight.task.done():
                reporter.canceled(digest)
            left = self._crew.flights.leave(flight)
            if left is not None:
                self._abandoned.add(left)
        return flight.task.result()

    async def _fly(self, state: VertexState, flight: Flight[Outcome]) -> Outcome:
        """Run an op under the lock of its key, unless another process has just made its result."""
        if self._single_flight is None or state.known.ignore_cache:
            return await self._run_op(state, flight)
        lock = self._single_flight(state.run_key().hex())
        delay = _FIRST_POLL
        while not lock.try_enter():
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LAST_POLL)
        try:
            found = state.ask_again(self._cache)
            return Outcome(found, found=True) if found else await self._run_op(state, flight)
        finally:
            lock.leave()

    async def _run_op(self, state: VertexState, flight: Flight[Outcome]) -> Outcome:
        inputs = [record.result for record in state.known.records if record is not None]
        async with self._crew.slots:
            flight.begin()
            results = await state.runner.run(inputs)
        return Outcome(state.keep(results, self._cache), found=False)


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run some coroutines at the same time; the first error cancels the others, and is raised when they have ended."""
    if len(work) == 1:
        await work[0]
        return
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
