# SPDX-License-Identifier: Apache-2.0
"""What the solver is given: a graph, runners for its vertices, a cache, a reporter, and a lock across processes.

Only protocols; the solver imports nothing that knows files, containers, a clock or a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ladle.core.api.records import Key, Record

if TYPE_CHECKING:
    from ladle.core.api.records import Result

__all__ = [
    "CacheIndex",
    "Edge",
    "Flight",
    "InputUse",
    "Key",
    "Record",
    "Reporter",
    "Runner",
    "RunnerFactory",
    "VertexView",
]

Edge = tuple[str, int]
"""Digest of a vertex and number of one of its outputs."""


class VertexView(Protocol):
    """A vertex as the solver sees it."""

    @property
    def digest(self) -> str:
        """Its address in the graph."""

    @property
    def name(self) -> str:
        """How people know it: kept beside its record, in no key."""

    @property
    def inputs(self) -> Sequence[Edge]:
        """The edges that it reads."""

    @property
    def ignore_cache(self) -> bool:
        """Run it whatever the cache holds (`no-cache`)."""

    @property
    def fresh_since(self) -> float:
        """Results made before this time are too old for it (`cache-ttl`); 0 where age does not count."""


class InputUse(NamedTuple):
    """How a vertex uses an input: as it is, or (`by_content`) only by the content that `selectors` pick from it."""

    by_content: bool
    selectors: Any = ()


class Runner(Protocol):
    """One vertex of one build: what identifies it, how it is run. All but `pin`, `content` and `run` is cheap.

    One with a true `PASSES_ON` makes nothing of its own: where its result is what it was, so is the record, and what
    stands on it is cached.
    """

    def key_parts(self) -> Mapping[str, object]:
        """Return the fields that identify the op beside its inputs: None, bool, int, str, bytes, lists and maps."""

    def pin(self) -> tuple[str, tuple[str, ...]] | None:
        """Return a root's identity and aliases of it (equal only for equal trees), None for an op. May do I/O."""

    def given(self) -> Sequence[Result] | None:
        """Return the outputs of a root whose tree lies ready outside of the store (a scanned directory), else None.

        Such results hold for this build only: the cache keeps their identity, never what they say.
        """

    def uses(self) -> Sequence[InputUse]:
        """Return how each input is used."""

    def content_known(self, index: int, result: Result) -> str | None:
        """Return the digest of what is used of an input where that needs no waiting, else None."""

    async def content(self, index: int, result: Result) -> str:
        """Return the digest of what is used of an input."""

    async def run(self, inputs: Sequence[Result]) -> Sequence[Result]:
        """Run the op on its inputs; returns one result for each of its outputs. Cancelling ends what it started."""


RunnerFactory = Callable[[str], Runner]


class CacheIndex(Protocol):
    """Records by their keys. Called by several threads; each call is short."""

    def lookup(self, keys: Sequence[Key], since: float = 0.0) -> Record | None:
        """Return the newest usable record under the first key that has one; drops those that are not usable.

        Records made before `since` are passed over.
        """

    def add(self, result: Result, keys: Sequence[Key], parts: Mapping[str, object]) -> Record:
        """Make a record under some keys; `parts` is what the keys were made from."""

    def alias(self, record: Record, keys: Sequence[Key]) -> None:
        """Let further keys find a record."""

    def touch(self, records: Sequence[Record]) -> None:
        """Say that records have been used."""


class Reporter(Protocol):
    """Told what becomes of each vertex, by its digest."""

    def started(self, digest: str) -> None:
        """It began to run."""

    def cached(self, digest: str) -> None:
        """It need not run. It may start all the same when another step needs it and its own record is gone."""

    def completed(self, digest: str) -> None:
        """It has run."""

    def failed(self, digest: str, error: BaseException) -> None:
        """It has failed."""

    def canceled(self, digest: str) -> None:
        """It was running and was stopped."""


class Flight(Protocol):
    """A lock across processes for one key."""

    def try_enter(self) -> bool:
        """Enter if nobody is inside; never waits."""

    def leave(self) -> None:
        """Let the next one enter."""


SingleFlight = Callable[[str], Flight]
