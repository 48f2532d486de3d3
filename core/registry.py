# SPDX-License-Identifier: Apache-2.0
"""The registry of plugins: `kind` and name to a class, loaded one at a time and only when needed.

A registry is an object that is passed in, never a module global. It is made from static tables
(`{kind: {name: "module:attribute"}}`), which the core is handed: it names no plugin. What they do not have is looked
for among the plugins of strangers (`ladle.core.entrypoints`), which are scanned for only then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, UsageError

if TYPE_CHECKING:
    from ladle.core.entrypoints import Entry, Origin, Strangers, Trace
    from ladle.core.hooks import HookModule, Observers

Tables = Mapping[str, Mapping[str, str]]


class Registry:
    """Plugins by kind and name. Loading a broken one is an error naming it; the others go on working."""

    def __init__(self, *tables: Tables, strangers: Strangers | None = None, trace: Trace | None = None) -> None:
        self._entries: dict[str, dict[str, str]] = {}
        self._loaded: dict[tuple[str, str], Any] = {}
        self._strangers = strangers
        self._trace = trace
        self._asked: set[str] = set()
        self._modules: tuple[tuple[Entry, HookModule | BuildError], ...] | None = None
        for table in tables:
            for kind, entries in table.items():
                mine = self._entries.setdefault(kind, {})
                for name, target in entries.items():
                    if mine.setdefault(name, target) != target:
                        raise _twice(kind, name, [mine[name], target])

    def builtin(self, kind: str) -> tuple[str, ...]:
        """Return the names of ladle's own plugins of a kind, in the order of registration. Nothing is scanned."""
        return tuple(self._entries.get(kind, ()))

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of a kind: ladle's own in the order of registration, then those of strangers."""
        return tuple(dict.fromkeys([*self.builtin(kind), *(entry.name for entry in self.strangers(kind))]))

    def has(self, kind: str, name: str) -> bool:
        """Say whether there is such a plugin."""
        return name in self._entries.get(kind, {}) or any(entry.name == name for entry in self.strangers(kind))

    def strangers(self, kind: str) -> tuple[Entry, ...]:
        """Return strangers' plugins of a kind that `LADLE_PLUGINS` does not leave out: entry points, then by hooks."""
        self._asked.add(kind)
        if self._strangers is None:
            return ()
        found = list(self._strangers.entries(kind))
        for _, module in self.hook_modules():
            if not isinstance(module, BuildError):
                found += [entry for entry in self._registered(module, kind) if self._strangers.wanted(entry)]
        return tuple(found)

    def _registered(self, module: HookModule, kind: str) -> tuple[Entry, ...]:
        try:
            return tuple(module.registered(kind))
        except BuildError as error:
            self.trace(error.message)
            return ()

    def asked_strangers(self, kind: str = "") -> bool:
        """Say whether anything has depended so far on which strangers' plugins (of a kind) there are."""
        return kind in self._asked if kind else bool(self._asked)

    def left_out(self) -> tuple[Entry, ...]:
        """Return the entry points that `LADLE_PLUGINS` leaves out."""
        if self._strangers is None:
            return ()
        return tuple(entry for entry in self._strangers.all() if not self._strangers.wanted(entry))

    def hook_modules(self) -> tuple[tuple[Entry, HookModule | BuildError], ...]:
        """Return the modules with hooks, loaded, or why one cannot be; without any, pluggy is not imported."""
        if self._modules is None:
            self._modules = tuple((entry, self._hook_module(entry)) for entry in self._hook_entries())
        return self._modules

    def _hook_entries(self) -> tuple[Entry, ...]:
        return () if self._strangers is None else self._strangers.entries("hooks")

    def _hook_module(self, entry: Entry) -> HookModule | BuildError:
        from ladle.core.hooks import HookModule

        began = time.perf_counter()
        what = f"the hooks {entry.name!r} of {entry.origin}"
        try:
            loaded = load_attribute(entry.target, what, package=entry.origin.distribution)
            module = HookModule(entry, loaded, trace=self._trace)
        except BuildError as error:
            return error
        self.trace(f"loaded the hooks {entry.name} of {entry.origin} from {entry.target}", began)
        return module

    def observers(self, warn: Callable[[BuildError], None]) -> Observers | None:
        """Return what tells hooks of a build, None where no module has any. `warn` gets what is wrong with them."""
        modules = []
        for _, module in self.hook_modules():
            if isinstance(module, BuildError):
                warn(module)
                continue
            for error in module.troubles():
                warn(error)
            if module.observes():
                modules.append(module)
        if not modules:
            return None
        from ladle.core.hooks import Observers

        return Observers(modules, warn)

    def target(self, kind: str, name: str) -> str:
        """Return the `module:attribute` of a plugin; raises `UsageError` with near names for an unknown one."""
        return self._found(kind, name)[0]

    def origin(self, kind: str, name: str) -> Origin:
        """Return where a plugin comes from; raises as `target` does."""
        from ladle.core.entrypoints import Origin

        entry = self._found(kind, name)[1]
        return Origin() if entry is None else entry.origin

    def place(self, kind: str, name: str) -> str:
        """Return the directory that a stranger's plugin is installed in, "" for ladle's own."""
        entry = self._found(kind, name)[1]
        return "" if entry is None else entry.place

    def load(self, kind: str, name: str) -> Any:
        """Return the plugin's class, imported at first use; raises `BuildError` naming one that cannot be loaded."""
        key = (kind, name)
        if key not in self._loaded:
            target, entry = self._found(kind, name)
            self._loaded[key] = self.load_entry(entry) if entry else load_attribute(target, f"the {kind} {name!r}")
        return self._loaded[key]

    def load_entry(self, entry: Entry) -> Any:
        """Return the class of a stranger's plugin; raises `BuildError` if it does not keep its kind's contract."""
        from ladle.core.api.contracts import faults

        began = time.perf_counter()
        what = f"the {entry.kind} {entry.name!r} of {entry.origin}"
        plugin = load_attribute(entry.target, what, package=entry.origin.distribution)
        if found := faults(entry.kind, entry.name, plugin):
            raise BuildError(
                f"{what} ({entry.target}) does not keep the contract of a {entry.kind}: {'; '.join(found)}",
                code="LA0180",
                help=f"upgrade or uninstall {entry.origin.distribution}; docs/plugins.md has the contract",
            )
        self.trace(f"loaded {entry.kind}/{entry.name} of {entry.origin} from {entry.target}", began)
        return plugin

    def trace(self, text: str, began: float | None = None) -> None:
        """Say what was done, and how long it took since `began`, to whoever follows the plugins."""
        if self._trace is not None:
            spent = "" if began is None else f", {(time.perf_counter() - began) * 1000:.1f} ms"
            self._trace(text + spent)

    def _found(self, kind: str, name: str) -> tuple[str, Entry | None]:
        entries = self._entries.get(kind, {})
        if name in entries:
            return entries[name], None
        found = [entry for entry in self.strangers(kind) if entry.name == name]
        if len(found) > 1:
            raise _twice(kind, name, [f"{entry.target} of {entry.origin}" for entry in found])
        if not found:
            names = self.names(kind)
            raise UsageError(
                f"unknown {kind} {name!r}",
                code="LA0111",
                help=f"there are: {', '.join(sorted(names)) or 'none'}{near(name, names)}",
            )
        return found[0].target, found[0]


def load_attribute(target: str, what: str, *, package: str = "") -> Any:
    """Return the attribute of `module:attribute`; raises `BuildError` saying that `what` cannot be loaded and why."""
    from importlib import import_module

    module, _, path = target.partition(":")
    try:
        found: Any = import_module(module)
        for name in path.split(".") if path else ():
            found = getattr(found, name)
    except (Exception, SystemExit) as error:
        raise BuildError(
            f"{what} cannot be loaded from {target}: {type(error).__name__}: {error}",
            code="LA0112",
            help=f"upgrade or uninstall {package}" if package else "reinstall the package that it comes from",
        ) from error
    return found


def near(name: str, candidates: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return `; did you mean …?` for a close candidate, else an empty text."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _twice(kind: str, name: str, found: list[str]) -> BuildError:
    return BuildError(
        f"two {kind} plugins are called {name!r}: {' and '.join(found)}",
        code="LA0110",
        help="uninstall one of them, or name the distributions that you want in LADLE_PLUGINS",
    )
