# SPDX-License-Identifier: Apache-2.0
"""The context of an in-process frontend: answers its questions and records every answer."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import CompileOptions, HostBase, NamedContext, OtherFile, ResolvedImage
from ladle.core.api.platforms import format_platform
from ladle.core.api.reference import parse_reference
from ladle.core.build import otherfiles
from ladle.core.build.reads import MAX_FILE_BYTES, Read, file_read, installed_read, names_read, read_bounded, read_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ladle.core.api.diagnostics import Diagnostic
    from ladle.core.api.frontend import BuildResult, SolvedTree
    from ladle.core.build.composing import Composer
    from ladle.core.build.request import BuildRequest, ContextSpec
    from ladle.core.build.session import LocalSession
    from ladle.llb.ops import Platform, SourceOp
    from ladle.llb.state import State

_MAX_CHAIN = 10
_NO_SIGNS = str.maketrans(":@/", "---")


class RecordingContext:
    """Implements `ladle.core.api.frontend.Context`; `reads` and `warnings` are what it has recorded."""

    def __init__(
        self, request: BuildRequest, session: LocalSession, source: Callable[[str], Any], host_key: Callable[[], str]
    ) -> None:
        self.options: CompileOptions = request.options
        self.reads: list[Read] = []
        self.warnings: list[Diagnostic] = []
        self._request = request
        self._session = session
        self._source = source
        self._host_key = host_key
        self._named = {_familiar(spec.name): spec for spec in request.contexts}
        self.layouts: dict[str, str] = {}
        """Session names of the OCI layouts that were used, with their directories."""
        self.composer: Composer | None = None
        """Calls other frontends and solves graphs; None where nothing can be built."""
        self._stdin: bytes | None = None
        self._given: tuple[str, bytes] | None = None
        self.elsewhere = False
        """Whether a frontend that is not of this build asks, by itself or through another that it calls."""

    @classmethod
    def within(
        cls, caller: RecordingContext, request: BuildRequest, *, given: tuple[str, bytes] | None
    ) -> RecordingContext:
        """Return the context of a frontend that another calls: the caller records what it reads and warns of.

        `given` is the build file, if it is none of the context.
        """
        made = cls(request, caller._session, caller._source, caller._host_key)
        made.reads, made.warnings, made.layouts = caller.reads, caller.warnings, caller.layouts
        made._given = given
        made._stdin = caller._stdin
        made.elsewhere = caller.elsewhere
        return made

    @property
    def request(self) -> BuildRequest:
        """What the build was asked to do."""
        return self._request

    def allows(self, grant: str) -> bool:
        """Say whether the user has granted something by `--allow`."""
        return grant in self._request.allow

    @property
    def host_allowed(self) -> bool:
        """Whether the one who asks may have the machine as a base."""
        return not self.elsewhere or self.allows("host")

    def build_file(self) -> tuple[str, bytes]:
        """Return the build file's shown name and bytes; raises `BuildError` naming what was looked for."""
        if self._given is not None:
            return self._given
        path = self._request.build_file
        if path == "-":
            if self._stdin is None:
                self._stdin = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
            if len(self._stdin) > MAX_FILE_BYTES:
                raise BuildError(f"the build file on stdin is larger than {MAX_FILE_BYTES} bytes", code="LA0130")
            return "Dockerfile", self._stdin
        data = self._file(path)
        if data is None:
            what = "is not a file" if os.path.exists(path) else "does not exist"
            raise BuildError(
                f"the build file {os.path.relpath(path)!r} {what}", code="LA0131", help="name it with -f, or create it"
            )
        return self._shown(path), data

    def read(self, path: str, *, beside_build_file: bool = False) -> bytes | None:
        """Return a file of the context, None if it is absent; raises `BuildError` for a path that leads out of it."""
        base = self._request.context
        if beside_build_file and self._request.build_file != "-":
            base = os.path.dirname(self._request.build_file)
        return self._file(otherfiles.inside(base, path))

    def read_other(self, place: str, path: str) -> OtherFile:
        """Return a file of a repository or of a named directory; the build context for the place ""."""
        if not place:
            return OtherFile(data=self.read(path))
        tree = NamedContext(name=place, kind="git", value=place)
        if not otherfiles.is_repository(place):
            named = self.named_context(place, platform=self.options.platforms[0])
            if named is None:
                raise BuildError(f"there is no context {place!r}", code="LA0137")
            tree = named
        if tree.kind == "git":
            pin = otherfiles.repository_pin(self._source, tree.value)
            if not otherfiles.is_fixed(tree.value):
                self.reads.append(("git", tree.value, pin.key))
            return OtherFile(data=self._file(otherfiles.inside(pin.ref["root"], path)), tree=tree)
        if tree.kind != "local":
            raise otherfiles.not_readable(place, tree.kind)
        root = self._session.local(tree.local)
        return OtherFile(data=self._file(otherfiles.inside(root, path)), tree=tree)

    def list(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted names in a directory of the context, directories with a `/`; None if it is absent."""
        base = os.path.realpath(self._request.context)
        full = os.path.realpath(os.path.join(base, os.path.normpath("/" + path).lstrip("/")))
        if os.path.commonpath([full, base]) != base:
            raise BuildError(f"{path!r} leads out of the build context", code="LA0132")
        names = read_names(full)
        self.reads.append(names_read(full, names))
        return names

    def recorded_file(self, path: str) -> bytes | None:
        """Return a file of the machine's, such as one of a frontend's own; None if it is absent."""
        return self._file(path)

    def ignore_file(self) -> tuple[str, bytes] | None:
        """Return name and bytes of `<build file>.dockerignore` or else `.dockerignore`; None without one."""
        path = "-" if self._given is not None else self._request.build_file
        if self._request.fetched:
            return None
        if path != "-":
            data = self._file(f"{path}.dockerignore")
            if data is not None:
                return self._shown(f"{path}.dockerignore"), data
        data = self._file(os.path.join(self._request.context, ".dockerignore"))
        return None if data is None else (".dockerignore", data)

    def resolve_image(self, ref: str, *, platform: Platform, scheme: str = "docker-image") -> ResolvedImage:
        """Look up an image by its scheme's source. A layout's directory gets a session name: graphs hold no paths."""
        return self._image(ref, platform, scheme)

    def _image(self, ref: str, platform: Platform, scheme: str, *, layout: str = "") -> ResolvedImage:
        wanted = self._layout(ref, layout) if scheme == "oci-layout" else ref
        image: ResolvedImage = self._source(scheme).resolve(wanted, platform=platform, scheme=scheme)
        if scheme == "docker-image":
            name = parse_reference(ref)
            place = (name.host, name.path, name.tag, name.digest)
            self.reads.append(("tag", ref, format_platform(platform), *place, image.digest))
        elif scheme != "oci-layout":
            self.reads += [("image", scheme, ref, format_platform(platform), image.digest), installed_read()]
        return image

    def _layout(self, ref: str, name: str = "") -> str:
        """Return a layout's reference with a session name in place of its directory."""
        from ladle.core.oci.layout import split_layout_name

        path, tag, digest = split_layout_name(ref)
        directory = os.path.abspath(path)
        name = name or os.path.basename(directory) or "layout"
        while self.layouts.get(name, directory) != directory:
            name += "-"
        self.layouts[name] = directory
        self._session.add_layout(name, directory)
        self._file(os.path.join(directory, "index.json"))
        return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

    def resolve_host(self) -> HostBase:
        """Return the machine as a base."""
        source = self._source("host")
        host: HostBase = source.resolve_host()
        self.reads.append(("host", self._host_key()))
        return host

    def named_context(self, name: str, *, platform: Platform) -> NamedContext | None:
        """Return the named context that replaces `name`, or None."""
        spec = self._spec(name, platform)
        if spec is None:
            return None
        spec = self._followed(spec, platform)
        if spec.kind == "local":
            return self._local_context(spec)
        if spec.kind in ("git", "http"):
            return NamedContext(name=spec.name, kind=spec.kind, value=spec.value)
        if spec.kind == "target":
            return NamedContext(name=spec.name, kind="stage", value=spec.value)
        if spec.kind == "host":
            return NamedContext(name=spec.name, kind="host", host=self.resolve_host())
        image = self._image(spec.value, platform, spec.kind, layout=layout_name(spec.name))
        return NamedContext(name=spec.name, kind="image", image=image)

    def _spec(self, name: str, platform: Platform) -> ContextSpec | None:
        known = _familiar(name)
        return self._named.get(f"{known}::{format_platform(platform)}") or self._named.get(known)

    def _followed(self, spec: ContextSpec, platform: Platform) -> ContextSpec:
        """Return what a context stands for in the end: an image's name may be that of another context."""
        chain = [spec]
        while spec.kind in ("input", "docker-image"):
            following = self._spec(spec.value, platform)
            if following is None and spec.kind == "input":
                raise BuildError(
                    f"the context {spec.name!r} is the input {spec.value!r}, which this build does not have",
                    code="LA0139",
                    help=f"give it with --build-context {spec.value}=…",
                )
            if following is None or (following is spec and spec.kind == "docker-image"):
                return spec
            if following in chain or len(chain) > _MAX_CHAIN:
                names = " -> ".join(each.name for each in [*chain, following])
                raise BuildError(
                    f"named contexts stand for each other: {names}",
                    code="LA0123",
                    help="let one of them be a directory, an image or a repository",
                )
            spec = following
            chain.append(spec)
        return spec

    def source_date(self, op: SourceOp | None = None) -> int | None:
        """Return when a remote source was made, None where nothing says it; without one the main context."""
        if op is None:
            return self._request.context_date
        date = source_date(self._source, op)
        parts = json.dumps([op.identifier, list(op.attrs)])
        self.reads.append(("date", parts, "" if date is None else str(date)))
        return date

    def asset(self, path: str) -> bytes:
        """Raise `BuildError`: what is installed reads its own files by itself."""
        raise BuildError(
            f"there is no file {path!r} beside an installed frontend",
            code="LA0176",
            help="read it from your package: importlib.resources",
        )

    def call(
        self,
        frontend: str = "",
        *,
        file: str = "",
        data: bytes | None = None,
        target: str = "",
        build_args: Mapping[str, str] | None = None,
    ) -> BuildResult:
        """Return what another frontend makes of a file of the context, or of `data`."""
        arguments = build_args or {}
        return self._composing().call(self, frontend, file=file, data=data, target=target, build_args=arguments)

    def solve(self, state: State) -> SolvedTree:
        """Build a state now and return its tree; what stands for it is recorded as read."""
        tree, read = self._composing().solve(state)
        self.reads.append(read)
        return tree

    def _composing(self) -> Composer:
        if self.composer is None:
            raise BuildError("nothing can be built here", code="LA0177", help="ask for it where the file is built")
        return self.composer

    def warn(self, diagnostic: Diagnostic) -> None:
        """Keep a finding that does not stop the build."""
        self.warnings.append(diagnostic)

    def _local_context(self, spec: ContextSpec) -> NamedContext:
        ignore = self._file(os.path.join(spec.value, ".dockerignore"))
        self._session.add_local(spec.name, spec.value)
        text = None if ignore is None else ignore.decode(errors="replace")
        return NamedContext(name=spec.name, kind="local", local=spec.name, ignore=text)

    def _file(self, path: str) -> bytes | None:
        try:
            data = read_bounded(path)
        except OSError as error:
            raise BuildError(f"cannot read {os.path.relpath(path)!r}: {error.strerror}", code="LA0133") from error
        self.reads.append(file_read(path, data))
        return data

    def _shown(self, path: str) -> str:
        context = self._request.context
        if path.startswith(context + "/"):
            return path[len(context) + 1 :]
        return os.path.relpath(path)


def layout_name(name: str) -> str:
    """Return the session name of the layout that a named context stands for."""
    return name.translate(_NO_SIGNS)


def source_date(source: Callable[[str], Any], op: SourceOp) -> int | None:
    """Return when a remote source was made, by its plugin; None where that does not know."""
    ask = getattr(source(op.scheme), "date", None)
    date: int | None = None if ask is None else ask(op)
    return date


def _familiar(name: str) -> str:
    """Return a context's name as Docker compares it: the familiar form of a reference, without `:latest`."""
    base, sep, platform = name.partition("::")
    try:
        return parse_reference(base).familiar() + sep + platform
    except ValueError:
        return name
