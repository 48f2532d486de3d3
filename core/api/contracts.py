# SPDX-License-Identifier: Apache-2.0
"""What every plugin of a kind must have, as far as it can be seen without running it."""

from __future__ import annotations

import inspect

METHODS: dict[str, tuple[str, ...]] = {
    "frontend": ("detect", "compile"),
    "source": ("resolve", "pin", "fetch"),
    "exporter": ("parse", "key", "export"),
    "executor": ("probe", "run"),
    "snapshotter": ("probe", "view", "stage", "finish"),
}
"""The methods of each kind's contract, in `core/api`."""
_ASYNC = {("source", "fetch"), ("exporter", "export")}
_CALLED_ON_CLASS = {("frontend", "detect"), ("exporter", "parse")}


def faults(kind: str, name: str, plugin: object) -> list[str]:
    """Return what a plugin lacks of its kind's contract; nothing for one that keeps it."""
    if not inspect.isclass(plugin):
        return [f"it is {type(plugin).__name__}, not a class"]
    found = _name_faults(kind, name, plugin)
    if kind == "frontend" and not isinstance(getattr(plugin, "VERSION", None), str):
        found.append("it has no text VERSION")
    if kind == "snapshotter" and not isinstance(getattr(plugin, "WRITES_IN_PLACE", None), bool):
        found.append("it does not say whether it WRITES_IN_PLACE")
    for method in METHODS.get(kind, ()):
        member = inspect.getattr_static(plugin, method, None)
        if not callable(getattr(plugin, method, None)):
            found.append(f"it has no method {method}")
        elif (kind, method) in _CALLED_ON_CLASS and not isinstance(member, classmethod | staticmethod):
            found.append(f"its {method} is no classmethod")
        elif (kind, method) in _ASYNC and not inspect.iscoroutinefunction(member):
            found.append(f"its {method} is not async")
    return found


def _name_faults(kind: str, name: str, plugin: type) -> list[str]:
    """A source answers to its schemes; whatever else has a name is registered under that."""
    if kind == "source":
        schemes = getattr(plugin, "SCHEMES", None)
        if not isinstance(schemes, tuple) or name not in schemes:
            return [f"its SCHEMES are {schemes!r}, without {name!r}"]
        return []
    own = getattr(plugin, "NAME", None)
    return [] if own == name else [f"its NAME is {own!r}, but it is registered as {name!r}"]
