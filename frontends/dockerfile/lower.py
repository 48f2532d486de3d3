# SPDX-License-Identifier: Apache-2.0
"""Syntax tree to build graph: the stages that the target needs, instruction by instruction.

One function per instruction, in a file per family: `lower_args`, `lower_files`, `lower_metadata`, `lower_run`.
This file holds the table of them and the order of things.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ladle.core.api.diagnostics import DiagnosticError, Span
from ladle.core.api.frontend import ImageResult
from ladle.frontends.dockerfile import ast, bases, errors, stages, triggers
from ladle.frontends.dockerfile.arguments import (
    global_arguments,
    platform_arguments,
    proxies,
)
from ladle.frontends.dockerfile.epoch import find_epoch
from ladle.frontends.dockerfile.ignoring import context_patterns
from ladle.frontends.dockerfile.labs.trees import trees_of
from ladle.frontends.dockerfile.localcontext import LocalContext
from ladle.frontends.dockerfile.lower_args import lower_arg, lower_env
from ladle.frontends.dockerfile.lower_copy import lower_copy
from ladle.frontends.dockerfile.lower_metadata import (
    lower_cmd,
    lower_entrypoint,
    lower_expose,
    lower_healthcheck,
    lower_label,
    lower_maintainer,
    lower_onbuild,
    lower_shell,
    lower_stopsignal,
    lower_user,
    lower_volume,
)
from ladle.frontends.dockerfile.lower_run import lower_run
from ladle.frontends.dockerfile.lower_workdir import lower_workdir
from ladle.frontends.dockerfile.stages import Stage, StageGraph
from ladle.frontends.dockerfile.words import Style
from ladle.frontends.dockerfile.work import Build, Work
from ladle.frontends.suggest import nearest
from ladle.llb.metadata import SourceInfo

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.llb.ops import Platform

_LOWERINGS: dict[type[ast.Instruction], Callable[[Work, Any], None]] = {
    ast.Arg: lower_arg,
    ast.Cmd: lower_cmd,
    ast.Entrypoint: lower_entrypoint,
    ast.Env: lower_env,
    ast.Expose: lower_expose,
    ast.Healthcheck: lower_healthcheck,
    ast.Label: lower_label,
    ast.Maintainer: lower_maintainer,
    ast.Onbuild: lower_onbuild,
    ast.Shell: lower_shell,
    ast.Stopsignal: lower_stopsignal,
    ast.User: lower_user,
    ast.Volume: lower_volume,
    ast.Workdir: lower_workdir,
}


class Lowered(NamedTuple):
    """A file compiled for one platform, with what checks look at."""

    image: ImageResult
    build: Build
    graph: StageGraph


def lower(file: ast.Dockerfile, context: Context, platform: Platform) -> Lowered:
    """Return the image of one platform; raises `DiagnosticError` with all that is wrong."""
    build, graph = _begin(file, context, platform)
    target = graph.target(context.options.target)
    if target is None:
        raise DiagnosticError([stages.unknown_target(graph, context.options.target, file)])
    work = _lower_stages(build, graph, target)
    if build.main.used:
        build.main.excludes = context_patterns(context)
    return Lowered(_result(work, platform), build, graph)


def survey(file: ast.Dockerfile, context: Context, platform: Platform) -> tuple[Build, StageGraph]:
    """Lower the target's stages, or all where none is named, only to look at them; mistakes are in `build.errors`."""
    build, graph = _begin(file, context, platform)
    target = graph.target(context.options.target)
    if target is None:
        raise DiagnosticError([stages.unknown_target(graph, context.options.target, file)])
    for stage in [target] if context.options.target else graph.stages:
        _lower_needed(build, stage, graph)
    return build, graph


