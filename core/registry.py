# SPDX-License-Identifier: Apache-2.0
"""The registry of plugins: `kind` and name to a class, loaded one at a time and only when needed.

A registry is an object that is passed in, never a module global. It is made from static tables
(`{kind: {name: "module:attribute"}}`); the core names no plugin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import BuildError, UsageError

Tables = Mapping[str, Mapping[str, str]]


class Registry:
    """Plugins by kind and name. Loading a broken one is an error naming it; the others go on working."""

    def __init__(self, *tables: Tables) -> None:
        self._entries: dict[str, dict[str, str]] = {}
        self._loaded: dict[tuple[str, str], Any] = {}
        for table in tables:
            for kind, entries in table.items():
                mine = self._entries.setdefault(kind, {})
                for name, target in entries.items():
                    if mine.setdefault(name, target) != target:
                        raise BuildError(
                            f"two {kind} plugins are called {name!r}: {mine[name]} and {target}",
                            code="LA0110",
                            help="uninstall one of them",
                        )

    def names(self, kind: str) -> tuple[str, ...]:
        """Return the names of a kind in the order of registration."""
        return tuple(self._entries.get(kind, ()))

    def target(self, kind: str, name: str) -> str:
        """Return the `module:attribute` of a plugin; raises `UsageError` with near names for an unknown one."""
        entries = self._entries.get(kind, {})
        if name not in entries:
            raise UsageError(
                f"unknown {kind} {name!r}",
                code="LA0111",
                help=f"there are: {', '.join(sorted(entries)) or 'none'}{near(name, entries)}",
            )
        return entries[name]

    def load(self, kind: str, name: str) -> Any:
        """Return the plugin's class, imported at first use; raises `BuildError` naming one that cannot be loaded."""
        key = (kind, name)
        if key not in self._loaded:
            target = self.target(kind, name)
            self._loaded[key] = load_attribute(target, f"the {kind} {name!r}")
        return self._loaded[key]


def load_attribute(target: str, what: str) -> Any:
    """Return the attribute of `module:attribute`; raises `BuildError` saying that `what` cannot be loaded and why."""
    from importlib import import_module

    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:
        raise BuildError(
            f"{what} cannot be loaded from {target}: {type(error).__name__}: {error}",
            code="LA0112",
            help="reinstall the package that it comes from",
        ) from error


def near(name: str, candidates: Mapping[str, object] | tuple[str, ...]) -> str:
    """Return `; did you mean …?` for a close candidate, else an empty text."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(candidates), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
