# SPDX-License-Identifier: Apache-2.0
"""Checks of a file that was lowered: makes the rules' view of it, and reports to the build what they find."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import stages
from ladle.frontends.dockerfile.arguments import global_arguments, platform_arguments
from ladle.frontends.dockerfile.ast import Dockerfile, Shell
from ladle.frontends.dockerfile.ignoring import context_patterns
from ladle.frontends.dockerfile.rules import errors
from ladle.frontends.dockerfile.rules.base import View
from ladle.frontends.dockerfile.rules.config import config_of
from ladle.frontends.dockerfile.rules.run import diagnostic, in_order, run_rules
from ladle.frontends.dockerfile.words import Style

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.dockerfile.lower import Lowered
    from ladle.frontends.dockerfile.stages import Stage, StageGraph
    from ladle.frontends.dockerfile.work import Build


def check_build(file: Dockerfile, context: Context, made: Iterable[Lowered]) -> None:
    """Warn of what the checks find in a build, each once; raises `DiagnosticError` where that is to be an error."""
    config = config_of(file, context.options.build_args)
    if "all" in config.skip:
        return
    found = in_order(one for each in made for one in run_rules(view_of(file, context, each.build, each.graph), config))
    warnings = [diagnostic(one) for one in found]
    if config.error and warnings:
        names = dict.fromkeys(one.rule.name for one in found)
        raise DiagnosticError([errors.violation(names, warnings[0].labels[0].span), *warnings])
    for warning in warnings:
        context.warn(warning)


def view_of(file: Dockerfile, context: Context, build: Build, graph: StageGraph) -> View:
    """Return what rules may look at."""
    platform = build.target_platform
    options = context.options
    arguments = stages.global_args(file)
    own = [stage for stage in graph.stages if stage.scope is None or not stage.scope.prefix]
    named = options.target or stages.last_stage_name(file)
    start = platform_arguments(options.build_platform or platform, platform, named, {})
    return View(
        file=file,
        style=build.style,
        stages=tuple(own),
        reached=tuple(stage for stage in own if stage in build.begun),
        facts=build.facts.within(file.has),
        values=build.global_values,
        defaults=_defaults(file, build, start),
        declared=tuple(pair.name.text for node in arguments for pair in node.pairs),
        with_shell=frozenset(stage.index for stage in build.works if _begins_with_shell(build, stage)),
        ignored=context_patterns(context) if build.main.used else (),
        read=context.read,
    )


def _defaults(file: Dockerfile, build: Build, start: dict[str, str]) -> dict[str, str]:
    """Return what FROM lines see without build arguments; with them where the file cannot do without."""
    try:
        return global_arguments(stages.global_args(file), start, {}, build.style)
    except DiagnosticError:
        return build.global_values


def plain_view(file: Dockerfile) -> View:
    """Return the view of a file whose stages do not fit together: only the tree can be looked at."""
    return View(file=file, style=Style(escape=file.escape))


def _begins_with_shell(build: Build, stage: Stage) -> bool:
    if stage.base is not None:
        base = build.works.get(stage.base)
        return base is not None and bool(base.config.words("Shell"))
    if any(isinstance(node, Shell) for node in stage.instructions[stage.triggers :]):
        return False  # what the image itself says is lost by then; such a stage chooses a shell anyway
    return bool(build.works[stage].config.words("Shell"))
