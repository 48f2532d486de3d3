# SPDX-License-Identifier: Apache-2.0
"""What lowering carries along: `Build`, the same for all stages of one platform, and `Work`, one stage so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, SourceText, Span
from ladle.core.api.platforms import format_platform
from ladle.frontends.dockerfile.imageconfig import ImageConfig, rfc3339
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.ast import Argument, File, Stage
from ladle.frontends.yaml.nodes import lines
from ladle.llb.errors import LLBError
from ladle.llb.metadata import Location, Range, SourceInfo
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.frontend import CompileOptions, Context
    from ladle.frontends.dockerfile.localcontext import LocalContext
    from ladle.frontends.yaml.stages import Stages
    from ladle.llb.nodes import OpOptions
    from ladle.llb.ops import Platform
    from ladle.llb.ops.exec import ProxyEnv
    from ladle.llb.state import State

_COMMENT = "ladle.yaml"


@dataclass(slots=True, kw_only=True)
class Build:
    """One file compiled for one platform."""

    context: Context
    options: CompileOptions
    file: File
    platform: Platform
    arguments: dict[str, Argument]
    stages: Stages
    epoch: int | None
    proxy: ProxyEnv | None
    main: LocalContext
    locals: dict[str, LocalContext] = field(default_factory=dict)
    works: dict[Stage, Work] = field(default_factory=dict)
    images: dict[tuple[str, str], Work] = field(default_factory=dict)
    """What stages copy from or mount without beginning with it: images and named contexts, by name and platform."""
    errors: list[Diagnostic] = field(default_factory=list)
    infos: dict[SourceText, SourceInfo] = field(default_factory=dict)
    groups: int = 0

    def info(self, source: SourceText) -> SourceInfo:
        """Return a file as what locations point into."""
        if source not in self.infos:
            self.infos[source] = SourceInfo(filename=source.name, language="YAML", data=source.text.encode())
        return self.infos[source]

    @property
    def timestamp(self) -> int:
        """The time of what file operations make, in nanoseconds; -1 leaves it to the build."""
        return -1 if self.epoch is None else self.epoch * 10**9


@dataclass(slots=True, kw_only=True)
class Work:
    """One stage as it stands after the steps so far."""

    build: Build
    stage: Stage
    state: State
    config: ImageConfig
    platform: Platform
    base: str = ""
    """What the stage begins with, as far as package caches are told apart by it."""
    context: LocalContext | None = None
    """The directory of the caller that this is, whose used paths are counted."""
    settled: bool = False
    """The state says already what the image config and the options say."""
    replaced: bool = False
    """A named context stands for the whole stage: its steps are not made."""
    checks: list[State] = field(default_factory=list)
    """The tests that have to pass."""

    def options(self, text: str, span: Span, *, platform: bool = False) -> OpOptions:
        """Return name, place and caching of a step that is written in a span; for what runs its platform too."""
        made: OpOptions = {"name": self.name(text), "location": self.location(span)}
        names = self.build.options.no_cache
        if names is not None and (not names or {self.stage.name, self.stage.declared} & set(names)):
            made["ignore_cache"] = True
        if platform:
            made["platform"] = self.platform
        return made

    def name(self, text: str) -> str:
        """Return a step's name as progress shows it: `[app] run: make`."""
        words = [format_platform(self.platform)] if len(self.build.options.platforms) > 1 else []
        first, _, more = text.strip().partition("\n")
        return f"[{' '.join([*words, self.stage.name])}] {first}{' …' if more else ''}"

    def location(self, span: Span) -> Location:
        """Return a part of a file as a place in it."""
        first, last = lines(span)
        return Location(source=self.build.info(span.source), ranges=(Range(start_line=first, end_line=last),))

    def record(self, text: str, *, layer: bool = False) -> None:
        """Add a step to the image's history."""
        epoch = self.build.epoch
        entry: dict[str, object] = {} if epoch is None else {"created": rfc3339(epoch)}
        entry |= {"created_by": text, "comment": _COMMENT}
        if not layer:
            entry["empty_layer"] = True
        self.config.history.append(entry)


@contextmanager
def placed(span: Span) -> Iterator[None]:
    """Say where it was when the graph cannot hold a value."""
    try:
        yield
    except LLBError as error:
        raise DiagnosticError([errors.bad_value(str(error), span)]) from None