def _begin(file: ast.Dockerfile, context: Context, platform: Platform) -> tuple[Build, StageGraph]:
    options = context.options
    style = Style(escape=file.escape)
    build_platform = options.build_platform or platform
    named = options.target or stages.last_stage_name(file)
    start = platform_arguments(build_platform, platform, named, options.build_args)

    def evaluate(each: ast.Dockerfile) -> dict[str, str]:
        return global_arguments(stages.global_args(each), start, options.build_args, Style(escape=each.escape))

    values = evaluate(file)
    graph = stages.stage_graph(file, values, style, evaluate)
    epoch, options = find_epoch(context, values, graph, style, platform)
    build = Build(
        context=context,
        options=options,
        style=style,
        target_platform=platform,
        global_values=values,
        epoch=epoch,
        proxy=proxies(options.build_args),
        source=_source_info(file),
        labs=file.labs,
        trees=trees_of(file),
        alone=graph.alone,
        stage_names=tuple(graph.names()),
        main=LocalContext("context", "[internal] load build context", "context"),
    )
    return build, graph


def _source_info(file: ast.Dockerfile) -> SourceInfo:
    data = file.source.text.encode("utf-8", "surrogateescape")
    return SourceInfo(filename=file.source.name, language="Dockerfile", data=data)


def _lower_stages(build: Build, graph: StageGraph, target: Stage) -> Work:
    """Lower the stages that the target needs, in the order of the file, and return the target's."""
    _lower_needed(build, target, graph)
    if build.errors:
        raise DiagnosticError(sorted(build.errors, key=errors.place))
    return build.works[target]


def _lower_needed(build: Build, target: Stage, graph: StageGraph) -> None:
    wanted = stages.needed(target)
    for stage in [*graph.images, *graph.stages]:
        if stage in wanted and stage not in build.begun:
            build.begun.add(stage)
            _lower_stage(build, stage, graph)


def _lower_stage(build: Build, stage: Stage, graph: StageGraph) -> None:
    if stage.base is not None and stage.base not in build.works:
        return  # what is wrong with the base is said there
    try:
        work = bases.begin(build, stage, lambda name, span: _other_stage(build, graph, name, span))
        for needed in triggers.fire(work, graph):
            _lower_needed(build, needed, graph)
        build.works[stage] = work
    except DiagnosticError as error:
        build.errors += error.diagnostics
        return
    for place, instruction in enumerate(stage.instructions):
        work.in_trigger = place < stage.triggers
        if not work.in_trigger:
            work.text = instruction.span.source
        try:
            if isinstance(instruction, ast.Copy):
                _lower_copy(work, instruction, place, graph)
            elif isinstance(instruction, ast.Run):
                _lower_run(work, instruction, place)
            else:
                _LOWERINGS[type(instruction)](work, instruction)
        except DiagnosticError as error:
            found = error.diagnostics
            build.errors += triggers.at_base(work, instruction, found) if work.in_trigger else found


def _other_stage(build: Build, graph: StageGraph, name: str, span: Span) -> Work:
    """Return the work of a stage that a named context stands for; raises `DiagnosticError`."""
    stage = graph.target(name)
    if stage is None:
        raise DiagnosticError([errors.unknown_context_stage(name, nearest(name, graph.names()), span)])
    _lower_needed(build, stage, graph)
    if stage not in build.works:
        raise DiagnosticError([build.errors.pop() if build.errors else errors.circular(stage.shown, span)])
    return build.works[stage]


def _lower_run(work: Work, node: ast.Run, place: int) -> None:
    sources = work.stage.mounts.get(place, ())
    if all(stage in work.build.works or stage.index >= work.stage.index for stage in sources):
        lower_run(work, node, place)  # what is wrong with another source is said there


def _lower_copy(work: Work, node: ast.Copy, place: int, graph: StageGraph) -> None:
    stage = work.stage.copies.get(place)
    if stage is None:
        lower_copy(work, node, None)
        return
    source = work.build.works.get(stage)
    if source is not None:
        lower_copy(work, node, source)
        return
    flag = node.flag("from")
    if stage.source is not None and stage.index >= work.stage.index and flag is not None:
        name = work.stage.shown if len(graph.stages) > 1 else ""
        raise DiagnosticError([errors.later_stage(flag.text, name, flag.span, stage.span)])


def _result(work: Work, platform: Platform) -> ImageResult:
    options = work.build.options
    config = work.config
    if options.labels:
        config.config.setdefault("Labels", {}).update(options.labels)
    if options.platforms != (options.build_platform,):
        config.set_platform(platform)
    return ImageResult(platform=platform, state=work.state, config=config.to_dict(), base_history=config.base_history)
