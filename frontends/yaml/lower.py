# SPDX-License-Identifier: Apache-2.0
"""Tree to graph: the stages that the target needs, step by step. One function a kind of step, in a file a family."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError
from ladle.core.api.frontend import ImageResult
from ladle.core.api.platforms import format_platform
from ladle.frontends.dockerfile.arguments import EPOCH, epoch_seconds, proxies
from ladle.frontends.dockerfile.imageconfig import ImageConfig
from ladle.frontends.dockerfile.localcontext import LocalContext
from ladle.frontends.yaml import bases, errors
from ladle.frontends.yaml.arguments import arguments
from ladle.frontends.yaml.ast import File, Stage
from ladle.frontends.yaml.lower_files import (
    lower_add,
    lower_copy,
    lower_directory,
    lower_file,
    lower_remove,
    lower_symlink,
)
from ladle.frontends.yaml.lower_image import lower_image
from ladle.frontends.yaml.lower_packages import lower_packages
from ladle.frontends.yaml.lower_run import lower_run
from ladle.frontends.yaml.lower_settings import lower_env, lower_user, lower_workdir
from ladle.frontends.yaml.lower_tests import lower_tests
from ladle.frontends.yaml.lower_users import lower_users
from ladle.frontends.yaml.nodes import Entry, Mapping, Scalar, items
from ladle.frontends.yaml.stages import Target, in_order, pick, spread
from ladle.frontends.yaml.work import Build, Work, placed
from ladle.llb.actions import Actions
from ladle.llb.paths import join
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context
    from ladle.frontends.yaml.expr import Value
    from ladle.llb.ops import Platform

STEPS: dict[str, Callable[[Work, Mapping, Entry], None]] = {
    "run": lower_run,
    "copy": lower_copy,
    "add": lower_add,
    "file": lower_file,
    "directory": lower_directory,
    "symlink": lower_symlink,
    "remove": lower_remove,
    "packages": lower_packages,
    "workdir": lower_workdir,
    "env": lower_env,
    "user": lower_user,
}
"""What each kind of step is lowered by; the first of these keys that a step has says what it is."""


def lower(file: File, context: Context, platform: Platform) -> tuple[ImageResult, Build]:
    """Return the image of one platform; raises `DiagnosticError` with all that is wrong."""
    build = begin(file, context, platform)
    target = pick(file, build.stages, context.options.target)
    lower_stages(build, target.stages)
    if build.errors:
        raise DiagnosticError(sorted(dict.fromkeys(build.errors), key=errors.place))
    if build.main.used and (found := context.ignore_file()) is not None:
        build.main.excludes = bases.ignore_patterns(found[0], found[1].decode("utf-8", "surrogateescape"))
    return _result(build, target), build


def begin(file: File, context: Context, platform: Platform) -> Build:
    """Return what all stages share; raises `DiagnosticError`."""
    options = context.options
    _check_platform(file, platform)
    values, wrong = arguments(file, options.build_args)
    missing = [each for each in values.values() if each.value is None]
    wrong += [errors.missing_argument(each.name, each.span) for each in missing]
    if wrong:
        raise DiagnosticError(sorted(wrong, key=errors.place))
    names: dict[str, Value] = {f"args.{name}": each.value for name, each in values.items() if each.value is not None}
    names |= {"target": options.target or "default"}
    for prefix, each in (("platform", platform), ("build_platform", options.build_platform or platform)):
        names |= {
            prefix: format_platform(each),
            f"{prefix}.os": each.os,
            f"{prefix}.arch": each.architecture,
            f"{prefix}.variant": each.variant,
        }
    return Build(
        context=context,
        options=options,
        file=file,
        platform=platform,
        arguments=values,
        stages=spread(file, names),
        epoch=_epoch(options.build_args.get(EPOCH, "")),
        proxy=proxies(options.build_args),
        main=LocalContext("context", "[internal] load build context", "context"),
    )


def _check_platform(file: File, platform: Platform) -> None:
    known = [node.text for node in items(file.root.get("platforms")) if isinstance(node, Scalar)]
    if known and format_platform(platform) not in known:
        entry = file.root.entry("platforms")
        span = entry.key.span if entry is not None else file.root.span
        raise DiagnosticError([errors.other_platform(format_platform(platform), known, span)])


def _epoch(text: str) -> int | None:
    if not text:
        return None
    try:
        return epoch_seconds(text)
    except DiagnosticError:
        raise DiagnosticError([errors.bad_epoch(text[:80])]) from None


def lower_stages(build: Build, wanted: tuple[Stage, ...]) -> None:
    """Lower stages and all that they need; what is wrong is put to the build's errors."""
    for stage in in_order(wanted, build.stages):
        try:
            work = bases.begin(build, stage)
        except DiagnosticError as error:
            build.errors += error.diagnostics
            return
        build.works[stage] = work
        stage.scope.see_variables(dict(text.partition("=")[::2] for text in work.state.settings.environment.texts))
        if not work.replaced:
            _lower_stage(work)


