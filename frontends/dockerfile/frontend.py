# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile frontend: text -> lines -> tree -> graph. Read `compile` first; it is the table of contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.frontend import BuildResult

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context


class DockerfileFrontend:
    """Compiles Dockerfiles."""

    NAME: ClassVar[str] = "dockerfile"
    VERSION: ClassVar[str] = "1"

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:  # noqa: ARG003
        """Say yes to `Dockerfile`, `Containerfile`, `Dockerfile.dev`, `app.Dockerfile`, in any case."""
        name = path.rsplit("/", 1)[-1].lower()
        stem, _, ending = name.partition(".")
        known = ("dockerfile", "containerfile")
        return stem in known or name.rpartition(".")[2] in known or ending in known

    def compile(self, context: Context) -> BuildResult:
        """Compile for every platform that is wanted; raises `DiagnosticError` with every error found."""
        from ladle.frontends.dockerfile.lines import decode
        from ladle.frontends.dockerfile.lower import lower
        from ladle.frontends.dockerfile.parse import parse

        name, data = context.build_file()
        file = parse(decode(name, data))
        made = [lower(file, context, platform) for platform in context.options.platforms]
        return BuildResult(images=tuple(image for image, _ in made), epoch=made[0][1] if made else None)
