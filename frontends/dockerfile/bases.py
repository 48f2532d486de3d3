# SPDX-License-Identifier: Apache-2.0
"""What stages begin with: scratch, an earlier stage, an image, a named context, the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError, Span
from ladle.core.api.errors import BuildError
from ladle.core.api.giturl import GitUrl, parse_git_url
from ladle.core.api.reference import parse_reference
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.facts import Pulled
from ladle.frontends.dockerfile.imageconfig import DEFAULT_PATH, ImageConfig
from ladle.frontends.dockerfile.localcontext import LocalContext
from ladle.frontends.dockerfile.stages import SCRATCH, Stage
from ladle.frontends.dockerfile.work import Build, Work
from ladle.frontends.suggest import nearest
from ladle.llb.metadata import OpMetadata
from ladle.llb.ops import NetMode
from ladle.llb.sources import git, host, http, source
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.core.api.frontend import HostBase, NamedContext, ResolvedImage
    from ladle.llb.ops import Platform

COMMAND = "com.docker.dockerfile.v1.command"
_SCHEMES = ("docker-image", "oci-layout")
_COMMON_IMAGES = ("alpine", "busybox", "centos", "debian", "golang", "ubuntu", "fedora")
_RESERVED = ("context", SCRATCH)
_NETWORKS = {"none": NetMode.NONE, "host": NetMode.HOST}


Lowered = Callable[[str, Span], Work]
"""Returns the finished work of another stage of the file, by its name."""


def begin(build: Build, stage: Stage, lowered: Lowered) -> Work:
    """Return the work of a stage before its first instruction; raises `DiagnosticError`."""
    span = stage.source.base.span if stage.source else stage.span
    named = _named(build, stage.name, stage.platform or build.target_platform, span) if stage.name else None
    if named is not None:
        work = _from_context(build, stage, named, lowered)
        stage.instructions = []
    elif stage.base is not None:
        return _from_stage(build, stage, build.works[stage.base])
    else:
        work = _from_name(build, stage, lowered)
    if not work.settled:
        _settle(work)
    return work


def _settle(work: Work) -> None:
    """Give the state what the image config and the options say."""
    options = work.build.options
    config = work.config
    if not any(entry.startswith("PATH=") for entry in config.words("Env")):
        config.config["Env"] = [*config.words("Env"), f"PATH={DEFAULT_PATH}"]
    for entry in config.words("Env"):
        name, _, value = entry.partition("=")
        work.set_variable(name, value)
    state = work.state.platform(work.platform).dir(config.text("WorkingDir") or "/").user(config.text("User"))
    hostname = options.hostname or options.build_args.get("BUILDKIT_SANDBOX_HOSTNAME", "")
    if hostname:
        state = state.hostname(hostname)
    if options.network in _NETWORKS:
        state = state.network(_NETWORKS[options.network])
    for name, ip in options.add_hosts:
        state = state.add_extra_host(name, ip)
    for name, soft, hard in options.ulimits:
        state = state.add_ulimit(name, soft, hard)
    work.state = state


def _from_stage(build: Build, stage: Stage, base: Work) -> Work:
    config = base.config.copy()
    config.config.pop("OnBuild", None)
    return Work(
        build=build,
        stage=stage,
        state=base.state,
        config=config,
        platform=base.platform,
        variables=dict(base.variables),
        arguments=dict(base.arguments),
        context=base.context,
        failed=base.failed,
        settled=True,
    )


def _from_name(build: Build, stage: Stage, lowered: Lowered) -> Work:
    platform = stage.platform or build.target_platform
    name = stage.base_name
    span = stage.source.base.span if stage.source else stage.span
    if name == SCRATCH:
        return _empty(build, stage, State(), build.target_platform)
    scheme, separator, rest = name.partition("://")
    if separator:
        if scheme == "host":
            if stage.source is None:
                raise DiagnosticError([errors.host_not_a_source(span)])
            return _from_host(build, stage, _asked_host(build, span))
        if scheme in _SCHEMES:
            return _from_image(build, stage, _asked_image(build, rest, platform, span, scheme))
        raise DiagnosticError([errors.not_supported(f"FROM {scheme}://", span)])
    try:
        shown = parse_reference(name).familiar()
        problem = ""
    except ValueError as error:
        shown, problem = name, str(error)
    named = _named(build, shown, platform, span)
    if named is not None:
        return _from_context(build, stage, named, lowered)
    if problem:
        raise DiagnosticError([errors.bad_base(name, problem, span)])
    return _from_image(build, stage, _asked_image(build, name, platform, span, "docker-image"))


def _named(build: Build, name: str, platform: Platform, span: Span) -> NamedContext | None:
    if name.lower() in _RESERVED:
        return None
    try:
        return build.context.named_context(name, platform=platform)
    except BuildError as error:
        found = errors.unresolved_base(name, error.message, "", span, error.notes, error.help)
        raise DiagnosticError([found]) from error


def _asked_host(build: Build, span: Span) -> HostBase:
    try:
        return build.context.resolve_host()
    except BuildError as error:
        found = errors.unresolved_base("host://", error.message, "", span, error.notes, error.help)
        raise DiagnosticError([found]) from error


def _asked_image(build: Build, name: str, platform: Platform, span: Span, scheme: str) -> ResolvedImage:
    try:
        return build.context.resolve_image(name, platform=platform, scheme=scheme)
    except BuildError as error:
        near = "" if scheme != "docker-image" else nearest(name, [*build.stage_names, *_COMMON_IMAGES])
        found = errors.unresolved_base(name, error.message, near, span, error.notes, error.help)
        raise DiagnosticError([found]) from error


def _from_image(build: Build, stage: Stage, image: ResolvedImage) -> Work:
    platform = stage.platform or build.target_platform
    span = stage.source.base.span if stage.source else stage.span
    try:
        config = ImageConfig.parse(image.config)
    except ValueError as error:
        raise DiagnosticError([errors.bad_image_config(image.name, str(error), span)]) from None
    build.facts.pulled.append(Pulled(stage, image.platform, platform))
    work = Work(build=build, stage=stage, state=State(), config=config, platform=platform)
    if config.has_layers:
        command = stage.source.source if stage.source else ""
        text = f"FROM {image.pinned}"
        work.state = source(
            f"{image.scheme}://{image.pinned}",
            dict(image.attrs),
            platform=platform,
            name=work.name(text, variables=False) if stage.source else text,
            meta=OpMetadata(description=((COMMAND, command),)),
            location=work.location(*stage.source.lines) if stage.source else None,
        )
    return work


def _from_context(build: Build, stage: Stage, named: NamedContext, lowered: Lowered) -> Work:
    if named.kind == "stage":
        return _from_stage(build, stage, lowered(named.value, stage.source.base.span if stage.source else stage.span))
    if named.kind in ("git", "http"):
        return _empty(build, stage, remote_context(named), stage.platform or build.target_platform)
    if named.image is not None:
        return _from_image(build, stage, named.image)
    if named.host is not None:
        return _from_host(build, stage, named.host)
    context = build.locals.get(named.name)
    if context is None:
        context = build.locals[named.name] = local_context(named)
    if stage.source is not None and stage.base_name != SCRATCH:
        context.use("/")
    work = _empty(build, stage, context.state, stage.platform or build.target_platform)
    work.context = context
    return work


def remote_context(named: NamedContext) -> State:
    """Return a named repository or download as a tree; the file of a download is named by its server."""
    shown = f"[context {named.name}] {named.value}"
    return http(named.value, name=shown) if named.kind == "http" else repository(parse_git_url(named.value), name=shown)


def repository(url: GitUrl, *, keep_git_dir: bool = False, checksum: str = "", name: str = "") -> State:
    """Return a repository as a tree."""
    return git(
        url.remote,
        url.ref,
        subdir=url.subdir,
        keep_git_dir=keep_git_dir if url.keep_git_dir is None else url.keep_git_dir,
        checksum=url.checksum or checksum,
        skip_submodules=not url.submodules,
        mtime=url.mtime,
        fetch_by_commit=url.fetch_by_commit,
        name=name,
    )


def local_context(named: NamedContext) -> LocalContext:
    """Return a named directory of the caller as something to copy from."""
    from ladle.frontends.dockerfile.ignoring import ignore_patterns

    patterns = ignore_patterns(f"{named.name}/.dockerignore", named.ignore) if named.ignore is not None else ()
    shown = f"[context {named.name}] load from client"
    return LocalContext(named.local, shown, f"context:{named.name}", patterns)


def _from_host(build: Build, stage: Stage, base: HostBase) -> Work:
    work = _empty(build, stage, State(), build.target_platform)
    work.state = host(dirs=base.dirs, name=work.name("FROM host://"))
    for entry in base.env:
        name, _, value = entry.partition("=")
        work.config.set_env(name, value)
    return work


def _empty(build: Build, stage: Stage, state: State, platform: Platform) -> Work:
    return Work(build=build, stage=stage, state=state, config=ImageConfig.empty(platform), platform=platform)
