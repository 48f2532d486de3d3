# SPDX-License-Identifier: Apache-2.0
"""Layers made fit to lie on others than those they were made on (`ladle.core.layers.loose` says why)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.build.threads import flight

if TYPE_CHECKING:
    from ladle.core.api.services import Services

LOOSE = "loose"
"""Facts: the layer that does anywhere what a layer does on its parents, by its id; often it is the layer itself."""


async def loosened(
    services: Services, chain: Sequence[str], start: int, on_event: Callable[[dict[str, Any]], None] | None = None
) -> list[str]:
    """Return the layers of a chain from `start` on in a form that can be laid on anything."""
    return [
        _known(services, layer) or await _loosened(services, chain[:position], layer, on_event)
        for position, layer in enumerate(chain)
        if position >= start
    ]


def is_loose(services: Services, layer: str) -> bool:
    """Say whether a layer is known to do the same wherever it lies."""
    return _known(services, layer) == layer


def _known(services: Services, layer: str) -> str:
    """Return what is remembered of a layer, "" if that is nothing or gone."""
    found = services.facts.get(LOOSE, layer)
    loose = "" if found is None else found.decode()
    return loose if loose == layer or (loose and services.snapshots.hold([loose])) else ""


async def _loosened(
    services: Services,
    parents: Sequence[str],
    layer: str,
    on_event: Callable[[dict[str, Any]], None] | None,
) -> str:
    """Find out whether a layer can lie anywhere, and make one that can if not; what was made on nothing always can."""
    async with flight(services, f"loose {layer}"):
        loose = _known(services, layer)
        if loose:
            return loose
        loose = layer
        if parents:
            snapshot = services.snapshots.allocate()
            args = {"layer": layer, "parents": list(parents), "snapshot": snapshot}
            done = await services.worker.run("loosen", args, on_event=on_event)
            for warning in done["warnings"]:
                services.reporter.warning(str(warning))
            if done["made"]:
                services.snapshots.commit(snapshot, base=services.snapshots.is_base(layer))
                services.facts.put(LOOSE, snapshot, snapshot.encode())
                loose = snapshot
        services.facts.put(LOOSE, layer, loose.encode())
        return loose
