# SPDX-License-Identifier: Apache-2.0
"""The contract of an exporter: where results go (DESIGN section 5, FEATURES section 6).

Life cycle: `parse` (CLI attributes to typed options; `UsageError` for bad ones, before anything is built) -> `prepare`
(only if there is one: `prepare(services)` refuses what this user may not do, before anything is built) -> `export`
(writes; never half: temporary names and renames) -> an `ExportReport` with receipts: what to stat to know that the
outputs are still as they were written, so that an unchanged build does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class SolvedImage:
    """One platform's result: the tree, and the image config as the frontend made it (see `ImageResult`)."""

    platform: Platform
    ref: Ref
    config: dict[str, Any]
    base_history: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """The whole result of a build, as exporters get it."""

    images: tuple[SolvedImage, ...]
    multi_platform: bool = False
    """Files go into a folder a platform even if there is one only (BUILDKIT_MULTI_PLATFORM)."""
    tags: tuple[str, ...] = ()
    """From `-t`, normalised (`docker.io/library/app:latest`)."""
    epoch: int | None = None
    created: str = ""
    """RFC 3339 time of the build, for what SOURCE_DATE_EPOCH did not fix."""
    key: str = ""
    """Identity of the result (record ids and configs): equal keys mean equal output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What was written.

    `files` maps absolute output paths to their stat at the end (`[mode, size, mtime_ns, ino, ctime_ns]`); `receipt` is
    the path of a marshal table of the same for directories with many files ("" if none): `{relative path bytes: tuple}`
    below `receipt_root`. `metadata` are EX-17 response keys. `replayable` False: made anew each time (stdout).
    """

    summary: str
    files: Mapping[str, list[int]] = field(default_factory=dict)
    receipt: str = ""
    receipt_root: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    replayable: bool = True
    details: Callable[[], Mapping[str, Any]] | None = None
    """Makes further response keys, with some work: called only for `--metadata-file`. Lists of one key are joined."""


class Exporter(Protocol):
    """An exporter; registered as a class."""

    NAME: ClassVar[str]

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Exporter:
        """Make an exporter from the CLI's `type=NAME,k=v,…` attributes; raises `UsageError` naming the bad one."""

    def key(self) -> str:
        """Return a stable text of the options, destination included: part of the receipt's key."""

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Write the result and report it."""
