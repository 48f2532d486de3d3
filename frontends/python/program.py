# SPDX-License-Identifier: Apache-2.0
"""Running a build file: its text is executed once; modules beside it are read through the build, which records it."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.python import ambient, errors
from ladle.frontends.python.sources import Sources
from ladle.frontends.python.targets import Target
from ladle.frontends.python.trouble import told
from ladle.frontends.python.work import Work

if TYPE_CHECKING:
    from ladle.core.api.frontend import Context

MODULE = "ladle_build_file"


@contextmanager
def running(context: Context) -> Iterator[Work]:
    """Run the build file and give the work of the compile, its targets found; what goes wrong is told by its place."""
    name, data = context.build_file()
    sources = Sources(name, data)
    work = Work(context, sources)
    beside = _Beside(work)
    module = ModuleType(MODULE)
    module.__file__ = name
    with told(sources), ambient.going_on(work):
        sys.meta_path.append(beside)
        sys.modules[MODULE] = module
        try:
            exec(compile(data, name, "exec", dont_inherit=True), module.__dict__)
            work.targets = _targets(module, work)
            yield work
        finally:
            sys.meta_path.remove(beside)
            for each in (MODULE, *beside.found):
                sys.modules.pop(each, None)


def default_target(work: Work) -> Target[..., Any]:
    """Return the target that is built where none is named: the one that says so, or the build file's last."""
    marked = [target for target in work.targets.values() if target.is_default]
    if len(marked) > 1:
        spans = [work.target_span(target) for target in marked]
        raise DiagnosticError([errors.several_defaults([target.name for target in marked], spans)])
    own = [each for each in work.targets.values() if each.function.__module__ == MODULE]
    found = marked or own or list(work.targets.values())
    if not found:
        raise DiagnosticError([errors.no_target(work.sources.top())])
    return found[-1]


def chosen_target(work: Work, name: str) -> Target[..., Any]:
    """Return the target of a name, the default one for ""; raises `DiagnosticError` with a near name."""
    if not name:
        return default_target(work)
    found = work.targets.get(name)
    if found is None:
        from ladle.frontends.suggest import nearest

        default = default_target(work)
        near = nearest(name, work.targets)
        span = work.target_span(work.targets.get(near, default))
        raise DiagnosticError([errors.unknown_target(name, list(work.targets), near, span)])
    return found


def _targets(module: ModuleType, work: Work) -> dict[str, Target[..., Any]]:
    found: dict[str, Target[..., Any]] = {}
    for value in vars(module).values():
        if isinstance(value, Target) and found.setdefault(value.name, value) is not value:
            spans = [work.target_span(found[value.name]), work.target_span(value)]
            raise DiagnosticError([errors.twice(value.name, spans)])
    return found


class _Beside(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules beside the build file, after everything that is installed."""

    def __init__(self, work: Work) -> None:
        self._work = work
        folder, slash, _ = work.sources.main.rpartition("/")
        self._folder = folder + slash
        self.found: dict[str, tuple[str, bytes]] = {}
        """The modules that were found, each with its shown name and its text."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 — as importlib calls it
        target: ModuleType | None = None,  # noqa: ARG002 — as importlib calls it
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the module's spec if it lies beside the build file."""
        base = fullname.replace(".", "/")
        for place, package in ((f"{base}.py", False), (f"{base}/__init__.py", True)):
            data = self._work.context.read(place, beside_build_file=True)
            if data is not None:
                shown = self._folder + place
                self.found[fullname] = (shown, data)
                self._work.sources.add(shown, data)
                return importlib.machinery.ModuleSpec(fullname, self, origin=shown, is_package=package)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        shown, data = self.found[module.__name__]
        module.__file__ = shown
        exec(compile(data, shown, "exec", dont_inherit=True), module.__dict__)
