# SPDX-License-Identifier: Apache-2.0
"""When a build collects: before a step, where the disk shows that the cap may be passed, and after the build.

Far from a cap nothing is measured to know when: the free space of the store's file system says how much was written
since the last look, whoever wrote it. As others may free space meanwhile, what was made since the last collection is
counted after a build that may come near the cap. A cached build has no worker, and looks at nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.build.configuration import Configuration
from ladle.core.store.gc import Collected, collect, measure
from ladle.core.store.policies import Policy, configured_policies
from ladle.core.store.usage import made_since

if TYPE_CHECKING:
    from ladle.core.store.gc import Worker
    from ladle.core.store.store import Store

_PAUSE_SECONDS = 60.0
"""The least time between two collections that nothing but time asks for."""
_LAST = "collected"
_SMALLEST_STEP = 1 << 20
_NEAR = 4 << 30
"""How near to a cap what is made is counted."""


def configured(root: str, environ: Mapping[str, str] = os.environ) -> tuple[Policy, ...]:
    """Return the policies that count for a store; raises `BuildError` for a configuration that is not valid."""
    space = os.statvfs(root)
    return configured_policies(Configuration.load(environ).section("gc"), space.f_blocks * space.f_frsize)


class Collector:
    """Keeps a store within its policies while one build writes to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._policies: tuple[Policy, ...] | None = None
        self._free = 0
        self._allowed = 0
        self._busy = False

    async def before(self, worker: Worker) -> None:
        """Collect if so much has been written since the last look that a cap may be passed."""
        if self._policies is None:
            self._policies = configured(self._store.root)
            self._free, self._allowed = self._space(), _SMALLEST_STEP
        if self._busy or not self._caps() or self._free - self._space() < self._allowed:
            return
        await self._collect(worker)

    async def after(self, worker: Worker) -> None:
        """Collect at the end of a build, unless that was done a moment ago and little was written since."""
        await self.before(worker)
        if not self._policies:
            return
        now = time.time()
        last, total = self._last(now)
        if not 0 <= now - last < _PAUSE_SECONDS or await self._passed(worker, last, total):
            await self._collect(worker)

    async def _passed(self, worker: Worker, last: float, total: int) -> bool:
        """Say whether what was made since the last collection passes a cap."""
        cap = min(self._caps(), default=0)
        if not cap or cap - total > _NEAR:
            return False
        await measure(self._store, worker)
        return total + made_since(self._store, last) > cap

    def _last(self, now: float) -> tuple[float, int]:
        """Return when a collection was last made and the bytes that it left; a new store is as if that were now."""
        found = self._store.facts.get(_LAST, "")
        if found is None:
            self._store.facts.put(_LAST, "", f"{now} 0".encode())
            return now, 0
        moment, total = found.split()
        return float(moment), int(total)

    async def _collect(self, worker: Any) -> Collected:
        self._busy = True
        try:
            done = await collect(self._store, worker, self._policies or ())
        finally:
            self._busy = False
        self._store.facts.put(_LAST, "", f"{time.time()} {done.after}".encode())
        self._free = self._space()
        cap = min(self._caps(), default=0)
        self._allowed = max(_SMALLEST_STEP, (cap - done.after) // 2)
        return done

    def _caps(self) -> list[int]:
        return [policy.max_used for policy in self._policies or () if policy.max_used and not policy.filters]

    def _space(self) -> int:
        space = os.statvfs(self._store.root)
        return space.f_bavail * space.f_frsize
