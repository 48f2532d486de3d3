# SPDX-License-Identifier: Apache-2.0
"""A frontend's program: what is started in the sandbox, and what it is told first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.frontend import CompileOptions
    from ladle.core.api.refs import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One of: a Python file (`source`), a module of ladle's (`module`), a command (`argv`) in the machine or an image.

    `name` is what messages call it; `directory` where its helper modules and assets lie ("": it has none).
    """

    name: str
    source: bytes | None = None
    module: str = ""
    argv: tuple[str, ...] = ()
    directory: str = ""
    root: tuple[str, ...] | None = None
    """The layers of the image that it runs in; None: a root made of the interpreter's files."""
    env: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """Files of the machine that are to be seen in the sandbox, with their paths there."""
    runner: str = ""
    """`module:function` that serves a Python program inside the sandbox."""
    tree: Ref | None = None
    """Where its helper modules and assets lie, for one that came as an image."""
    elsewhere: bool = False
    """Whether it came from elsewhere than the build: it may then not use the machine as a base."""

    def job(self) -> dict[str, Any]:
        """Return the arguments of the worker's job."""
        module, _, function = self.runner.partition(":")
        return {
            "argv": list(self.argv),
            "code": f"from {module} import {function}; {function}()",
            "env": dict(self.env),
            "root": None if self.root is None else list(self.root),
            "files": [list(pair) for pair in self.files],
            "machine": bool(self.argv) and self.root is None,
        }

    def start(self, call: str, file: tuple[str, bytes], options: CompileOptions) -> dict[str, Any]:
        """Return the first message."""
        program: dict[str, Any] = {"name": self.name}
        if self.source is not None:
            program["source"] = self.source
        if self.module:
            program["module"] = self.module
        return {
            "ladle.frontend": wire.PROTOCOL,
            "call": call,
            "program": program,
            "file": list(file),
            "options": wire.options_to_wire(options),
        }
