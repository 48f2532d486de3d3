# SPDX-License-Identifier: Apache-2.0
"""Frontends that come with a build, as the engine sees them: the frontend contract over a process in a sandbox."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import ChannelError
from ladle.core.api.errors import BuildError
from ladle.core.build.foreign import errors
from ladle.core.build.foreign.answers import Answers, Own, beside
from ladle.core.build.foreign.images import FILE, image_program
from ladle.core.build.foreign.program import Program
from ladle.core.build.foreign.serve import converse
from ladle.core.build.foreign.trust import check_no_host
from ladle.llb.errors import LLBError

if TYPE_CHECKING:
    from ladle.core.api.frontend import BuildResult, CallResult, ResolvedImage
    from ladle.core.build.context import RecordingContext
    from ladle.core.build.subsolve import Subsolver
    from ladle.core.build.worker_thread import EngineThread
    from ladle.core.registry import Registry

CALLS = ("lint", "outline", "targets", "describe", "schema")
"""What a frontend may be asked beside `compile`."""
RUNNER = "frontend-runner"
"""The registry's kind of programs that serve a Python frontend inside the sandbox."""


class ForeignFrontend:
    """A program as a frontend: started anew for each request."""

    VERSION = f"protocol-{wire.PROTOCOL}"

    def __init__(
        self, program: Program, engine: EngineThread, subsolver: Subsolver, log: Callable[[bytes], None]
    ) -> None:
        self.NAME = program.name
        self.program = program
        self._engine = engine
        self._subsolver = subsolver
        self._log = log

    def compile(self, context: RecordingContext) -> BuildResult:
        """Compile in the sandbox; raises what the frontend failed with, or an error about the frontend."""
        try:
            return self._compiled(context)
        except BuildError as error:
            raise errors.placed(error, context.build_file()) from None

    def _compiled(self, context: RecordingContext) -> BuildResult:
        done = self._converse("compile", context)
        try:
            result = wire.result_from_wire(done)
            if not context.host_allowed:
                for image in result.images:
                    check_no_host(image.state.marshal(), self.NAME)
            return result
        except ChannelError as error:
            raise errors.nonsense(self.NAME, str(error)) from None
        except LLBError as error:
            raise errors.bad_graph(self.NAME, error.message) from None

    def __getattr__(self, call: str) -> Any:
        if call not in CALLS:
            raise AttributeError(call)
        return lambda context: self._asked(call, context)

    def _asked(self, call: str, context: RecordingContext) -> CallResult:
        try:
            return self._ask(call, context)
        except BuildError as error:
            raise errors.placed(error, context.build_file()) from None

    def _ask(self, call: str, context: RecordingContext) -> CallResult:
        done = self._converse(call, context)
        try:
            return wire.answer_from_wire(done)
        except ChannelError as error:
            raise errors.nonsense(self.NAME, str(error)) from None

    def _converse(self, call: str, context: RecordingContext) -> dict[str, Any]:
        if self.program.elsewhere:
            context.elsewhere = True
        answers = Answers(context, self._own(context))
        file = context.build_file()
        return converse(self.program, call=call, file=file, answers=answers, engine=self._engine, log=self._log)

    def _own(self, context: RecordingContext) -> Own:
        """Return what reads the frontend's own files: beside it, or in the image that it came as."""
        program = self.program
        if program.tree is None:
            return lambda path: beside(context, program.directory, path)
        tree, subsolver = program.tree, self._subsolver
        known: dict[str, bytes | None] = {}

        def read(path: str) -> bytes | None:
            if path not in known:
                known[path] = subsolver.read(tree, path)
            return known[path]

        return read


class ForeignFrontends:
    """Makes the frontends that are not installed: files, directories and images."""

    def __init__(
        self, engine: EngineThread, registry: Registry, subsolver: Subsolver, log: Callable[[bytes], None]
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._subsolver = subsolver
        self._log = log

    def isolated(self, name: str, module: str) -> ForeignFrontend:
        """Return an installed frontend that runs what comes with the build, and so runs in the sandbox."""
        return self._made(Program(name=name, module=module, runner=self._runner()))

    def image(self, name: str, image: ResolvedImage) -> ForeignFrontend:
        """Return the frontend of an image, with its layers brought into the store."""
        return self._made(image_program(name, image, self._subsolver, self._runner()))

    def file(self, wanted: str, context: RecordingContext, directories: tuple[str, ...]) -> ForeignFrontend | None:
        """Return the frontend of a file, looked for in each directory; None if it is in none of them."""
        for directory in directories:
            path = os.path.normpath(os.path.join(directory, wanted))
            data = context.recorded_file(path)
            if data is None:
                continue
            if path.endswith(".py"):
                program = Program(name=wanted, source=data, directory=os.path.dirname(path), runner=self._runner())
            else:
                if not os.access(path, os.X_OK):
                    raise errors.unreadable(wanted, "it is neither a Python file nor executable")
                inside = f"/frontend/{os.path.basename(path)}"
                program = Program(name=wanted, argv=(inside,), directory=os.path.dirname(path), files=((path, inside),))
            return self._made(program)
        return None

    def directory(self, name: str, place: str, context: RecordingContext) -> ForeignFrontend | None:
        """Return the frontend of a directory, its `frontend.py`; None without one."""
        source = context.recorded_file(os.path.join(place, FILE))
        if source is None:
            return None
        return self._made(Program(name=name, source=source, directory=place, runner=self._runner()))

    def _runner(self) -> str:
        return self._registry.target(RUNNER, "python")

    def _made(self, program: Program) -> ForeignFrontend:
        return ForeignFrontend(program, self._engine, self._subsolver, self._log)
