# SPDX-License-Identifier: Apache-2.0
"""What is said about a vertex beside its op: never part of a digest."""

from __future__ import annotations

from dataclasses import replace

from ladle.llb.ops.checks import Pairs
from ladle.llb.values import dataclass

CUSTOM_NAME = "llb.customname"
"""The key of a vertex's display name in a description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressGroup:
    """Vertices shown as one step; a weak group shows only when nothing else in it ran."""

    id: str
    name: str = ""
    weak: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxResources:
    """Limits on the process of an exec; 0 or an empty text means none."""

    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpMetadata:
    """How a vertex is shown, whether its cache is used or published, and what it may consume."""

    ignore_cache: bool = False
    description: Pairs = ()
    export_cache: bool | None = None
    progress_group: ProgressGroup | None = None
    linux_resources: LinuxResources | None = None
    caps: tuple[str, ...] = ()
    cache_ttl: int = 0
    """Seconds after which a result in the cache is too old for this vertex; 0 is never."""

    @property
    def name(self) -> str:
        """The display name, or an empty text."""
        return next((value for key, value in self.description if key == CUSTOM_NAME), "")

    def merged(self, other: OpMetadata) -> OpMetadata:
        """Return one metadata for two vertices that turned out to be the same; where both speak, `other` is heard."""
        if self == other:
            return self
        return replace(
            self,
            ignore_cache=self.ignore_cache or other.ignore_cache,
            description=tuple(sorted({**dict(self.description), **dict(other.description)}.items())),
            export_cache=self.export_cache if other.export_cache is None else other.export_cache,
            progress_group=other.progress_group or self.progress_group,
            linux_resources=_relaxed(self.linux_resources, other.linux_resources),
            caps=tuple(sorted({*self.caps, *other.caps})),
            cache_ttl=min(filter(None, (self.cache_ttl, other.cache_ttl)), default=0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """The text that locations point into."""

    filename: str
    language: str = ""
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Lines (from 1) and characters (from 0) of a part of a source, ends included."""

    start_line: int
    start_character: int = 0
    end_line: int
    end_character: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The parts of one source that a vertex comes from."""

    source: SourceInfo
    ranges: tuple[Range, ...] = ()


def _relaxed(one: LinuxResources | None, other: LinuxResources | None) -> LinuxResources | None:
    """Return the most relaxed of two limits, number by number (0 is no limit); texts are the first's."""
    if one is None or other is None or one == other:
        return None if one is None or other is None else one

    def wider(a: int, b: int) -> int:
        return max(a, b) if a > 0 and b > 0 else 0

    return LinuxResources(
        memory=wider(one.memory, other.memory),
        memory_swap=wider(one.memory_swap, other.memory_swap),
        cpu_shares=max(one.cpu_shares, other.cpu_shares),
        cpu_period=one.cpu_period or other.cpu_period,
        cpu_quota=wider(one.cpu_quota, other.cpu_quota),
        cpuset_cpus=one.cpuset_cpus if one.cpuset_cpus == other.cpuset_cpus else "",
        cpuset_mems=one.cpuset_mems if one.cpuset_mems == other.cpuset_mems else "",
    )
