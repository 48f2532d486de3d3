# SPDX-License-Identifier: Apache-2.0
"""What stages begin with and copy from: scratch, the host, other stages, named contexts, images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError, Span
from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import PatternError, parse_ignore
from ladle.core.api.platforms import format_platform, parse_platform
from ladle.core.api.reference import parse_reference
from ladle.frontends.dockerfile.bases import remote_context
from ladle.frontends.dockerfile.imageconfig import DEFAULT_PATH, ImageConfig
from ladle.frontends.dockerfile.localcontext import LocalContext
from ladle.frontends.suggest import nearest
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.ast import Stage
from ladle.frontends.yaml.work import Build, Work, placed
from ladle.llb.ops import NetMode
from ladle.llb.settings import Environment
from ladle.llb.sources import host, source
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.core.api.frontend import HostBase, NamedContext, ResolvedImage
    from ladle.llb.ops import Platform

_SCHEMES = ("docker-image", "oci-layout")
_COMMON_IMAGES = ("alpine", "busybox", "debian", "fedora", "golang", "node", "python", "ubuntu")
_NETWORKS = {"none": NetMode.NONE, "host": NetMode.HOST}
_RESERVED = ("context", "scratch", "host")


def begin(build: Build, stage: Stage) -> Work:
    """Return the work of a stage before its first step; raises `DiagnosticError`."""
    node = stage.node.get("from")
    name = stage.scope.text(node) if node is not None else "scratch"
    span = node.span if node is not None else stage.key
    platform = _platform(build, stage)
    if not name:
        raise DiagnosticError([errors.empty_value("the base", span)])
    named = _named(build, stage.name, platform, span)
    if named is not None:
        work = _from_context(build, stage, named, platform, span)
        work.replaced = True
    else:
        other = build.stages.named(name, span, stage)
        if other is not None:
            return _from_stage(build, stage, build.works[other], platform if stage.node.get("platform") else None)
        work = _from_name(build, stage, name, platform, span)
    work.base = name
    if work.context is not None:
        work.context.use("/")
    if not work.settled:
        _settle(work)
    return work


def other(build: Build, stage: Stage, name: str, span: Span) -> Work:
    """Return what a `from` of a copy or a mount stands for; raises `DiagnosticError`."""
    named = build.stages.named(name, span, stage)
    if named is not None:
        return build.works[named]
    if not name:
        raise DiagnosticError([errors.empty_value("`from`", span)])
    platform = _platform(build, stage)
    key = (name, format_platform(platform))
    if key not in build.images:
        if name == "host" or name.startswith("host://"):
            raise DiagnosticError([errors.host_not_a_source(span)])
        build.images[key] = _from_name(build, stage, name, platform, span)
    return build.images[key]


def _platform(build: Build, stage: Stage) -> Platform:
    node = stage.node.get("platform")
    text = stage.scope.text(node) if node is not None else stage.cell.get("platform", "target")
    if text == "target":
        return build.platform
    if text == "build":
        return build.options.build_platform or build.platform
    try:
        return parse_platform(text)
    except BuildError as error:
        raise DiagnosticError([errors.bad_platform(text, error.message, node.span if node else stage.key)]) from None


def _settle(work: Work) -> None:
    """Give the state what the image config and the options say."""
    options, config = work.build.options, work.config
    if not any(entry.startswith("PATH=") for entry in config.words("Env")):
        config.config["Env"] = [*config.words("Env"), f"PATH={DEFAULT_PATH}"]
    state = work.state.with_environment(Environment.parse(config.words("Env"))).platform(work.platform)
    state = state.dir(config.text("WorkingDir") or "/").user(config.text("User"))
    if options.hostname:
        state = state.hostname(options.hostname)
    if options.network in _NETWORKS:
        state = state.network(_NETWORKS[options.network])
    for name, ip in options.add_hosts:
        state = state.add_extra_host(name, ip)
    for name, soft, hard in options.ulimits:
        state = state.add_ulimit(name, soft, hard)
    work.state = state


def _from_stage(build: Build, stage: Stage, base: Work, platform: Platform | None) -> Work:
    config = base.config.copy()
    config.config.pop("OnBuild", None)
    state = base.state if platform is None else base.state.platform(platform)
    return Work(
        build=build,
        stage=stage,
        state=state,
        config=config,
        platform=platform or base.platform,
        base=base.base,
        context=base.context,
        settled=True,
    )


def _from_name(build: Build, stage: Stage, name: str, platform: Platform, span: Span) -> Work:
    if name == "scratch":
        return _empty(build, stage, State(), platform)
    scheme, separator, rest = name.partition("://")
    if name == "host" or (separator and scheme == "host"):
        return _from_host(build, stage, _asked_host(build, span), platform)
    if separator and scheme in _SCHEMES:
        return _from_image(build, stage, _asked_image(build, rest, platform, span, scheme), platform, span)
    if separator:
        reason = "give a stage, a named context, an image, docker-image://, oci-layout://, scratch or host"
        raise DiagnosticError([errors.unresolved_image(name, reason, "", span, (), "")])
    try:
        shown = parse_reference(name).familiar()
    except ValueError as error:
        named = _named(build, name, platform, span)
        if named is not None:
            return _from_context(build, stage, named, platform, span)
        near = nearest(name, build.stages.by_name)
        raise DiagnosticError([errors.unresolved_image(name, str(error), near, span, (), "")]) from None
    named = _named(build, shown, platform, span)
    if named is not None:
        return _from_context(build, stage, named, platform, span)
    return _from_image(build, stage, _asked_image(build, name, platform, span, "docker-image"), platform, span)


def _named(build: Build, name: str, platform: Platform, span: Span) -> NamedContext | None:
    if name.lower() in _RESERVED:
        return None
    try:
        return build.context.named_context(name, platform=platform)
    except BuildError as error:
        found = errors.unresolved_image(name, error.message, "", span, error.notes, error.help)
        raise DiagnosticError([found]) from error


def _asked_host(build: Build, span: Span) -> HostBase:
    try:
        return build.context.resolve_host()
    except BuildError as error:
        found = errors.unresolved_image("host", error.message, "", span, error.notes, error.help)
        raise DiagnosticError([found]) from error


def _asked_image(build: Build, name: str, platform: Platform, span: Span, scheme: str) -> ResolvedImage:
    try:
        return build.context.resolve_image(name, platform=platform, scheme=scheme)
    except BuildError as error:
        near = nearest(name, [*build.stages.by_name, *_COMMON_IMAGES])
        raise DiagnosticError(
            [errors.unresolved_image(name, error.message, near, span, error.notes, error.help)]
        ) from error


def _from_image(build: Build, stage: Stage, image: ResolvedImage, platform: Platform, span: Span) -> Work:
    try:
        config = ImageConfig.parse(image.config)
    except ValueError as error:
        raise DiagnosticError([errors.bad_image_config(image.name, str(error), span)]) from None
    work = Work(build=build, stage=stage, state=State(), config=config, platform=platform)
    if config.has_layers:
        with placed(span):
            work.state = source(
                f"{image.scheme}://{image.pinned}",
                dict(image.attrs),
                platform=platform,
                name=work.name(f"from {image.pinned}"),
                location=work.location(span),
            )
    return work


def _from_context(build: Build, stage: Stage, named: NamedContext, platform: Platform, span: Span) -> Work:
    if named.kind == "stage":
        found = build.stages.named(named.value, span)
        if found is None or found not in build.works:
            near = nearest(named.value, build.stages.by_name)
            raise DiagnosticError([errors.unknown_stage(named.value, near, span)])
        return _from_stage(build, stage, build.works[found], None)
    if named.kind in ("git", "http"):
        return _empty(build, stage, remote_context(named), platform)
    if named.image is not None:
        return _from_image(build, stage, named.image, platform, span)
    if named.host is not None:
        return _from_host(build, stage, named.host, platform)
    context = build.locals.get(named.name)
    if context is None:
        context = build.locals[named.name] = _local(named)
    work = _empty(build, stage, context.state, platform)
    work.context = context
    return work


def _local(named: NamedContext) -> LocalContext:
    patterns = ignore_patterns(f"{named.name}/.dockerignore", named.ignore) if named.ignore is not None else ()
    return LocalContext(named.local, f"[context {named.name}] load from client", f"context:{named.name}", patterns)


def ignore_patterns(name: str, text: str) -> tuple[str, ...]:
    """Return the rules of an ignore file; raises `DiagnosticError`."""
    try:
        return tuple(str(rule) for rule in parse_ignore(text))
    except PatternError as error:
        raise DiagnosticError([errors.bad_ignore(name, str(error))]) from None


def _from_host(build: Build, stage: Stage, base: HostBase, platform: Platform) -> Work:
    work = _empty(build, stage, State(), platform)
    work.state = host(dirs=base.dirs, name=work.name("from host://"))
    for entry in base.env:
        name, _, value = entry.partition("=")
        work.config.set_env(name, value)
    return work


def _empty(build: Build, stage: Stage, state: State, platform: Platform) -> Work:
    return Work(build=build, stage=stage, state=state, config=ImageConfig.empty(platform), platform=platform)
