# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile frontend: text -> lines -> tree -> graph. Read `compile` first; it is the table of contents."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.frontend import BuildResult

if TYPE_CHECKING:
    from ladle.core.api.frontend import CallResult, Context, Fixed


class DockerfileFrontend:
    """Compiles Dockerfiles."""

    NAME: ClassVar[str] = "dockerfile"
    VERSION: ClassVar[str] = "3"
    LABS: ClassVar[bool] = False
    """Whether files may use the labs language."""

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:  # noqa: ARG003
        """Say yes to `Dockerfile`, `Containerfile`, `Dockerfile.dev`, `app.Dockerfile`, in any case."""
        name = path.rsplit("/", 1)[-1].lower()
        stem, _, ending = name.partition(".")
        known = ("dockerfile", "containerfile")
        return stem in known or name.rpartition(".")[2] in known or ending in known

    def compile(self, context: Context) -> BuildResult:
        """Compile for every platform that is wanted; raises `DiagnosticError` with every error found."""
        from ladle.frontends.dockerfile.labs.reading import placing, read_build_file
        from ladle.frontends.dockerfile.lower import lower
        from ladle.frontends.dockerfile.rules.look import check_build

        file = read_build_file(context, labs=self.LABS)
        with placing(file):
            made = [lower(file, context, platform) for platform in context.options.platforms]
            check_build(file, context, made)
        return BuildResult(images=tuple(each.image for each in made), epoch=made[0].build.epoch if made else None)

    def lint(self, context: Context) -> CallResult:
        """Run the checks over the target's stages, or all of them where none is named."""
        from ladle.frontends.dockerfile.calls import lint

        return lint(context, labs=self.LABS)

    def fix(self, context: Context) -> Fixed:
        """Return the build file with everything mended that checks can mend."""
        from ladle.frontends.dockerfile.calls import fix

        return fix(context, labs=self.LABS)

    def outline(self, context: Context) -> CallResult:
        """Return what the target takes: arguments, secrets, ssh sockets, cache mounts."""
        from ladle.frontends.dockerfile.outline import outline

        return outline(context, labs=self.LABS)

    def targets(self, context: Context) -> CallResult:
        """Return the stages that can be built."""
        from ladle.frontends.dockerfile.outline import targets

        return targets(context, labs=self.LABS)

    def describe(self, context: Context) -> CallResult:  # noqa: ARG002
        """Return the calls that this frontend answers."""
        from ladle.frontends.dockerfile.outline import describe

        return describe()
