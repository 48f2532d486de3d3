# SPDX-License-Identifier: Apache-2.0
"""Fakes for the solver's tests: ops that count, a cache in memory, a reporter that keeps what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.records import Record
from ladle.core.solver.api import InputUse

Result = Mapping[str, Any]


@dataclass
class Op:
    """A vertex and its runner in one. `make(*inputs)` gives its value; the default names its inputs."""

    digest: str
    inputs: tuple[tuple[str, int], ...] = ()
    ignore_cache: bool = False
    fresh_since: float = 0.0
    pinned: tuple[str, tuple[str, ...]] | None = None
    tree: str | None = None
    content_inputs: tuple[int, ...] = ()
    outputs: int = 1
    make: Callable[..., str] | None = None
    pause: float = 0.0
    error: BaseException | None = None
    op: str = ""
    synchronous: bool = True
    runs: int = 0
    ended: int = 0
    canceled: int = 0
    pins: int = 0
    digests: int = 0
    gate: asyncio.Event | None = None
    running: Callable[[int], None] = field(default=lambda change: None)

    @property
    def name(self) -> str:
        return f"op {self.digest}"

    def key_parts(self) -> Mapping[str, object]:
        return {"op": self.op or self.digest}

    def pin(self) -> tuple[str, tuple[str, ...]] | None:
        self.pins += 1
        return self.pinned

    def given(self) -> Sequence[Result] | None:
        return None if self.tree is None else [{"value": self.tree}] * self.outputs

    def uses(self) -> Sequence[InputUse]:
        return [InputUse(by_content=index in self.content_inputs) for index in range(len(self.inputs))]

    def content_known(self, index: int, result: Result) -> str | None:
        return self._content(result) if self.synchronous else None

    async def content(self, index: int, result: Result) -> str:
        await asyncio.sleep(0)
        return self._content(result)

    def _content(self, result: Result) -> str:
        self.digests += 1
        return f"content of {result['value']}"

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        self.runs += 1
        self.running(1)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(self.pause)
            if self.error is not None:
                raise self.error
        except asyncio.CancelledError:
            self.canceled += 1
            await asyncio.sleep(0.01)
            raise
        finally:
            self.running(-1)
            self.ended += 1
        values = [each["value"] for each in inputs]
        value = self.make(*values) if self.make else f"{self.op or self.digest}({','.join(values)})"
        return [{"value": value if self.outputs == 1 else f"{value}#{index}"} for index in range(self.outputs)]


class MemoryCache:
    """A cache index in memory."""

    def __init__(self) -> None:
        self.keys: dict[bytes, list[Record]] = {}
        self.parts: dict[int, Mapping[str, object]] = {}
        self.lookups = 0
        self.now = 0.0
        self.aliases = 0
        self.gone: set[int] = set()
        self.touched: list[int] = []

    def lookup(self, keys: Sequence[bytes], since: float = 0.0) -> Record | None:
        self.lookups += 1
        for key in keys:
            for record in reversed(self.keys.get(key, [])):
                if record.id not in self.gone and record.created >= since:
                    return record
        return None

    def add(self, result: Result, keys: Sequence[bytes], parts: Mapping[str, object]) -> Record:
        record = Record(len(self.parts) + 1, dict(result), self.now)
        self.parts[record.id] = parts
        for key in keys:
            self.keys.setdefault(key, []).append(record)
        return record

    def alias(self, record: Record, keys: Sequence[bytes]) -> None:
        for key in keys:
            if record.id not in [each.id for each in self.keys.get(key, [])]:
                self.aliases += 1
                self.keys.setdefault(key, []).insert(0, record)

    def touch(self, records: Sequence[Record]) -> None:
        self.touched.extend(record.id for record in records)


class Told:
    """A reporter that keeps what it was told, as (what, digest)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, digest: str) -> None:
        self.events.append(("started", digest))

    def cached(self, digest: str) -> None:
        self.events.append(("cached", digest))

    def completed(self, digest: str) -> None:
        self.events.append(("completed", digest))

    def failed(self, digest: str, error: BaseException) -> None:
        self.events.append(("failed", digest))

    def canceled(self, digest: str) -> None:
        self.events.append(("canceled", digest))

    def of(self, what: str) -> list[str]:
        return [digest for kind, digest in self.events if kind == what]


class Graph(dict[str, Op]):
    """Ops by digest."""

    def __init__(self, *ops: Op) -> None:
        super().__init__({op.digest: op for op in ops})

    def __getattr__(self, name: str) -> Op:
        return self[name]

    def runs(self) -> dict[str, int]:
        return {digest: op.runs for digest, op in self.items() if op.runs}


def op(digest: str, *inputs: str | tuple[str, int], **fields: Any) -> Op:
    """Return an op; inputs without a number mean output 0."""
    edges = tuple((each, 0) if isinstance(each, str) else each for each in inputs)
    return Op(digest, edges, **fields)


def root(digest: str, pin: str, *aliases: str, **fields: Any) -> Op:
    """Return a root."""
    return Op(digest, pinned=(pin, aliases), **fields)


def solve(graph: Graph, *targets: str, cache: MemoryCache, **options: Any) -> dict[str, Record]:
    """Solve on a loop of its own; returns records by digest of the target."""
    from ladle.core.solver.drive import solve as drive

    reporter = options.pop("reporter", None) or Told()
    edges = [(target, 0) for target in targets]
    done = asyncio.run(drive(graph, edges, graph.__getitem__, cache, reporter, **options))
    return {digest: record for (digest, _), record in done.items()}


def solve_cached(graph: Graph, *targets: str, cache: MemoryCache, reporter: Told | None = None) -> Any:
    """Ask the plain driver; returns records by digest of the target, or None."""
    from ladle.core.solver.loop import solve_cached as plain

    done = plain(graph, [(target, 0) for target in targets], graph.__getitem__, cache, reporter or Told())
    return None if done is None else {digest: record for (digest, _), record in done.items()}


@pytest.fixture
def cache() -> MemoryCache:
    """Return an empty cache."""
    return MemoryCache()


@pytest.fixture
def told() -> Told:
    """Return a reporter."""
    return Told()


@pytest.fixture
def fakes() -> SimpleNamespace:
    """Return the fakes, as test modules cannot import this one."""
    return SimpleNamespace(
        Graph=Graph, MemoryCache=MemoryCache, Op=Op, Told=Told, op=op, root=root, solve=solve, solve_cached=solve_cached
    )
