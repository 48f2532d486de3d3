# SPDX-License-Identifier: Apache-2.0
"""The choice of a build's frontend, wherever it is: installed, a file, an image (DESIGN section 4)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ladle.core.api.platforms import format_platform
from ladle.core.build.configuration import Configuration
from ladle.core.build.reads import installed_read
from ladle.core.build.syntax import directive, pick_frontend
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.errors import BuildError
    from ladle.core.api.frontend import ResolvedImage
    from ladle.core.build.context import RecordingContext
    from ladle.core.build.foreign.frontend import ForeignFrontends
    from ladle.core.build.request import BuildRequest
    from ladle.core.registry import Registry

_HEAD_BYTES = 4096
Foreign = Callable[[], "ForeignFrontends"]
"""Makes what finds frontends that are not installed: only a build that has one imports it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A frontend that was found: what the compiled result is kept under, and how to make it."""

    name: str
    version: str
    make: Callable[[], Any]


def choose(
    request: BuildRequest, context: RecordingContext, registry: Registry, foreign: Foreign | None
) -> tuple[str, Chosen]:
    """Return the build file's shown name and its frontend; raises `UsageError` naming every candidate that was tried.

    What stands after the name becomes the context's `options.arguments`.
    """
    shown, data = context.build_file()
    head = data[:_HEAD_BYTES]
    words = (request.syntax or request.options.build_args.get("BUILDKIT_SYNTAX", "") or directive(head)).split()
    wanted = words[0] if words else ""
    if len(words) > 1:
        context.options = replace(context.options, arguments=tuple(words[1:]))
    replaced = _replaced(wanted, request, context, foreign)
    if replaced is not None:
        return shown, replaced
    name = pick_frontend(registry, path=shown, head=head, wanted=wanted, warn=lambda error: _warn(context, error))
    if registry.asked_strangers("frontend"):
        context.reads.append(installed_read())
    _permit(name or _plain(wanted), _kind(name, wanted), context)
    if name:
        return shown, _installed(name, registry, foreign, context)
    return shown, _found(wanted, request, context, registry, foreign)


def _installed(name: str, registry: Registry, foreign: Foreign | None, context: RecordingContext) -> Chosen:
    """Return an installed frontend. A stranger's runs in this process too; its version and its files are in the key."""
    cls = registry.load("frontend", name)
    if name not in registry.builtin("frontend"):
        from ladle.core.build.foreign.files import file_reads

        context.reads.extend(file_reads(cls))
        version = f"{cls.VERSION} of {registry.origin('frontend', name)}"
        return Chosen(name=name, version=version, make=cls)
    module = getattr(cls, "ISOLATED", "")
    if module and foreign is not None:
        return Chosen(name=name, version=cls.VERSION, make=lambda: foreign().isolated(name, module))
    return Chosen(name=name, version=cls.VERSION, make=cls)


def _warn(context: RecordingContext, error: BuildError) -> None:
    from ladle.core.api.diagnostics import Diagnostic, Severity

    context.warn(Diagnostic(code=error.code, severity=Severity.WARNING, message=error.message, help=error.help))


def _found(
    wanted: str,
    request: BuildRequest,
    context: RecordingContext,
    registry: Registry,
    foreign: Foreign | None,
) -> Chosen:
    from ladle.core.build.foreign import errors
    from ladle.core.registry import near

    names = registry.names("frontend")
    tried = [f"an installed frontend ({', '.join(names)})", "an alias of the built-in Dockerfile frontend"]
    beside = () if request.build_file == "-" else (os.path.dirname(request.build_file),)
    directories = tuple(dict.fromkeys((*beside, request.context)))
    if foreign is not None and is_path(wanted):
        found = foreign().file(wanted, context, directories)
        if found is not None:
            return Chosen(name=wanted, version=found.VERSION, make=lambda: found)
        tried += [f"the file {os.path.relpath(os.path.join(directory, wanted))}" for directory in directories]
    if foreign is not None and not is_path(wanted):
        from ladle.core.build.foreign.images import resolve

        image, looked = resolve(wanted, context, directories)
        if image is not None:
            return _of_image(wanted, image, foreign)
        tried += looked
    hint = "write ./NAME.py for a frontend in a file, or install it" + near(wanted, names)
    raise errors.unknown(wanted, tried, hint)


def _replaced(wanted: str, request: BuildRequest, context: RecordingContext, foreign: Foreign | None) -> Chosen | None:
    """Return what a named context puts in the place of the frontend of that name: an image or a directory."""
    if not wanted or not request.contexts or is_path(wanted) or foreign is None:
        return None
    named = context.named_context(wanted, platform=context.options.build_platform or context.options.platforms[0])
    if named is None:
        return None
    from ladle.core.build.foreign import errors

    if named.image is not None:
        _permit(f"{named.image.scheme}://{named.image.name}", "the context of that name", context)
        return _of_image(wanted, named.image, foreign)
    if named.kind != "local":
        raise errors.not_a_frontend_context(wanted, named.kind)
    place = next(spec.value for spec in request.contexts if spec.name == named.name)
    _permit(place, "the context of that name", context)
    found = foreign().directory(wanted, place, context)
    if found is None:
        raise errors.not_a_frontend_context(wanted, "directory, without a frontend.py")
    return Chosen(name=wanted, version=found.VERSION, make=lambda: found)


def _of_image(wanted: str, image: ResolvedImage, foreign: Foreign) -> Chosen:
    from ladle.core.api.frontend_wire import PROTOCOL

    version = f"protocol-{PROTOCOL} {image.digest} {format_platform(image.platform)}"
    return Chosen(name=wanted, version=version, make=lambda: foreign().image(wanted, image))


def _permit(name: str, kind: str, context: RecordingContext) -> None:
    """Refuse a frontend that the configuration's allow-list (`[frontends] allow`, globs) does not have."""
    configuration = Configuration.load(os.environ)
    context.reads.extend(configuration.reads)
    allowed = configuration.texts("frontends", "allow")
    if allowed is None:
        return
    from fnmatch import fnmatchcase

    if not any(fnmatchcase(name, pattern) for pattern in allowed):
        from ladle.core.build.foreign import errors

        raise errors.forbidden(name, kind, allowed)


def _kind(name: str, wanted: str) -> str:
    if name:
        return "installed"
    return "a file" if is_path(wanted) else "an image"


def _plain(wanted: str) -> str:
    """Return a name as the allow-list sees it: the path of a file without detours."""
    if not is_path(wanted):
        return wanted
    path = os.path.normpath(wanted)
    return path if path.startswith(("/", "../")) else f"./{path}"


def is_path(wanted: str) -> bool:
    """Say whether a frontend's name is that of a file: only with `./`, `../` or `/` before it."""
    return wanted.startswith(("./", "../", "/"))
