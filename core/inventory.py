# SPDX-License-Identifier: Apache-2.0
"""Every plugin with its state: what `ladle plugins` lists. Each one is loaded, and what is wrong with it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ladle.core.api.contracts import faults
from ladle.core.api.errors import BuildError
from ladle.core.entrypoints import KINDS, VARIABLE, Entry, Origin
from ladle.core.version import VERSION
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.registry import Registry

OK, PARTLY, BROKEN, HIDDEN, TWICE, OFF = "ok", "partly", "broken", "hidden", "twice", "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plugin: `reason` says why its `state` is not `ok`.

    `partly`: some of its hooks are of no use; `broken`; `hidden`: ladle has its own by that name; `twice`: another
    distribution has it too; `off`: `LADLE_PLUGINS` leaves it out.
    """

    kind: str
    name: str
    version: str
    origin: Origin
    target: str
    state: str = OK
    reason: str = ""


def plugins(registry: Registry) -> tuple[Plugin, ...]:
    """Return ladle's own plugins and then those of strangers, kind by kind."""
    found = [plugin for kind in KINDS for plugin in (*_own(registry, kind), *_strangers(registry, kind))]
    return (*found, *_hooks(registry), *_left_out(registry))


def _own(registry: Registry, kind: str) -> Iterator[Plugin]:
    for name in registry.builtin(kind):
        target = registry.target(kind, name)
        try:
            plugin = registry.load(kind, name)
            reason = "; ".join(faults(kind, name, plugin))
        except BuildError as error:
            plugin, reason = None, error.message
        yield Plugin(
            kind=kind,
            name=name,
            version=str(getattr(plugin, "VERSION", VERSION)),
            origin=Origin(),
            target=target,
            state=BROKEN if reason else OK,
            reason=reason,
        )


def _strangers(registry: Registry, kind: str) -> Iterator[Plugin]:
    entries = registry.strangers(kind)
    for entry in entries:
        others = [other for other in entries if other.name == entry.name and other != entry]
        if entry.name in registry.builtin(kind):
            yield _plugin(entry, state=HIDDEN, reason="ladle has one of its own by this name")
        elif others:
            rivals = " and ".join(str(other.origin) for other in others)
            yield _plugin(entry, state=TWICE, reason=f"{rivals} has one by this name too")
        else:
            yield _loaded(registry, entry)


def _loaded(registry: Registry, entry: Entry) -> Plugin:
    try:
        plugin = registry.load_entry(entry)
    except BuildError as error:
        return _plugin(entry, state=BROKEN, reason=error.message)
    return _plugin(entry, version=str(getattr(plugin, "VERSION", entry.origin.version)))


def _hooks(registry: Registry) -> Iterator[Plugin]:
    for entry, module in registry.hook_modules():
        if isinstance(module, BuildError):
            yield _plugin(entry, state=BROKEN, reason=module.message)
            continue
        said = [f"{error.message}: {error.help}" for error in module.troubles()]
        for kind in KINDS:
            try:
                list(module.registered(kind))
            except BuildError as error:
                said.append(error.message)
        yield _plugin(entry, state=PARTLY if said else OK, reason="; ".join(said))


def _left_out(registry: Registry) -> Iterator[Plugin]:
    for entry in registry.left_out():
        yield _plugin(entry, state=OFF, reason=f"{VARIABLE} does not name it")


def _plugin(entry: Entry, *, version: str = "", state: str = OK, reason: str = "") -> Plugin:
    return Plugin(
        kind=entry.kind,
        name=entry.name,
        version=version or entry.origin.version,
        origin=entry.origin,
        target=entry.target,
        state=state,
        reason=reason,
    )
