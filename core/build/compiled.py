# SPDX-License-Identifier: Apache-2.0
"""Compiled build files, and their cache: an unchanged build file is not parsed again (DESIGN section 2).

The key is the frontend with its version, and every option; the entry lists what the compile read, absences included.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.api.platforms import format_platform, parse_platform
from ladle.core.build.context import RecordingContext
from ladle.core.build.foreign.choose import Foreign, choose
from ladle.core.build.reads import Read, unchanged
from ladle.core.version import VERSION
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.services import Facts
    from ladle.core.build.request import BuildRequest
    from ladle.core.registry import Registry
    from ladle.llb.definition import Definition
    from ladle.llb.ops import Platform

_KIND = "compile"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledImage:
    """One platform's result: the name of its end in the definition, and its image config."""

    platform: Platform
    result: str
    config: dict[str, Any]
    base_history: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A build file as a graph: the boundary between frontends and everything after them."""

    definition: Definition
    images: tuple[CompiledImage, ...]
    epoch: int | None = None
    warnings: tuple[str, ...] = ()
    reads: tuple[Read, ...] = ()
    replayable: bool = True
    """False where the build file came from a pipe: nothing can say whether it would read the same."""
    locals: Mapping[str, str] = field(default_factory=dict)
    """Session names of the directories that named contexts stand for."""
    layouts: Mapping[str, str] = field(default_factory=dict)
    """Session names of the OCI layouts that it reads."""


def compile_build_file(
    request: BuildRequest,
    context: RecordingContext,
    *,
    registry: Registry,
    facts: Facts,
    resolve: Callable[[Read], str],
    foreign: Foreign | None = None,
) -> Compiled:
    """Return the compiled build file, from the cache where everything that it read is as it was.

    Raises `DiagnosticError` for a build file that does not compile.
    """
    shown, frontend = choose(request, context, registry, foreign)
    key = _key(request, context.options.arguments, frontend.name, frontend.version, shown)
    if not request.pull and not request.no_cache:
        stored = facts.get(_KIND, key)
        if stored is not None and (found := _from_bytes(stored)) is not None and unchanged(found.reads, resolve):
            return found
    result = frontend.make().compile(context)
    compiled = _compiled(request, context, result)
    if compiled.replayable:
        facts.put(_KIND, key, _to_bytes(compiled))
    return compiled


def ask_frontend(
    request: BuildRequest,
    context: RecordingContext,
    *,
    registry: Registry,
    call: str,
    foreign: Foreign | None = None,
) -> Any:
    """Return what the frontend answers to a call; raises `BuildError` for one that it does not have."""
    _, frontend = choose(request, context, registry, foreign)
    method = getattr(frontend.make(), call, None)
    if method is None:
        raise BuildError(f"the frontend {frontend.name!r} does not answer the call {call!r}", code="LA0155")
    return method(context)


def _compiled(request: BuildRequest, context: RecordingContext, result: Any) -> Compiled:
    from ladle.core.api.snippets import render_warning
    from ladle.llb.state import marshal

    if not result.images:
        raise InternalError("the frontend returned no image")
    single = len(result.images) == 1
    names = ["" if single else format_platform(image.platform) for image in result.images]
    states = {name: image.state for name, image in zip(names, result.images, strict=True)}
    images = tuple(
        CompiledImage(platform=image.platform, result=name, config=image.config, base_history=image.base_history)
        for name, image in zip(names, result.images, strict=True)
    )
    return Compiled(
        definition=marshal(states),
        images=images,
        epoch=result.epoch,
        warnings=tuple(render_warning(diagnostic) for diagnostic in context.warnings),
        reads=tuple(dict.fromkeys(context.reads)),
        replayable=request.build_file != "-",
        locals={spec.name: spec.value for spec in request.contexts if spec.kind == "local"},
        layouts=dict(context.layouts),
    )


def _key(request: BuildRequest, arguments: tuple[str, ...], name: str, version: str, shown: str) -> str:
    options = asdict(request.options)
    contexts = sorted((spec.name, spec.kind, spec.value) for spec in request.contexts)
    allow = sorted(request.allow)
    where = [request.build_file, request.context, request.context_date]
    parts = [VERSION, name, arguments, version, shown, *where, contexts, allow, options]
    return sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _to_bytes(compiled: Compiled) -> bytes:
    import msgpack

    images = [
        [format_platform(image.platform), image.result, image.config, image.base_history] for image in compiled.images
    ]
    fields = [
        compiled.definition.to_bytes(),
        images,
        compiled.epoch,
        compiled.warnings,
        compiled.reads,
        dict(compiled.locals),
        dict(compiled.layouts),
    ]
    packed: bytes = msgpack.packb(fields)
    return packed


def _from_bytes(data: bytes) -> Compiled | None:
    """Return a stored compile; None for one that an older or newer ladle wrote in another form."""
    import msgpack

    from ladle.llb.definition import Definition
    from ladle.llb.errors import LLBError

    try:
        definition, images, epoch, warnings, reads, local_names, layouts = msgpack.unpackb(data)
        return Compiled(
            definition=Definition.from_bytes(definition),
            images=tuple(
                CompiledImage(platform=parse_platform(platform), result=name, config=config, base_history=history)
                for platform, name, config, history in images
            ),
            epoch=epoch,
            warnings=tuple(warnings),
            reads=tuple(tuple(read) for read in reads),
            locals=local_names,
            layouts=layouts,
        )
    except (ValueError, TypeError, LLBError, msgpack.UnpackException):
        return None
