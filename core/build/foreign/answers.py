# SPDX-License-Identifier: Apache-2.0
"""The answers to what a frontend in its sandbox asks: each question one method, every argument checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import ChannelError
from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import parse_platform

if TYPE_CHECKING:
    from ladle.core.api.frontend import CompileOptions
    from ladle.core.build.context import RecordingContext

MAX_NAMES = 100_000
"""How many names of one directory a frontend is given."""


class Answers:
    """Answers by a recording context; `directory` is where the frontend's own files lie."""

    def __init__(self, context: RecordingContext, directory: str) -> None:
        self.context = context
        self.options: CompileOptions = context.options
        self._directory = directory

    def reply(self, question: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return `{"answer": …}` or `{"error": …}`; raises `ChannelError` for what is no question."""
        method = getattr(self, f"answer_{question}", None) if question.isidentifier() else None
        if method is None:
            raise ChannelError(f"there is no question {question[:80]!r}")
        try:
            return {"answer": method(**args)}
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise
            raise ChannelError(f"the question {question!r}: {error}") from None
        except BuildError as error:
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
        return self._own(_text("path", path))

    def answer_asset(self, path: object) -> bytes:
        """A file beside the frontend."""
        data = self._own(_text("path", path))
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
        return wire.image_to_wire(self.context.resolve_image(_text("ref", ref), platform=wanted, scheme=name))

    def answer_resolve_host(self) -> dict[str, Any]:
        """The machine as a base."""
        return wire.host_to_wire(self.context.resolve_host())

    def answer_named_context(self, name: object, platform: object) -> dict[str, Any] | None:
        """A named context."""
        wanted = parse_platform(_text("platform", platform))
        return wire.named_to_wire(self.context.named_context(_text("name", name), platform=wanted))

    def answer_warn(self, sources: object, diagnostics: object) -> None:
        """Findings that do not stop the build."""
        for each in wire.diagnostics_from_wire({"sources": sources, "diagnostics": diagnostics}):
            self.context.warn(each)

    def _own(self, path: str) -> bytes | None:
        if not self._directory:
            return None
        inside = os.path.normpath("/" + path).lstrip("/")
        full = os.path.join(self._directory, inside)
        real = os.path.realpath(self._directory)
        if os.path.commonpath([os.path.realpath(full), real]) != real:
            raise BuildError(f"{path!r} leads out of the frontend's directory", code="FE0008", help="copy it there")
        return self.context.recorded_file(full)


def _text(name: str, value: object) -> str:
    if type(value) is not str or "\0" in value:
        raise ChannelError(f"{name}: a text was expected, not {str(value)[:80]!r}")
    return value
