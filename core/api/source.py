# SPDX-License-Identifier: Apache-2.0
"""The contract of a source: where the roots of a graph come from (DESIGN sections 5 and 6).

Life cycle: `resolve` (only for frontends: a name to a pinned identifier and config) -> `pin` (the root's cache key; no
network for identifiers that hold a digest) -> `fetch` (makes the tree). What is hit in the cache is never fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform, SourceOp


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The identity of a root: `key` (and `aliases`) are equal only for equal trees.

    `ref` is set by sources whose tree needs no fetching (a scanned local directory, a host directory).
    """

    key: str
    aliases: tuple[str, ...] = ()
    ref: Ref | None = None


class Source(Protocol):
    """A source; registered as a class, made once a build.

    Beside these it may have `date(op) -> int | None`: when a tree was made, in seconds, where its origin says so; and
    `async restore(place, layer) -> None`: bring a lost blob back into the store, from where it was put there as
    `origin(layer.digest)` says (`ladle.core.build.origins`).
    """

    SCHEMES: ClassVar[tuple[str, ...]]

    def __init__(self, services: Services) -> None: ...

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:
        """Look up a name for a frontend; `BuildError` where the scheme has no images."""

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:
        """Return the root's identity. Synchronous: may read files and, for a tag, ask a registry once."""

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:
        """Make the tree and return its ref."""
