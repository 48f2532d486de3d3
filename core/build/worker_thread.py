# SPDX-License-Identifier: Apache-2.0
"""The engine's own thread: an asyncio loop for the solver's driver, the exporters and the worker's messages.

Neither the thread nor asyncio nor the worker exists before the first thing has to run; a cached build has none of them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    import threading
    from concurrent.futures import Future

    from ladle.core.build.collecting import Collector
    from ladle.core.build.graph import Graph
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.registry import Registry
    from ladle.core.store.store import Store

T = TypeVar("T")
_WRITING = frozenset(["exec", "file", "apply"])
"""The jobs that write layers."""
_DISK = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
"""What the disk of the store may say at any moment, wherever we write to it."""


class LazyWorker:
    """Implements `ladle.core.api.services.Worker`: makes the real one at the first job.

    A new worker first removes what builds left that were killed.
    """

    def __init__(self, store: Store, options: Callable[[], Mapping[str, Any]]) -> None:
        self._store = store
        self._options = options
        self._worker: Any = None
        self._collector: Collector | None = None
        self._starting: asyncio.Lock | None = None

    async def run(
        self,
        job: str,
        args: dict[str, Any],
        *,
        fds: Sequence[int] = (),
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Run one job to its end."""
        worker = self._worker or await self._started()
        if self._collector is not None and job in _WRITING:
            await self._collector.before(worker)
        result: dict[str, Any] = await worker.run(job, args, fds=fds, on_event=on_event)
        return result

    async def _started(self) -> Any:
        """Return the worker, started and cleaned up after; jobs that come meanwhile wait for that."""
        import asyncio

        self._starting = self._starting or asyncio.Lock()
        async with self._starting:
            if self._worker is None:
                from ladle.core.worker.client import Worker

                worker = Worker(self._store.root, options=dict(self._options()))
                try:
                    await self._clean(worker)
                except BaseException:
                    worker.close()
                    raise
                self._worker = worker
        return self._worker

    async def _clean(self, worker: Any) -> None:
        from ladle.core.build.collecting import Collector

        self._collector = Collector(self._store)
        await worker.run("sweep", {})
        left = self._store.sweep_list()
        if left:
            await worker.run("remove", {"snapshots": left})
            self._store.swept(left)

    @property
    def started(self) -> bool:
        """Whether there is a worker process, and so perhaps something new in the store."""
        return self._worker is not None

    async def collect(self) -> None:
        """Keep the store within its policies now that a build has ended, if it has written anything."""
        if self._worker is not None and self._collector is not None:
            await self._collector.after(self._worker)

    def close(self) -> None:
        """End the worker process, if there is one."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None


class EngineThread:
    """Runs coroutines on a thread of its own, from the thread of the command line."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        executors: Sequence[tuple[str, str]],
        snapshotter: str = "overlay",
        path: Sequence[str] = (),
    ) -> None:
        """`path`: the directories that strangers' executors and snapshotters are installed in."""
        self._registry = registry
        self._snapshotter = snapshotter
        self._path = list(path)
        self._executors = executors
        self._root = store.root
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.worker = LazyWorker(store, self._options)

    def _options(self) -> Mapping[str, Any]:
        return {
            "snapshotter": self._registry.target("snapshotter", self._snapshotter),
            "executors": [list(pair) for pair in self._executors],
            "path": self._path,
        }

    def solve(
        self,
        graph: Graph,
        targets: Sequence[tuple[str, int]],
        cache: Any,
        reporter: BuildReporter,
        store: Store,
        jobs: int,
    ) -> Any:
        """Solve by the concurrent driver; returns the records of the targets."""
        from ladle.core.solver.drive import solve

        return self.call(
            solve(
                graph.vertices,
                targets,
                graph.runner,
                cache,
                reporter,
                jobs=jobs,
                single_flight=store.single_flight,
            )
        )

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine and return its future, to be waited for on the thread of the command line."""
        import asyncio
        import threading

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end. Ctrl-C cancels it, waits until all that it started is gone, and is raised."""
        future = None
        try:
            future = self.start(work)
            return future.result()
        except KeyboardInterrupt:
            self._cancel(future)
            raise
        except OSError as error:
            if error.errno not in _DISK:
                raise
            from ladle.core.store.errors import from_os

            raise from_os(self._root, error) from error

    def _cancel(self, future: Any) -> None:
        """Cancel what runs, also what was only just handed over, and wait until it is gone."""
        import asyncio
        from concurrent.futures import CancelledError

        if future is not None:
            future.cancel()

        async def settled() -> None:
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others if future is None else ():
                task.cancel()
            await asyncio.wait(others, timeout=15) if others else None

        if self._loop is not None:
            try:
                asyncio.run_coroutine_threadsafe(settled(), self._loop).result(timeout=20)
            except (CancelledError, TimeoutError):
                return

    def close(self) -> None:
        """End the worker and the thread."""
        self.worker.close()
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=10)
            self._loop.close()
            self._loop = None
