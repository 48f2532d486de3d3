# SPDX-License-Identifier: Apache-2.0
"""The contract of a frontend: text in, build graph out (DESIGN section 4).

A frontend is a class with `NAME`, `detect` and `compile`. Everything it may know of the world it asks of its `Context`;
every answer is recorded, absence included, and is the cache key of the compiled result. It executes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Diagnostic
    from ladle.llb.ops import Platform, SourceOp
    from ladle.llb.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """What the user asked for, as far as it can change the graph. Names follow FEATURES section 1.11."""

    filename: str = "Dockerfile"
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[Platform, ...] = ()
    """Wanted platforms; never empty when a frontend sees it."""
    build_platform: Platform | None = None
    """The platform of the worker; never None when a frontend sees it."""
    no_cache: tuple[str, ...] | None = None
    """None: cached; (): nothing from the cache; names: not these stages."""
    network: str = ""
    """`--network`: "" (default), "none" or "host": forced on every RUN."""
    hostname: str = ""
    add_hosts: tuple[tuple[str, str], ...] = ()
    ulimits: tuple[tuple[str, int, int], ...] = ()
    shm_size: int = 0
    arguments: tuple[str, ...] = ()
    """What stands after the frontend's name in `# syntax=NAME ARGUMENT…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedImage:
    """An image reference looked up.

    `pinned` is what goes into the graph (`docker.io/library/busybox:latest@sha256:…`).
    """

    name: str
    """What the user wrote, normalised (`docker.io/library/busybox:latest`)."""
    scheme: str
    """`docker-image` or `oci-layout`."""
    pinned: str
    """Identifier for the SourceOp without the scheme; holds the manifest's or index's `sha256:` digest."""
    digest: str
    config: bytes
    """The image config's JSON for the wanted platform."""
    platform: Platform
    """The platform that the image's config states."""
    attrs: tuple[tuple[str, str], ...] = ()
    """Attributes for the SourceOp (`oci.store` and so on)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedContext:
    """A `--build-context NAME=…` as the frontend sees it.

    `kind` is `local` (value: the session name of a directory, `ignore`: its `.dockerignore` text or None), `image`
    (value: a `ResolvedImage`), `host` (value: a `HostBase`), `git` or `http` (`value`: the address) or `stage`
    (`value`: the name of a stage of the same build file).
    """

    name: str
    kind: str
    local: str = ""
    ignore: str | None = None
    image: ResolvedImage | None = None
    host: HostBase | None = None
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBase:
    """The machine as a base (`host://`): which of its directories are mounted read-only on every RUN."""

    dirs: tuple[str, ...]
    env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFile:
    """A build file that another one asks for: its bytes, None if it is absent, and the tree that it is in.

    `tree` is a named context of the kind `local` or `git`; None is the build context.
    """

    data: bytes | None
    tree: NamedContext | None = None


class SolvedTree(Protocol):
    """The tree of a graph that was built during a compile; links are resolved within it."""

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None if there is none; at most 16 MiB."""

    def list(self, path: str = "/") -> tuple[str, ...] | None:
        """Return the sorted names in a directory (directories end with `/`), None if there is none."""


class Context(Protocol):
    """What a frontend may ask. Plain synchronous calls; every answer is recorded."""

    options: CompileOptions

    def build_file(self) -> tuple[str, bytes]:
        """Return the build file's shown name and bytes; raises `BuildError` naming what was looked for."""

    def read(self, path: str, *, beside_build_file: bool = False) -> bytes | None:
        """Return a file of the build context or of the build file's directory, None if it is absent. At most 16 MiB."""

    def list(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted names in a directory of the build context (directories end with `/`), None if absent."""

    def asset(self, path: str) -> bytes:
        """Return a file that came with the frontend, by its path beside it; raises `BuildError` without one."""

    def read_other(self, place: str, path: str) -> OtherFile:
        """Return a file of a repository (by its address) or of a named directory; place "" is the build context.

        Raises `BuildError` for a place that cannot be read.
        """

    def ignore_file(self) -> tuple[str, bytes] | None:
        """Return name and bytes of `<build file>.dockerignore` or else `.dockerignore`; None without one (DF-76)."""

    def resolve_image(self, ref: str, *, platform: Platform, scheme: str = "docker-image") -> ResolvedImage:
        """Look up an image; raises `BuildError` naming the reference and what was tried."""

    def resolve_host(self) -> HostBase:
        """Return the machine as a base; raises `BuildError` where the build may not use it."""

    def named_context(self, name: str, *, platform: Platform) -> NamedContext | None:
        """Return the named context that replaces `name`, or None."""

    def source_date(self, op: SourceOp | None = None) -> int | None:
        """Return when a repository's commit or a download was made, in seconds; without `op` the build context.

        None where nothing says it, as for local directories (DF-69).
        """

    def call(
        self,
        frontend: str = "",
        *,
        file: str = "",
        data: bytes | None = None,
        target: str = "",
        build_args: Mapping[str, str] | None = None,
    ) -> BuildResult:
        """Return what another frontend makes of a file of the context, of `data`, or of the same build file.

        "" is the frontend that the file asks for. It gets these build args and this target, and otherwise the same
        options; what it reads counts as read by the caller. Raises what it raises.
        """

    def solve(self, state: State) -> SolvedTree:
        """Build a state now, such as one that makes a build file, and return its tree to read from.

        Raises `BuildError` where a step fails.
        """

    def warn(self, diagnostic: Diagnostic) -> None:
        """Report a finding that does not stop the build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResult:
    """What was made for one platform: its root file system as a state, and its image config.

    `config` is the OCI image config as a JSON-able dict with `rootfs.diff_ids` empty: exporters fill those in from the
    layers. `created` and the new `history` entries' `created` are RFC 3339 only where SOURCE_DATE_EPOCH fixed them;
    else they are absent and the exporter puts the time of the build. `base_history` counts the base's own entries.
    """

    platform: Platform
    state: State
    config: dict[str, Any]
    base_history: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """A compiled build: one image per platform and what else is to be known of it."""

    images: tuple[ImageResult, ...]
    epoch: int | None = None
    """SOURCE_DATE_EPOCH in seconds, if the build has one."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a frontend answers when it is asked about a build file instead of building it.

    `data` is JSON-able, in BuildKit's shape where BuildKit has the call; `text` is the same for people; `status` is the
    exit code.
    """

    data: Any
    text: str
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """A build file mended by its frontend: its text before and after, and one line for each thing that was mended."""

    name: str
    before: bytes
    after: bytes
    mended: tuple[str, ...] = ()


class Frontend(Protocol):
    """A frontend; built-ins and strangers' alike are registered as classes with these members.

    Beside them it may have any of the calls, each a method that takes a context: `lint`, `outline`, `targets` and
    `describe`, which return a `CallResult`, and `fix`, which returns a `Fixed`. A frontend without one cannot be asked.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[str]
    """Goes into the cache key of compiled results: change it whenever the output may change."""

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:
        """Say whether a build file with this name and these first bytes is this frontend's."""

    def compile(self, context: Context) -> BuildResult:
        """Compile; raises `DiagnosticError` with every error found."""
