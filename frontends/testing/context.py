# SPDX-License-Identifier: Apache-2.0
"""A context with nothing behind it: files, images and solved trees are what the test says."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import CompileOptions, HostBase, NamedContext, OtherFile, ResolvedImage
from ladle.core.api.platforms import format_platform, parse_platform
from ladle.frontends.testing import errors
from ladle.llb.references import normalise_reference

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Diagnostic
    from ladle.core.api.frontend import BuildResult
    from ladle.llb.ops import Platform, SourceOp
    from ladle.llb.state import State

PLAIN_CONFIG: Mapping[str, Any] = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
"""The config of an image that the test says nothing of."""


class FakeTree:
    """The tree of a solved state: paths to bytes."""

    def __init__(self, files: Mapping[str, bytes | str]) -> None:
        self._files = {path.lstrip("/"): _bytes(data) for path, data in files.items()}

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None if there is none."""
        return self._files.get(_inside(path))

    def list(self, path: str = "/") -> tuple[str, ...] | None:
        """Return the sorted names in a directory (directories end with `/`), None if there is none."""
        return _names(self._files, _inside(path))


class FakeContext:
    """Implements `ladle.core.api.frontend.Context`.

    `images` are image configs by reference, such as `{"busybox": {"Env": […], "User": "app"}}`; None resolves every
    image to a plain one. `directory` is where files are read that are not in `files`; `assets` where those lie that
    come with the frontend (`directory`, if it is not said). `solved` are the trees that `solve` returns, in order, or a
    function of the state. `calls` are the frontends by name that `call` may ask: objects with `compile`. All other
    words are options of the compile (`target`, `build_args`, …).

    Afterwards `warnings`, `asked` (each question as a text) and `solves` (the states) say what the frontend did.
    """

    def __init__(
        self,
        text: str | bytes = b"",
        *,
        filename: str = "Dockerfile",
        files: Mapping[str, str | bytes] | None = None,
        images: Mapping[str, Mapping[str, Any]] | None = None,
        contexts: Mapping[str, NamedContext] | None = None,
        host: HostBase | None = None,
        solved: Sequence[Mapping[str, bytes | str] | FakeTree] | Callable[[State], Any] = (),
        calls: Mapping[str, Any] | None = None,
        directory: str | os.PathLike[str] = "",
        assets: str | os.PathLike[str] = "",
        source_date: int | None = None,
        platforms: Sequence[str] = ("linux/amd64",),
        **options: Any,
    ) -> None:
        named = tuple(parse_platform(name) for name in platforms)
        self.options = CompileOptions(filename=filename, platforms=named, build_platform=named[0], **options)
        self.directory = os.fspath(directory)
        self.assets = os.fspath(assets) or self.directory
        self.warnings: list[Diagnostic] = []
        self.asked: list[str] = []
        self.solves: list[State] = []
        self._text = _bytes(text)
        self._files = {path: _bytes(data) for path, data in (files or {}).items()}
        self._images = None if images is None else {normalise_reference(ref): value for ref, value in images.items()}
        self._contexts = dict(contexts or {})
        self._host = host
        self._solved = solved
        self._calls = dict(calls or {})
        self._date = source_date

    def build_file(self) -> tuple[str, bytes]:
        """Return the build file's name and bytes."""
        return self.options.filename, self._text

    def read(self, path: str, *, beside_build_file: bool = False) -> bytes | None:  # noqa: ARG002 — one directory is both
        """Return a file of the context, None if it is absent."""
        self.asked.append(f"read {path}")
        inside = _inside(path)
        return self._files[inside] if inside in self._files else _on_disk(self.directory, inside)

    def read_other(self, place: str, path: str) -> OtherFile:
        """Return a file of a named context: it is looked for in `files` as `PLACE/PATH`."""
        if not place:
            return OtherFile(data=self.read(path))
        self.asked.append(f"read {path} of {place}")
        if place not in self._contexts:
            raise errors.nothing_said("context", repr(place), f"FakeContext(contexts={{{place!r}: …}})")
        return OtherFile(data=self._files.get(f"{place}/{_inside(path)}"), tree=self._contexts[place])

    def list(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted names in a directory of the context (directories end with `/`), None if it is absent."""
        self.asked.append(f"list {path}")
        inside = _inside(path)
        names = set(_names(self._files, inside) or ())
        full = os.path.join(self.directory, inside)
        if self.directory and os.path.isdir(full):
            with os.scandir(full) as entries:
                names |= {f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries}
        elif not names and inside:
            return None
        return tuple(sorted(names))

    def asset(self, path: str) -> bytes:
        """Return a file that lies beside the frontend."""
        self.asked.append(f"asset {path}")
        data = _on_disk(self.assets, _inside(path))
        if data is None:
            raise BuildError(
                f"the frontend has no file {path!r} beside it",
                code="FE0006",
                help="ship it in the frontend's directory",
            )
        return data

    def ignore_file(self) -> tuple[str, bytes] | None:
        """Return name and bytes of the ignore file, None without one."""
        for name in (f"{self.options.filename}.dockerignore", ".dockerignore"):
            data = self.read(name)
            if data is not None:
                return name, data
        return None

    def resolve_image(self, ref: str, *, platform: Platform, scheme: str = "docker-image") -> ResolvedImage:
        """Look up an image; its digest is made up, the same for the same reference."""
        name = normalise_reference(ref)
        self.asked.append(f"resolve {name} for {format_platform(platform)}")
        if self._images is not None and name not in self._images:
            raise errors.nothing_said("image", repr(ref), f"FakeContext(images={{{ref!r}: {{…}}}})")
        inner = dict(PLAIN_CONFIG if self._images is None else self._images[name])
        digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
        layers = {"type": "layers", "diff_ids": [digest]}  # one without layers would be as good as scratch
        config = {"architecture": platform.architecture, "os": platform.os, "config": inner, "rootfs": layers}
        pinned = name if "@" in name else f"{name}@{digest}"
        data = json.dumps(config, sort_keys=True).encode()
        return ResolvedImage(name=name, scheme=scheme, pinned=pinned, digest=digest, config=data, platform=platform)

    def resolve_host(self) -> HostBase:
        """Return the machine as a base."""
        self.asked.append("resolve the host")
        if self._host is None:
            raise errors.nothing_said("machine", "host://", "FakeContext(host=HostBase(dirs=('/usr',)))")
        return self._host

    def named_context(self, name: str, *, platform: Platform) -> NamedContext | None:  # noqa: ARG002 — one for all
        """Return the named context that replaces `name`, or None."""
        self.asked.append(f"named context {name}")
        return self._contexts.get(name)

    def source_date(self, op: SourceOp | None = None) -> int | None:
        """Return the date that the test gave, for any source."""
        self.asked.append(f"date of {op.identifier if op else 'the context'}")
        return self._date

    def call(
        self,
        frontend: str = "",
        *,
        file: str = "",
        data: bytes | None = None,
        target: str = "",
        build_args: Mapping[str, str] | None = None,
    ) -> BuildResult:
        """Return what another frontend makes of a file of this context, or of `data`."""
        self.asked.append(f"call {frontend} on {file or 'data'}")
        if frontend not in self._calls:
            raise errors.nothing_said("frontend", repr(frontend), f"FakeContext(calls={{{frontend!r}: …}})")
        inner = FakeContext(
            data if data is not None else self.read(file) or b"",
            filename=file or "Dockerfile",
            files=self._files,
            images=self._images,
            contexts=self._contexts,
            host=self._host,
            calls=self._calls,
            directory=self.directory,
            assets=self.assets,
            platforms=[format_platform(platform) for platform in self.options.platforms],
            target=target,
            build_args=dict(build_args or {}),
        )
        result: BuildResult = self._calls[frontend].compile(inner)
        return result

    def solve(self, state: State) -> Any:
        """Return the next tree of `solved`, or what it returns for the state."""
        self.asked.append("solve")
        self.solves.append(state)
        if callable(self._solved):
            return self._solved(state)
        if len(self.solves) > len(self._solved):
            raise errors.nothing_said(
                "tree", f"of solve number {len(self.solves)}", "FakeContext(solved=[{'/path': b'…'}])"
            )
        tree = self._solved[len(self.solves) - 1]
        return tree if isinstance(tree, FakeTree) else FakeTree(tree)

    def warn(self, diagnostic: Diagnostic) -> None:
        """Keep a finding in `warnings`."""
        self.warnings.append(diagnostic)


def _on_disk(directory: str, inside: str) -> bytes | None:
    full = os.path.join(directory, inside)
    if not directory or not os.path.isfile(full):
        return None
    with open(full, "rb") as file:
        return file.read()


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _inside(path: str) -> str:
    """Return a path relative to its root, which it cannot leave."""
    return os.path.normpath("/" + path).lstrip("/")


def _names(files: Mapping[str, bytes], directory: str) -> tuple[str, ...] | None:
    prefix = f"{directory}/" if directory else ""
    below = [path[len(prefix) :] for path in files if path.startswith(prefix)]
    names = {f"{path.split('/', 1)[0]}/" if "/" in path else path for path in below}
    return tuple(sorted(names)) if names or not directory else None
