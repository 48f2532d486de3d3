# SPDX-License-Identifier: Apache-2.0
"""The YAML frontend: text -> tree -> stages -> graph. Read `compile` first; it is the table of contents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.frontend import BuildResult

if TYPE_CHECKING:
    from ladle.core.api.frontend import CallResult, Context

_NAME = re.compile(r"(?:.*\.)?ladle\.ya?ml")


class YamlFrontend:
    """Compiles `ladle.yaml`."""

    NAME: ClassVar[str] = "yaml"
    VERSION: ClassVar[str] = "2"

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:  # noqa: ARG003
        """Say yes to `ladle.yaml`, `app.ladle.yaml` and the same with `.yml`."""
        return _NAME.fullmatch(path.rsplit("/", 1)[-1].lower()) is not None

    def compile(self, context: Context) -> BuildResult:
        """Compile for every platform that is wanted; raises `DiagnosticError` with every error found."""
        from ladle.frontends.yaml.include import read_build_file
        from ladle.frontends.yaml.lower import lower

        file = read_build_file(context)
        made = [lower(file, context, platform) for platform in context.options.platforms]
        return BuildResult(images=tuple(image for image, _ in made), epoch=made[0][1].epoch if made else None)

    def targets(self, context: Context) -> CallResult:
        """Return the targets and stages of a build file with their descriptions."""
        from ladle.frontends.yaml.calls import targets

        return targets(context)

    def outline(self, context: Context) -> CallResult:
        """Return the arguments that a build file takes."""
        from ladle.frontends.yaml.calls import outline

        return outline(context)

    def schema(self, context: Context) -> CallResult:  # noqa: ARG002 — as the contract says
        """Return the JSON Schema of build files."""
        from ladle.frontends.yaml.calls import schema

        return schema()

    def lint(self, context: Context) -> CallResult:
        """Compile, and say what is wrong."""
        from ladle.frontends.yaml.calls import lint

        return lint(context)

    def describe(self, context: Context) -> CallResult:  # noqa: ARG002 — as the contract says
        """Return the calls that are answered."""
        from ladle.frontends.yaml.calls import describe

        return describe()
