# SPDX-License-Identifier: Apache-2.0
"""A local directory as a layer: what a step reads or writes on, or an image is to be made of, has to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError
from ladle.core.build.threads import flight

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services

LAYER_FACT = "local-layer"
_EVERYTHING = {"path": "/", "wildcard": False, "follow_links": False, "include": [], "exclude": []}
_COPY_ALL = {
    "action": "copy",
    "input": -1,
    "secondary_input": 0,
    "output": 0,
    "src": "/",
    "dest": "/",
    "dir_copy_contents": True,
    "create_dest_path": True,
}


async def layers_of(services: Services, ref: Ref) -> list[str]:
    """Return the snapshots of a tree, bottom first. A local directory is copied once for each content that it has."""
    if ref["kind"] == "layers":
        return list(ref["layers"])
    if ref["kind"] != "local":
        raise BuildError(
            f"a {ref['kind']} directory by itself cannot be a layer",
            code="LA0225",
            help="copy what is needed of it into an image first",
        )
    key = _content(ref)
    async with flight(services, f"{LAYER_FACT} {key}"):
        known = services.facts.get(LAYER_FACT, key)
        if known is not None and services.snapshots.hold([known.decode()]):
            return [known.decode()]
        snapshot = services.snapshots.allocate()
        args = {"inputs": [ref], "actions": [_COPY_ALL], "snapshots": {"0": snapshot}}
        made = (await services.worker.run("file", args))["outputs"][0]["snapshot"]
        if made is None:
            return []
        services.snapshots.commit(snapshot)
        services.facts.put(LAYER_FACT, key, snapshot.encode())
        return [snapshot]


def _content(ref: Ref) -> str:
    from ladle.core.content.digest import select
    from ladle.core.content.scan import load_table

    return select(load_table(ref["table"]), _EVERYTHING)
