# SPDX-License-Identifier: Apache-2.0
"""The frontend of build files that are Python programs. They come with a build, so they run in the sandbox.

Light: ladle itself imports this module to ask whose a build file is; the rest is imported inside the sandbox.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.frontend import BuildResult, CallResult, Context


class PythonFrontend:
    """Runs a build file and calls the target that is wanted."""

    NAME = "python"
    VERSION = "2"
    ISOLATED = "ladle.frontends.python.frontend:PythonFrontend"

    @classmethod
    def detect(cls, path: str, head: bytes) -> bool:  # noqa: ARG003 — as the contract says
        """Say whether a build file's name is `ladle.py` or `….ladle.py`."""
        base = path.rpartition("/")[2]
        return base == "ladle.py" or base.endswith(".ladle.py")

    def compile(self, context: Context) -> BuildResult:
        """Return what the target makes; raises `DiagnosticError`."""
        from ladle.frontends.python.compile import compile_program

        return compile_program(context)

    def targets(self, context: Context) -> CallResult:
        """Return the targets of a build file with their descriptions."""
        from ladle.frontends.python.calls import targets

        return targets(context)

    def outline(self, context: Context) -> CallResult:
        """Return the build arguments that a target takes."""
        from ladle.frontends.python.calls import outline

        return outline(context)

    def describe(self, context: Context) -> CallResult:  # noqa: ARG002 — as the contract says
        """Return the calls that are answered."""
        from ladle.frontends.python.calls import describe

        return describe()

    def lint(self, context: Context) -> CallResult:
        """Run the program, and say what is wrong."""
        from ladle.core.api.frontend import CallResult

        self.compile(context)
        return CallResult(data={"warnings": [], "sources": []}, text="Check complete, no warnings found.\n")
