# SPDX-License-Identifier: Apache-2.0
"""Loading a frontend from one file, and the modules that lie beside it: ladle reads each, and records that it did."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError

if TYPE_CHECKING:
    from ladle.frontends.process.remote import RemoteContext

MODULE = "ladle_frontend"


def load_program(program: Mapping[str, Any], context: RemoteContext) -> Any:
    """Return the frontend, made: of `{"module": "m:Class"}`, or of `{"name": …, "source": bytes}`.

    A file holds one frontend: a function under `ladle.frontends.sdk.frontend`, or a class with a method `compile`.
    """
    if "module" in program:
        module, _, attribute = program["module"].partition(":")
        return getattr(importlib.import_module(module), attribute)()
    sys.meta_path.append(_Beside(context))
    module = ModuleType(MODULE)
    module.__file__ = program["name"]
    sys.modules[MODULE] = module
    exec(compile(program["source"], program["name"], "exec"), module.__dict__)
    return frontend_of(module, program["name"])


def frontend_of(module: ModuleType, name: str) -> Any:
    """Return the one frontend that a module holds; `name` is what messages call its file."""
    from ladle.frontends.sdk import FunctionFrontend

    made = [value for value in vars(module).values() if isinstance(value, FunctionFrontend)]
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and callable(getattr(value, "compile", None))
    ]
    found = [*dict.fromkeys(made), *(each() for each in classes)]
    if len(found) != 1:
        raise BuildError(
            f"{name} holds {len(found) or 'no'} frontend{'s' if len(found) > 1 else ''}, it has to hold one",
            code="FE0004",
            help="put @frontend (from ladle.frontends.sdk) over the one function that compiles",
        )
    return found[0]


class _Beside(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules beside the frontend's file, after everything that is installed."""

    def __init__(self, context: RemoteContext) -> None:
        self._context = context
        self._sources: dict[str, tuple[str, bytes]] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 — as importlib calls it
        target: ModuleType | None = None,  # noqa: ARG002 — as importlib calls it
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the module's spec if ladle gives its source."""
        base = fullname.replace(".", "/")
        for candidate, package in ((f"{base}.py", False), (f"{base}/__init__.py", True)):
            source = self._context.ask("module", path=candidate)
            if source is not None:
                self._sources[fullname] = (candidate, source)
                return importlib.machinery.ModuleSpec(fullname, self, origin=candidate, is_package=package)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        origin, source = self._sources[module.__name__]
        module.__file__ = origin
        exec(compile(source, origin, "exec"), module.__dict__)
