# SPDX-License-Identifier: Apache-2.0
"""What lowering carries along: `Build`, the same for all stages of one platform, and `Work`, one stage so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import format_platform, parse_platform
from ladle.frontends.dockerfile.arguments import expand_all, expand_word
from ladle.frontends.dockerfile.ast import Word
from ladle.frontends.dockerfile.facts import Facts
from ladle.frontends.dockerfile.imageconfig import ImageConfig
from ladle.frontends.dockerfile.words import Style, WordError, expand
from ladle.llb.metadata import Location, Range, SourceInfo
from ladle.llb.ops import Platform
from ladle.llb.settings import Environment
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Diagnostic, SourceText
    from ladle.core.api.frontend import CompileOptions, Context
    from ladle.frontends.dockerfile.localcontext import LocalContext, Tree
    from ladle.frontends.dockerfile.stages import Stage
    from ladle.llb.nodes import OpOptions
    from ladle.llb.ops.exec import ProxyEnv
    from ladle.llb.state import State

DOCUMENT = "[internal] preparing inline document"
"""The name of the step that makes a here-document a file."""
_SHOWN_TARGETS = ("TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT")


def encoded(text: str) -> bytes:
    """Return the bytes that a text of the file was read from."""
    return text.encode("utf-8", "surrogateescape")


@dataclass(slots=True, kw_only=True)
class Build:
    """One file compiled for one platform."""

    context: Context
    options: CompileOptions
    style: Style
    target_platform: Platform
    global_values: dict[str, str]
    epoch: int | None
    proxy: ProxyEnv | None
    source: SourceInfo
    alone: bool
    """There is one stage only, so its name is not shown."""
    stage_names: tuple[str, ...]
    main: LocalContext
    locals: dict[str, LocalContext] = field(default_factory=dict)
    works: dict[Stage, Work] = field(default_factory=dict)
    begun: set[Stage] = field(default_factory=set)
    errors: list[Diagnostic] = field(default_factory=list)
    labs: bool = False
    """The file may use the labs language."""
    trees: dict[str, Tree] = field(default_factory=dict)
    """What imported files copy from, by name."""
    texts: dict[SourceText, SourceInfo] = field(default_factory=dict)
    """Other files than the build file."""
    facts: Facts = field(default_factory=Facts)
    """What checks want to know."""
    groups: int = 0
    """How many groups of steps there are that progress shows as one."""

    def info(self, text: SourceText | None) -> SourceInfo:
        """Return a text as what locations point into; the build file for None."""
        if text is None or text.name == self.source.filename:
            return self.source
        if text not in self.texts:
            self.texts[text] = SourceInfo(filename=text.name, language="Dockerfile", data=encoded(text.text))
        return self.texts[text]

    @property
    def shows_platform(self) -> bool:
        """Whether steps are named with their platform: there is more than one."""
        return len(self.options.platforms) > 1

    @property
    def timestamp(self) -> int:
        """The time of what file operations make, in nanoseconds; -1 leaves it to the build."""
        return -1 if self.epoch is None else self.epoch * 10**9


@dataclass(slots=True, kw_only=True)
class Work:
    """One stage as it stands after the instructions so far."""

    build: Build
    stage: Stage
    state: State
    config: ImageConfig
    platform: Platform
    variables: dict[str, str] = field(default_factory=dict)
    """What words and steps see: the image's environment and the ARGs, in the order of their last setting."""
    arguments: dict[str, str] = field(default_factory=dict)
    """The ARGs declared so far with their values (empty without one), in the order of their first declaration."""
    step: int = 0
    total: int = -1
    """How many steps progress counts in this stage; counted at the first one."""
    text: SourceText | None = None
    """The file that the present instruction is written in."""
    in_trigger: bool = False
    """The present instruction is an ONBUILD trigger of the base."""
    cmd_set: bool = False
    settled: bool = False
    """The state says already what the image config and the options say."""
    failed: bool = False
    context: LocalContext | None = None
    """The directory of the caller that this stage stands for, whose used paths are counted."""
    _changed: bool = True

    @property
    def style(self) -> Style:
        """How words of the stage's file are written."""
        return self.stage.scope.style if self.stage.scope is not None else self.build.style

    @property
    def global_values(self) -> Mapping[str, str]:
        """The values of the ARGs before the first FROM of the stage's file."""
        return self.stage.scope.values if self.stage.scope is not None else self.build.global_values

    @property
    def tree(self) -> Tree:
        """What COPY and ADD without `--from` copy from: the build context, or what an imported file brings along."""
        named = self.stage.scope.tree if self.stage.scope is not None else None
        return self.build.main if named is None else self.build.trees[named.name]

    def set_variable(self, name: str, value: str) -> None:
        """Set a variable for what follows."""
        self.variables.pop(name, None)
        self.variables[name] = value
        self._changed = True

    def expand(self, word: Word, style: Style | None = None) -> str:
        """Return a word with its variables put in."""
        if "$" not in word.text:
            return expand_word(word, self.variables, style or self.style)
        found = expand_all(word, self.variables, style or self.style)
        self.build.facts.note(word, found, self.variables, self.arguments)
        return found.text

    def expand_words(self, word: Word) -> list[str]:
        """Return what a word becomes when it is split after its variables are put in."""
        found = expand_all(word, self.variables, self.style)
        self.build.facts.note(word, found, self.variables, self.arguments)
        return found.words

    def ready(self) -> State:
        """Return the state with the variables as they stand, for a step that sees them."""
        if self._changed:
            self.state = self.state.with_environment(Environment(self.variables))
            self._changed = False
        return self.state

    @property
    def ignore_cache(self) -> bool:
        """Whether the steps of this stage are made anew."""
        names = self.build.options.no_cache
        return names is not None and (not names or self.stage.name in {name.lower() for name in names})

    def options(
        self, text: str, first: int, last: int, style: Style | None = None, hidden: Iterable[str] = ()
    ) -> OpOptions:
        """Return name, place and caching of a step that the lines `first` to `last` say."""
        made: OpOptions = {"name": self.name(self.shown(text, style, hidden)), "location": self.location(first, last)}
        if self.ignore_cache:
            made["ignore_cache"] = True
        return made

    def location(self, first: int, last: int) -> Location:
        """Return lines of the file as a place in it."""
        text = self.text or (self.stage.source.span.source if self.stage.source else None)
        return Location(source=self.build.info(text), ranges=(Range(start_line=first, end_line=last),))

    def shown(self, text: str, style: Style | None = None, hidden: Iterable[str] = ()) -> str:
        """Return an instruction as progress shows it: keyword in upper case, variables put in but those to hide."""
        secret = dict.fromkeys(hidden, "****")
        try:
            text = expand(text, {**self.variables, **secret} if secret else self.variables, style or self.style)
        except WordError:
            pass
        keyword, space, rest = text.partition(" ")
        return keyword.upper() + space + rest

    def name(self, text: str, *, variables: bool = True) -> str:
        """Return the next step's name: `[build 2/5] RUN make` (DF-88)."""
        if self.total < 0:
            self.total = self.stage.steps
        total = self.total
        if not total:
            return text
        self.step += 1
        words = []
        if self.build.shows_platform:
            words.append(format_platform(self.platform) + (self._crossing() if variables else ""))
        if self.stage.shown and not self.build.alone:
            words.append(self.stage.shown)
        words.append(f"{self.step:>{len(str(total))}}/{total}")
        return f"[{' '.join(words)}] {'ONBUILD ' if self.in_trigger else ''}{text}"

    def _crossing(self) -> str:
        """Return `->arm64` where the variables say that the stage builds for another platform."""
        target = self._target()
        if target is None:
            return ""
        if target.os != self.platform.os:
            return f"->{format_platform(target)}"
        if target.architecture != self.platform.architecture:
            return "->" + "/".join(filter(None, (target.architecture, target.variant)))
        return ""

    def _target(self) -> Platform | None:
        given = {name: self.variables[name] for name in _SHOWN_TARGETS if name in self.variables}
        if not given:
            return None
        system = given.get("TARGETOS") or self.platform.os
        arch = given.get("TARGETARCH") or self.platform.architecture
        text = given.get("TARGETPLATFORM") or "/".join(filter(None, (system, arch, given.get("TARGETVARIANT", ""))))
        try:
            return parse_platform(text)
        except BuildError:
            return None
