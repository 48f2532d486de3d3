# SPDX-License-Identifier: Apache-2.0
"""Modules with hooks, loaded one by one: what they register, what they observe, and what is wrong with them.

Each has a pluggy manager of its own, so that a failure is one module's and is known to be its.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from ladle.core import hookspecs
from ladle.core.api.errors import BuildError
from ladle.core.entrypoints import Entry

if TYPE_CHECKING:
    from ladle.core.entrypoints import Trace


class HookModule:
    """The hooks of one entry point."""

    def __init__(self, entry: Entry, module: object, *, trace: Trace | None = None) -> None:
        """Take the hooks of a module; raises `BuildError` if one asks for what there is not."""
        self.entry = entry
        self._trace = trace
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        try:
            self._manager.register(module, entry.target)
        except pluggy.PluginValidationError as error:
            raise BuildError(
                f"the hooks {entry.name!r} of {entry.origin} are not as ladle calls them: {error}",
                code="LA0182",
                help="docs/plugins.md has the hooks and their arguments",
            ) from error

    def troubles(self) -> tuple[BuildError, ...]:
        """Return an error for each hook that nobody calls; the others are called all the same."""
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError:
            return tuple(self._never_called(hook.name) for hook in self._callers() if not hook.has_spec())
        return ()

    def _never_called(self, hook: str) -> BuildError:
        from difflib import get_close_matches

        known = [name for name in vars(hookspecs) if name.startswith(f"{hookspecs.PROJECT}_")]
        close = get_close_matches(hook, known, n=1)
        return BuildError(
            f"the hooks {self.entry.name!r} of {self.entry.origin} have {hook!r}, which ladle never calls",
            code="LA0184",
            help=f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}",
        )

    def _callers(self) -> list[pluggy.HookCaller]:
        return self._manager.get_hookcallers(self._manager.get_plugin(self.entry.target)) or []

    def has(self, hook: str) -> bool:
        """Say whether the module has a hook."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def observes(self) -> bool:
        """Say whether it has any hook that is told of builds."""
        registering = set(hookspecs.REGISTRATION.values())
        return any(hook.has_spec() and hook.name not in registering for hook in self._callers())

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """Call a hook; raises what it raises."""
        if not self.has(hook):
            return []
        began = time.perf_counter()
        try:
            results: list[Any] = getattr(self._manager.hook, hook)(**arguments)
            return results
        finally:
            if self._trace is not None:
                spent = (time.perf_counter() - began) * 1000
                self._trace(f"called {hook} of {self.entry.origin}, {spent:.1f} ms")

    def registered(self, kind: str) -> Iterator[Entry]:
        """Return what the module registers of a kind; raises `BuildError` for what is no list of classes."""
        hook = hookspecs.REGISTRATION[kind]
        try:
            classes = [cls for result in self.call(hook) for cls in result]
        except Exception as error:
            raise self.failed(hook, error) from error
        for cls in classes:
            if not isinstance(cls, type):
                raise self.failed(hook, TypeError(f"{cls!r} is no class"))
            names = getattr(cls, "SCHEMES", ()) if kind == "source" else (getattr(cls, "NAME", cls.__name__),)
            for name in names:
                yield Entry(
                    kind=kind,
                    name=str(name),
                    target=f"{cls.__module__}:{cls.__qualname__}",
                    origin=self.entry.origin,
                    place=self.entry.place,
                )

    def failed(self, hook: str, error: BaseException) -> BuildError:
        """Return the error of a hook that raised one."""
        return BuildError(
            f"the hook {hook} of {self.entry.origin} failed: {type(error).__name__}: {error}",
            code="LA0183",
            help=f"upgrade or uninstall {self.entry.origin.distribution}",
        )


class Observers:
    """Tells hooks what a build does, one at a time. One that fails is reported once and not told of anything more."""

    def __init__(self, modules: Sequence[HookModule], warn: Callable[[BuildError], None]) -> None:
        self._modules = list(modules)
        self._warn = warn
        self._lock = threading.RLock()

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call a hook of every module that has it."""
        with self._lock:
            for module in tuple(self._modules):
                try:
                    module.call(hook, **arguments)
                except Exception as error:
                    self._modules.remove(module)
                    self._warn(module.failed(hook, error))

    def event(self, event: dict[str, Any]) -> None:
        """Take an event of the progress (`ladle.core.progress.reporter`)."""
        kind = event["type"]
        if kind not in _EVENTS:
            return
        arguments = {"digest": event["vertex"], "name": event["name"]}
        if kind in ("completed", "failed", "canceled"):
            arguments["seconds"] = event["duration"]
        if kind in ("failed", "canceled"):
            arguments["error"] = event.get("error", "canceled")
        self.tell(_EVENTS[kind], **arguments)


_EVENTS = {
    "started": "ladle_vertex_started",
    "cached": "ladle_vertex_cached",
    "completed": "ladle_vertex_finished",
    "failed": "ladle_vertex_failed",
    "canceled": "ladle_vertex_failed",
}