def _lower_stage(work: Work) -> None:
    node = work.stage.node
    if (shell := node.get("shell")) is not None:
        work.config.config["Shell"] = work.stage.scope.texts(shell)
    for key in ("env", "packages"):
        if (entry := node.entry(key)) is not None and node.get(key) is not None:
            _try(work, STEPS[key], Mapping((entry,), entry.span), entry)
    if node.get("users") is not None and (users := node.entry("users")) is not None:
        _try(work, lambda work, _, entry: lower_users(work, entry), node, users)
    for key in ("user", "workdir"):
        if (entry := node.entry(key)) is not None and node.get(key) is not None:
            _try(work, STEPS[key], Mapping((entry,), entry.span), entry)
    for step in items(node.get("steps")):
        if isinstance(step, Mapping):
            _guarded(work, lambda step=step: _step(work, step))  # type: ignore[misc]
    _guarded(work, lambda: lower_tests(work))
    image = node.get("image")
    if isinstance(image, Mapping):
        artifacts = node.entry("artifacts")
        if artifacts is not None:
            own = node.entry("image")
            work.build.errors.append(
                errors.artifacts_and_image(artifacts.key.span, own.key.span if own else artifacts.key.span)
            )
        _guarded(work, lambda: lower_image(work, image))


def _step(work: Work, step: Mapping) -> None:
    if not work.stage.scope.holds(step):
        return
    for key, function in STEPS.items():
        entry = step.entry(key)
        if entry is not None:
            function(work, step, entry)
            return


def _try(work: Work, function: Callable[[Work, Mapping, Entry], None], step: Mapping, entry: Entry) -> None:
    _guarded(work, lambda: function(work, step, entry))


def _guarded(work: Work, step: Callable[[], None]) -> None:
    """Do one thing and go on with the next where it is wrong, to find all that is."""
    try:
        step()
    except DiagnosticError as error:
        found: list[Diagnostic] = list(error.diagnostics)
        work.build.errors += found


def _result(build: Build, target: Target) -> ImageResult:
    options = build.options
    works = [build.works[stage] for stage in target.stages]
    if target.group:
        state, config = _together(build, works), ImageConfig.empty(build.platform)
    else:
        state, config = _tree(works[0])
        if works[0].stage.node.get("artifacts") is not None:
            config = ImageConfig.empty(build.platform)
    checks = [check for work in build.works.values() for check in work.checks]
    if checks and not state.is_scratch:
        state = state.requires("tests", *checks)
    if options.labels:
        config.config.setdefault("Labels", {}).update(options.labels)
    if options.platforms != (options.build_platform,):
        config.set_platform(build.platform)
    return ImageResult(platform=build.platform, state=state, config=config.to_dict(), base_history=config.base_history)


def _tree(work: Work) -> tuple[State, ImageConfig]:
    """Return what a stage is as a target: its artifacts where it has some, else all of it."""
    entry = work.stage.node.entry("artifacts")
    if entry is None or not items(entry.value):
        return work.state, work.config
    scope = work.stage.scope
    chain = Actions()
    for node in items(entry.value):
        if isinstance(node, Mapping) and not scope.holds(node):
            continue
        path = scope.optional(node, "path") if isinstance(node, Mapping) else scope.text(node)
        to = scope.optional(node, "to", "/") if isinstance(node, Mapping) else "/"
        if work.context is not None:
            work.context.use(path)
        chain = chain.copy(
            work.state.dir("/"),
            join("/", path),
            "/" + to.lstrip("/"),
            follow_symlink=True,
            dir_copy_contents=path.endswith("/"),
            allow_wildcard=True,
            create_dest_path=True,
            timestamp=work.build.timestamp,
        )
    if not chain.steps:
        return State(), work.config
    with placed(entry.span):
        options = work.options("artifacts", entry.span)
        return State().platform(work.platform).file(chain, **options), work.config


def _together(build: Build, works: list[Work]) -> State:
    """Return a tree with a directory for each of some stages."""
    chain = Actions()
    for work in works:
        tree = _tree(work)[0]
        name = re.sub(r"[^A-Za-z0-9._-]", "-", work.stage.name)
        if tree.is_scratch:
            chain = chain.mkdir(f"/{name}", timestamp=build.timestamp)
            continue
        chain = chain.copy(
            tree.dir("/"),
            "/",
            f"/{name}{os.sep}",
            dir_copy_contents=True,
            create_dest_path=True,
            timestamp=build.timestamp,
        )
        if work.context is not None:
            work.context.use("/")
    return State().file(chain, name=f"[{' '.join(work.stage.name for work in works)}] together")
