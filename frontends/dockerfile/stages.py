# SPDX-License-Identifier: Apache-2.0
"""Stages: what each is called and based on, which need which, and which the target needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Span
from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import parse_platform
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.arguments import expand_word
from ladle.frontends.dockerfile.ast import Arg, Copy, Dockerfile, From, Instruction, Run, Word, Workdir
from ladle.frontends.dockerfile.labs import errors as labs_errors
from ladle.frontends.dockerfile.mounts import origin_of
from ladle.frontends.dockerfile.words import Style
from ladle.frontends.suggest import nearest
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.frontend import NamedContext
    from ladle.llb.ops import Platform

SCRATCH = "scratch"
_MAX_INDEX_DIGITS = 9


@dataclass(slots=True, eq=False)
class Scope:
    """What the stages of one file share: the values of its FROM lines, the names that it knows, what it copies from."""

    style: Style
    values: Mapping[str, str]
    prefix: str = ""
    """What stands before the names of its stages: `NAME.` for a file that is imported as NAME."""
    tree: NamedContext | None = None
    """Where COPY without `--from` copies from; None is the build context."""
    stages: list[Stage] = field(default_factory=list)
    by_name: dict[str, Stage] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Stage:
    """One FROM with what follows it; or an image or context that only COPY --from names (`source` is None)."""

    index: int
    name: str
    base_name: str
    span: Span
    source: From | None = None
    platform: Platform | None = None
    instructions: list[Instruction] = field(default_factory=list)
    base: Stage | None = None
    copies: dict[int, Stage] = field(default_factory=dict)
    """Where the COPY instructions with --from copy from, by their place in `instructions`."""
    mounts: dict[int, list[Stage]] = field(default_factory=dict)
    """Where the mounts of RUN instructions come from, in their order (nothing where no `from` is said)."""
    triggers: int = 0
    """How many of the first instructions are ONBUILD triggers of the base."""
    scope: Scope | None = None
    """Of the stages of files; None for an image or context that only COPY --from names."""
    number: int = -1
    """Its place among the stages of its file."""

    @property
    def shown(self) -> str:
        """The name that people see."""
        prefix = self.scope.prefix if self.scope else ""
        return self.name or (f"{prefix}stage-{self.number}" if self.source else "")

    @property
    def local_name(self) -> str:
        """The name that its own file has for it."""
        return self.name.removeprefix(self.scope.prefix) if self.scope else self.name

    @property
    def steps(self) -> int:
        """How many steps progress counts."""
        own = sum(isinstance(instruction, Copy | Run | Workdir) for instruction in self.instructions)
        return own + (self.source is not None and self.base is None and self.base_name != SCRATCH)

    @property
    def needs(self) -> list[Stage]:
        """The stages that this one is made from."""
        mounted = [stage for stages in self.mounts.values() for stage in stages]
        return ([self.base] if self.base else []) + list(self.copies.values()) + mounted


@dataclass(slots=True)
class StageGraph:
    """All stages of a file, and the images that COPY --from names."""

    stages: list[Stage]
    images: list[Stage]

    @property
    def alone(self) -> bool:
        """Whether there is one stage and nothing else: its name is not shown then."""
        return len(self.stages) + len(self.images) == 1

    def target(self, name: str) -> Stage | None:
        """Return the stage to build, None where the name is not known."""
        if not name:
            return self.stages[-1]
        return next((stage for stage in reversed(self.stages) if stage.name == name.lower()), None)

    def by_name(self) -> dict[str, Stage]:
        """Return the stages by their names; of equal names the last counts."""
        return {stage.name: stage for stage in self.stages if stage.name}

    def names(self) -> list[str]:
        """Return the names that stages were given."""
        return [stage.name for stage in self.stages if stage.name]


def global_args(file: Dockerfile) -> list[Arg]:
    """Return the ARGs before the first FROM."""
    found: list[Arg] = []
    for instruction in file.instructions:
        if isinstance(instruction, From):
            break
        if isinstance(instruction, Arg):
            found.append(instruction)
    return found


def last_stage_name(file: Dockerfile) -> str:
    """Return the name of the stage that is built when no target is named."""
    last = next((item for item in reversed(file.instructions) if isinstance(item, From)), None)
    return last.stage.text.lower() if last is not None and last.stage is not None else ""


Evaluate = Callable[[Dockerfile], Mapping[str, str]]
"""Returns what the FROM lines of a file see."""


def stage_graph(
    file: Dockerfile, values: Mapping[str, str], style: Style, evaluate: Evaluate | None = None
) -> StageGraph:
    """Return the stages with all their connections; raises `DiagnosticError` with everything wrong about them.

    `evaluate` is asked about imported files.
    """
    found: list[Diagnostic] = []
    graph = StageGraph([], [])
    _add_stages(graph, file, Scope(style, values), evaluate or (lambda _: {}), found)
    for stage in graph.stages:
        found += connect(stage, graph, names_for(stage), range(len(stage.instructions)))
    cycle = _cycle(graph.stages)
    if cycle is not None:
        found.append(errors.circular(cycle.shown, cycle.span))
    if found:
        raise DiagnosticError(found)
    return graph


def _add_stages(graph: StageGraph, file: Dockerfile, scope: Scope, evaluate: Evaluate, found: list[Diagnostic]) -> None:
    """Add the stages of a file after those of the files that it imports."""
    names: dict[str, Span] = {}
    for each in file.imports:
        if each.name in names:
            found.append(labs_errors.name_taken(each.name, each.span, names[each.name]))
        names[each.name] = each.span
        try:
            values = evaluate(each.file)
        except DiagnosticError as error:
            found += error.diagnostics
            continue
        style = Style(escape=each.file.escape)
        other = Scope(style, values, prefix=f"{scope.prefix}{each.name}.", tree=each.tree)
        _add_stages(graph, each.file, other, evaluate, found)
        own = {f"{each.name}.{stage.local_name}": stage for stage in other.stages if stage.name}
        scope.by_name.update({each.name: other.stages[-1], **own})
    imported = dict(scope.by_name)
    for instruction in file.instructions:
        if isinstance(instruction, From):
            try:
                stage = _stage(instruction, len(graph.stages), scope.values, scope.style)
            except DiagnosticError as error:
                found += error.diagnostics
                stage = Stage(len(graph.stages), _name(instruction), SCRATCH, instruction.span, instruction)
            if stage.name in imported and instruction.stage is not None:
                first = names[stage.name.partition(".")[0]]
                found.append(labs_errors.name_taken(stage.name, instruction.stage.span, first))
            stage.scope, stage.number = scope, len(scope.stages)
            stage.base = scope.by_name.get(stage.base_name)
            graph.stages.append(stage)
            scope.stages.append(stage)
            if stage.name:
                scope.by_name[stage.name] = stage
                stage.name = scope.prefix + stage.name
        elif scope.stages:
            scope.stages[-1].instructions.append(instruction)


def names_for(stage: Stage) -> Mapping[str, Stage]:
    """Return the stages that a stage can name."""
    return stage.scope.by_name if stage.scope is not None else {}


def needed(target: Stage) -> set[Stage]:
    """Return the stages that a target is made from, itself too."""
    seen = {target}
    todo = [target]
    while todo:
        for stage in todo.pop().needs:
            if stage not in seen:
                seen.add(stage)
                todo.append(stage)
    return seen


def unknown_target(graph: StageGraph, name: str, file: Dockerfile) -> Diagnostic:
    """Return the mistake of a target that is not there."""
    return errors.unknown_target(name, nearest(name, graph.names()), file.source)


def _name(instruction: From) -> str:
    return instruction.stage.text.lower() if instruction.stage else ""


def _stage(instruction: From, index: int, values: Mapping[str, str], style: Style) -> Stage:
    base = expand_word(instruction.base, values, style)
    if not base:
        raise DiagnosticError([errors.blank_base(instruction.base.text, instruction.base.span)])
    flag = instruction.flag("platform")
    platform = _platform(flag, values, style) if flag is not None and flag.text else None
    return Stage(index, _name(instruction), base, instruction.span, instruction, platform)


def _platform(flag: Word, values: Mapping[str, str], style: Style) -> Platform:
    text = expand_word(flag, values, style)
    if not text:
        raise DiagnosticError([errors.empty_platform(flag.text, flag.span)])
    try:
        return parse_platform(text)
    except BuildError as error:
        raise DiagnosticError([errors.bad_platform(flag.text, error.message, flag.span)]) from None


def connect(stage: Stage, graph: StageGraph, by_name: Mapping[str, Stage], places: Iterable[int]) -> list[Diagnostic]:
    """Note what the instructions at these places copy from and mount; returns what is wrong with that."""
    found: list[Diagnostic] = []
    for place in places:
        instruction = stage.instructions[place]
        if isinstance(instruction, Run):
            found += _connect_mounts(stage, graph, place, instruction, by_name)
        word = instruction.flag("from") if isinstance(instruction, Copy) else None
        if word is None or not word.text:
            continue
        text = word.text
        if "$" in text:
            found.append(errors.from_variable(word.span))
        elif text.isascii() and text.removeprefix("-").isdigit() and len(text) <= _MAX_INDEX_DIGITS:
            index = int(text)
            own = stage.scope.stages if stage.scope is not None else graph.stages
            if 0 <= index < len(own):
                stage.copies[place] = own[index]
            else:
                found.append(errors.stage_index(index, word.span))
        else:
            source = by_name.get(text.lower())
            if source is None:
                source = Stage(-1, "", text, word.span)
                graph.images.append(source)
            stage.copies[place] = source
    return found


def _connect_mounts(
    stage: Stage, graph: StageGraph, place: int, instruction: Run, by_name: Mapping[str, Stage]
) -> list[Diagnostic]:
    """Note what a RUN mounts. BuildKit counts every mount without `from` as one of scratch, which shows in names."""
    found: list[Diagnostic] = []
    for word in instruction.words_of("mount"):
        try:
            name = origin_of(word) or SCRATCH
        except DiagnosticError as error:
            found += error.diagnostics
            name = SCRATCH
        source = by_name.get(name.lower())
        if source is None:
            source = Stage(-1, "", name, word.span)
            graph.images.append(source)
        stage.mounts.setdefault(place, []).append(source)
    return found


def _cycle(stages: list[Stage]) -> Stage | None:
    """Return a stage that needs itself, by whatever way."""
    done: set[Stage] = set()
    for start in stages:
        path: set[Stage] = set()
        todo = [(start, False)]
        while todo:
            stage, leaving = todo.pop()
            if leaving:
                path.discard(stage)
                done.add(stage)
            elif stage in path:
                return stage
            elif stage not in done:
                path.add(stage)
                todo.append((stage, True))
                todo += [(need, False) for need in stage.needs]
    return None
