# SPDX-License-Identifier: Apache-2.0
"""What the engine offers to its plugins: the store, the worker, the session and the reporter, as small interfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from ladle.llb.values import dataclass

if TYPE_CHECKING:
    import asyncio


class Blobs(Protocol):
    """Content by `sha256:` digest, verified when written. The directory is a valid OCI layout's `blobs/`."""

    def path(self, digest: str) -> str:
        """Return where the blob is or would be; raises `BuildError` for a malformed digest."""

    def has(self, digest: str) -> bool:
        """Say whether the blob is there, whole; it then stays for as long as this process lives.

        One that was changed since it was adopted is removed if it is not.
        """

    def examine(self, digest: str) -> bool:
        """Read a blob through, and remove it if it is damaged. Says whether it is there then."""

    def read(self, digest: str, *, limit: int = 16 << 20) -> bytes:
        """Return a small blob's bytes, verified; raises `BuildError` if absent, larger than `limit` or damaged."""

    def put(self, data: bytes) -> str:
        """Store bytes and return their digest."""

    def temporary(self) -> str:
        """Return a fresh path on the same file system to write a blob to before `adopt`."""

    def adopt(self, path: str, digest: str) -> None:
        """Move a finished, already verified file in under its digest (fsync, rename)."""


class Snapshots(Protocol):
    """Layer directories by short id, and what is known of each."""

    def allocate(self) -> str:
        """Return a fresh id, leased to this process until committed or the process dies."""

    def commit(self, snapshot: str, *, diff_id: str = "", base: bool = False) -> None:
        """Say that the worker has renamed the directory into place; `base`: it came from an image as it is.

        It stays for as long as this process lives, and then until a collection takes it.
        """

    def hold(self, snapshots: Sequence[str]) -> bool:
        """Keep committed snapshots for as long as this process lives; says whether all of them are there."""

    def is_base(self, snapshot: str) -> bool:
        """Say whether the layer came from an image as it is (its timestamps are never rewritten)."""

    def maker(self, snapshot: str) -> str:
        """Return the name of the step that made a layer, "" if none is known. Slow: for messages only."""

    def blob(self, snapshot: str, variant: str) -> Mapping[str, Any] | None:
        """Return the layer as a blob in a variant ("gzip", "zstd:3", "gzip@epoch=1700000000"), None if not made yet.

        The mapping has `digest`, `size`, `media_type`, `diff_id`.
        """

    def set_blob(self, snapshot: str, variant: str, descriptor: Mapping[str, Any]) -> None:
        """Remember a layer's blob."""


class Facts(Protocol):
    """Small persistent facts by kind and key: compiled results, resolved tags, content digests, receipts."""

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None."""

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Store a value, replacing an earlier one."""


class Agent(Protocol):
    """An ssh agent that steps may use; who speaks with it never gets a key."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client to its end; raises `OSError` if the agent cannot be reached."""


class Session(Protocol):
    """What belongs to the person who asked, reached by name (DESIGN section 9)."""

    def local(self, name: str) -> str:
        """Return the absolute directory of a local context; `BuildError` for an unknown name."""

    def layout(self, name: str) -> str:
        """Return the absolute directory of an OCI layout; `BuildError` for an unknown name."""

    def secret(self, id: str) -> bytes | None:
        """Return a secret's bytes (at most 500 KB), None if it was not given."""

    def secrets(self) -> Sequence[bytes]:
        """Return the values of all secrets, which no output of a step may show."""

    def agent(self, id: str) -> Agent | None:
        """Return an ssh agent, None if it was not given."""


class Worker(Protocol):
    """The worker process (`ladle.core.worker.client.Worker`): started at first need."""

    async def run(
        self,
        job: str,
        args: dict[str, Any],
        *,
        fds: Sequence[int] = (),
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Run one job to its end; cancelling the task kills everything that the job started."""


class Reporter(Protocol):
    """Where progress goes; `id` names a vertex (its digest) or an export (its name)."""

    def status(self, id: str, text: str, *, current: int = 0, total: int = 0) -> None:
        """Report something going on within a vertex."""

    def log(self, id: str, stream: int, data: bytes) -> None:
        """Pass on output of a step."""

    def warning(self, text: str, *, help: str = "") -> None:
        """Report something the user should know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything at once, handed to each source and exporter when it is made."""

    root: str
    blobs: Blobs
    snapshots: Snapshots
    facts: Facts
    session: Session
    worker: Worker
    reporter: Reporter
    single_flight: Callable[[str], AbstractContextManager[None]]
    """`with single_flight(key)`: at most one process on this store is inside for a key (flock)."""
    hold: Callable[[Sequence[str]], bool]
    """Keep files of the store, by their paths below `root`, while this process lives; says whether they are there."""
    offline: bool = False
    pull: bool = False
    """Ask the registry even where a cached answer is young enough."""
    insecure_registries: tuple[str, ...] = ()
    allow_host: bool = True
    source: Callable[[str], Any] | None = None
    """This build's source for a scheme."""
    grants: frozenset[str] = frozenset()
    """What the user allowed with `--allow`."""
