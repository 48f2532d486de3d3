# SPDX-License-Identifier: Apache-2.0
"""The answers to what a frontend in its sandbox asks: each question one method, every argument checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import ChannelError
from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import parse_platform
from ladle.core.build.foreign import errors
from ladle.core.build.foreign.trust import check_no_host, check_no_secret
from ladle.llb.errors import LLBError
from ladle.llb.indexed import from_indexed
from ladle.llb.ops.source import SourceOp
from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.core.api.frontend import CompileOptions, SolvedTree
    from ladle.core.build.context import RecordingContext

Own = Callable[[str], "bytes | None"]
"""Reads a file of the frontend's own by its path beside it."""
MAX_NAMES = 100_000
"""How many names of one directory a frontend is given."""


class Answers:
    """Answers by a recording context; `own` reads the frontend's own files."""

    def __init__(self, context: RecordingContext, own: Own) -> None:
        self.context = context
        self.options: CompileOptions = context.options
        self.last_error: BuildError | None = None
        """The last error that a question was answered with."""
        self._own_file = own
        self._trees: list[SolvedTree] = []

    def reply(self, question: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return `{"answer": …}` or `{"error": …}`; raises `ChannelError` for what is no question."""
        method = getattr(self, f"answer_{question}", None) if question.isidentifier() else None
        if method is None:
            raise ChannelError(f"there is no question {question[:80]!r}")
        try:
            return {"answer": method(**args)}
        except TypeError as error:
            raise ChannelError(f"the question {question!r}: {error}") from None
        except BuildError as error:
            self.last_error = error
            return {"error": wire.error_to_wire(error)}

    def answer_read(self, path: object, beside_build_file: object = False) -> bytes | None:
        """A file of the context."""
        return self.context.read(_text("path", path), beside_build_file=beside_build_file is True)

    def answer_list(self, path: object) -> list[str] | None:
        """The names in a directory of the context."""
        names = self.context.list(_text("path", path))
        return None if names is None else list(names[:MAX_NAMES])

    def answer_module(self, path: object) -> bytes | None:
        """A helper module beside the frontend."""
        return self._own_file(_text("path", path))

    def answer_asset(self, path: object) -> bytes:
        """A file beside the frontend."""
        data = self._own_file(_text("path", path))
        if data is None:
            raise BuildError(
                f"the frontend has no file {path!r} beside it",
                code="FE0006",
                help="ship it in the frontend's directory",
            )
        return data

    def answer_ignore_file(self) -> list[object] | None:
        """Name and bytes of the ignore file."""
        found = self.context.ignore_file()
        return None if found is None else list(found)

    def answer_resolve_image(self, ref: object, platform: object, scheme: object = "docker-image") -> dict[str, Any]:
        """An image by its reference."""
        wanted = parse_platform(_text("platform", platform))
        name = _text("scheme", scheme)
        if name not in ("docker-image", "oci-layout"):
            raise BuildError(f"{name!r} is not a scheme of images", code="FE0007", help="docker-image or oci-layout")
        if name == "oci-layout":
            raise errors.only_named_layouts(_text("ref", ref))
        return wire.image_to_wire(self.context.resolve_image(_text("ref", ref), platform=wanted, scheme=name))

    def answer_resolve_host(self) -> dict[str, Any]:
        """The machine as a base."""
        if not self.context.host_allowed:
            raise errors.no_host("that asked")
        return wire.host_to_wire(self.context.resolve_host())

    def answer_named_context(self, name: object, platform: object) -> dict[str, Any] | None:
        """A named context."""
        wanted = parse_platform(_text("platform", platform))
        return wire.named_to_wire(self.context.named_context(_text("name", name), platform=wanted))

    def answer_source_date(self, source: object = None) -> int | None:
        """When a remote source was made: `[identifier, [[name, value], …]]`, None for the build context."""
        return self.context.source_date(None if source is None else _source(source))

    def answer_read_other(self, place: object, path: object) -> dict[str, Any]:
        """A file of a repository or of a named directory."""
        found = self.context.read_other(_text("place", place), _text("path", path))
        return {"data": found.data, "tree": wire.named_to_wire(found.tree)}

    def answer_call(
        self,
        frontend: object = "",
        file: object = "",
        data: object = None,
        target: object = "",
        build_args: object = None,
    ) -> dict[str, Any]:
        """What another frontend makes of a file of the context, or of `data`."""
        if data is not None and type(data) is not bytes:
            raise ChannelError("data: bytes were expected")
        if build_args is not None and type(build_args) is not dict:
            raise ChannelError("build_args: a map was expected")
        args = {_text("build_args", name): _text(name, value) for name, value in (build_args or {}).items()}
        names = _text("frontend", frontend), _text("file", file), _text("target", target)
        return wire.result_to_wire(
            self.context.call(names[0], file=names[1], data=data, target=names[2], build_args=args)
        )

    def answer_solve(self, graph: object) -> str:
        """Build a graph now; the answer names its tree."""
        try:
            definition = from_indexed(graph)
            state = State.from_definition(definition)
        except LLBError as error:
            raise errors.bad_graph("that asked", error.message) from None
        check_no_secret(definition)
        if not self.context.host_allowed:
            check_no_host(definition, "that asked")
        self._trees.append(self.context.solve(state))
        return str(len(self._trees) - 1)

    def answer_solved_read(self, tree: object, path: object) -> bytes | None:
        """A file of a tree that was solved."""
        return self._tree(tree).read(_text("path", path))

    def answer_solved_list(self, tree: object, path: object = "/") -> list[str] | None:
        """The names in a directory of a tree that was solved."""
        names = self._tree(tree).list(_text("path", path))
        return None if names is None else list(names)

    def _tree(self, name: object) -> SolvedTree:
        text = _text("tree", name)
        if not text.isdecimal() or len(text) > 9 or int(text) >= len(self._trees):
            raise ChannelError(f"tree: {text[:80]!r} is none that was solved")
        return self._trees[int(text)]

    def answer_warn(self, sources: object, diagnostics: object) -> None:
        """Findings that do not stop the build."""
        for each in wire.diagnostics_from_wire({"sources": sources, "diagnostics": diagnostics}):
            self.context.warn(each)


def beside(context: RecordingContext, directory: str, path: str) -> bytes | None:
    """Return a file of a frontend's own directory, None if it is absent; raises `BuildError` for one outside."""
    if not directory:
        return None
    full = os.path.join(directory, os.path.normpath("/" + path).lstrip("/"))
    real = os.path.realpath(directory)
    if os.path.commonpath([os.path.realpath(full), real]) != real:
        raise BuildError(f"{path!r} leads out of the frontend's directory", code="FE0008", help="copy it there")
    return context.recorded_file(full)


def _text(name: str, value: object) -> str:
    if type(value) is not str or "\0" in value:
        raise ChannelError(f"{name}: a text was expected, not {str(value)[:80]!r}")
    return value


def _source(value: object) -> SourceOp:
    if type(value) is not list or len(value) != 2:
        raise ChannelError("source: a pair of an identifier and a list of attributes was expected")
    identifier, attrs = value
    try:
        pairs = tuple(sorted((_text("attribute", name), _text("attribute", text)) for name, text in attrs))
        return SourceOp(identifier=_text("identifier", identifier), attrs=pairs)
    except (TypeError, ValueError):
        raise ChannelError("source: attributes are a list of pairs of texts") from None
    except LLBError as error:
        raise ChannelError(f"source: {error.message}") from None
