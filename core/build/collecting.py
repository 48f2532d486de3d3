# SPDX-License-Identifier: Apache-2.0
"""When a build collects: before a step, where the disk shows that the cap may be passed, and after the build.

Nothing is measured to know when: the free space of the store's file system says how much was written since the last
look, whoever wrote it. A cached build has no worker, and looks at nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.build.configuration import Configuration
from ladle.core.store.gc import Collected, collect
from ladle.core.store.policies import Policy, configured_policies

if TYPE_CHECKING:
    from ladle.core.store.gc import Worker
    from ladle.core.store.store import Store

_PAUSE_SECONDS = 60.0
"""The least time between two collections that nothing but time asks for."""
_LAST = "collected"
_SMALLEST_STEP = 1 << 20


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
        now = time.time()
        if self._policies and not 0 <= now - self._last(now) < _PAUSE_SECONDS:
            await self._collect(worker)

    def _last(self, now: float) -> float:
        """Return when a collection was last made; a new store is as if that were now."""
        found = self._store.facts.get(_LAST, "")
        if found is None:
            self._store.facts.put(_LAST, "", str(now).encode())
            return now
        return float(found)

    async def _collect(self, worker: Any) -> Collected:
        self._busy = True
        try:
            done = await collect(self._store, worker, self._policies or ())
        finally:
            self._busy = False
        self._store.facts.put(_LAST, "", str(time.time()).encode())
        self._free = self._space()
        cap = min(self._caps(), default=0)
        self._allowed = max(_SMALLEST_STEP, (cap - done.after) // 2)
        return done

    def _caps(self) -> list[int]:
        return [policy.max_used for policy in self._policies or () if policy.max_used and not policy.filters]

    def _space(self) -> int:
        space = os.statvfs(self._store.root)
        return space.f_bavail * space.f_frsize
