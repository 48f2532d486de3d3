# SPDX-License-Identifier: Apache-2.0
"""The context of a frontend in a process of its own: every question is a message to ladle, and waits for its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import Channel, ChannelError
from ladle.core.api.frontend import OtherFile
from ladle.core.api.platforms import format_platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ladle.core.api.diagnostics import Diagnostic
    from ladle.core.api.frontend import BuildResult, CompileOptions, HostBase, NamedContext, ResolvedImage
    from ladle.frontends.process.solved import SolvedTree
    from ladle.llb.ops import Platform, SourceOp
    from ladle.llb.state import State


class RemoteContext:
    """Implements `ladle.core.api.frontend.Context` over a channel."""

    def __init__(self, channel: Channel, options: CompileOptions, file: tuple[str, bytes]) -> None:
        self.options = options
        self._channel = channel
        self._file = file
        self._number = 0

    def ask(self, question: str, **args: Any) -> Any:
        """Return ladle's answer; raises the `BuildError` that it answers with."""
        self._number += 1
        self._channel.send({"id": self._number, "ask": question, "args": args})
        reply = self._channel.receive()
        if reply is None or reply.get("id") != self._number:
            raise ChannelError("ladle ended the conversation")
        if "error" in reply:
            raise wire.error_from_wire(reply["error"])
        return reply.get("answer")

    def build_file(self) -> tuple[str, bytes]:
        """Return the build file's shown name and bytes."""
        return self._file

    def read(self, path: str, *, beside_build_file: bool = False) -> bytes | None:
        """Return a file of the build context or of the build file's directory, None if it is absent."""
        data: bytes | None = self.ask("read", path=path, beside_build_file=beside_build_file)
        return data

    def list(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted names in a directory of the build context (directories end with `/`), None if absent."""
        names = self.ask("list", path=path)
        return None if names is None else tuple(names)

    def asset(self, path: str) -> bytes:
        """Return a file that came with the frontend, by its path beside it; raises `BuildError` without one."""
        data: bytes = self.ask("asset", path=path)
        return data

    def ignore_file(self) -> tuple[str, bytes] | None:
        """Return name and bytes of the ignore file, None without one."""
        found = self.ask("ignore_file")
        return None if found is None else (found[0], found[1])

    def resolve_image(self, ref: str, *, platform: Platform, scheme: str = "docker-image") -> ResolvedImage:
        """Look up an image."""
        answer = self.ask("resolve_image", ref=ref, platform=format_platform(platform), scheme=scheme)
        return wire.image_from_wire(answer)

    def resolve_host(self) -> HostBase:
        """Return the machine as a base."""
        return wire.host_from_wire(self.ask("resolve_host"))

    def named_context(self, name: str, *, platform: Platform) -> NamedContext | None:
        """Return the named context that replaces `name`, or None."""
        return wire.named_from_wire(self.ask("named_context", name=name, platform=format_platform(platform)))

    def source_date(self, op: SourceOp | None = None) -> int | None:
        """Return when a remote source was made, in seconds, None where nothing says it."""
        source = None if op is None else [op.identifier, [list(pair) for pair in op.attrs]]
        date: int | None = self.ask("source_date", source=source)
        return date

    def read_other(self, place: str, path: str) -> OtherFile:
        """Return a file of a repository or of a named directory; the build context for the place ""."""
        found = self.ask("read_other", place=place, path=path)
        return OtherFile(data=found["data"], tree=wire.named_from_wire(found["tree"]))

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
        args = {"file": file, "data": data, "target": target, "build_args": dict(build_args or {})}
        return wire.result_from_wire(self.ask("call", frontend=frontend, **args))

    def solve(self, state: State) -> SolvedTree:
        """Build a state now and return its tree: `read(path)`, `list(path)`."""
        from ladle.frontends.process.solved import SolvedTree
        from ladle.llb.indexed import to_indexed

        return SolvedTree(self, str(self.ask("solve", graph=to_indexed(state.marshal()))))

    def warn(self, diagnostic: Diagnostic) -> None:
        """Report a finding that does not stop the build."""
        self.ask("warn", **wire.diagnostics_to_wire([diagnostic]))
