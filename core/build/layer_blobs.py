# SPDX-License-Identifier: Apache-2.0
"""Layers as blobs: what an image export or a cache export needs of each snapshot of a chain.

A layer from an image goes out as the blob it came as; a layer of our own is made by the worker's `diff` job, once per
variant (compression, level, timestamps), and remembered with its snapshot.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.build.loose_layers import is_loose
from ladle.core.build.origins import restored
from ladle.core.oci.media import layer_compression

if TYPE_CHECKING:
    from ladle.core.api.services import Services

ORIGINAL = "original"
"""The variant of the blob that a base layer came as."""


def variant_name(compression: str, level: int | None = None, epoch: int | None = None) -> str:
    """Return the name of a variant: `gzip`, `zstd:3`, `gzip@epoch=1700000000`."""
    name = compression if level is None else f"{compression}:{level}"
    return name if epoch is None else f"{name}@epoch={epoch}"


async def layer_descriptors(
    services: Services,
    layers: Sequence[str],
    *,
    compression: str = "gzip",
    level: int | None = None,
    epoch: int | None = None,
    force: bool = False,
) -> list[dict[str, Any]]:
    """Return `digest`, `size`, `media_type` and `diff_id` of each layer of a chain, bottom first; the blobs exist then.

    `epoch` caps timestamps, in layers of our own only. `force` gives base layers the wanted compression too.
    """
    import asyncio

    slots = asyncio.Semaphore(len(os.sched_getaffinity(0)))

    async def one(number: int) -> dict[str, Any]:
        async with slots:
            return await _descriptor(services, layers[:number], layers[number], compression, level, epoch, force)

    tasks = [asyncio.ensure_future(one(number)) for number in range(len(layers))]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _descriptor(
    services: Services,
    parents: Sequence[str],
    snapshot: str,
    compression: str,
    level: int | None,
    epoch: int | None,
    force: bool,
) -> dict[str, Any]:
    """Return one layer's blob: a known one, or one made now."""
    from ladle.core.build.threads import flight

    base = services.snapshots.is_base(snapshot)
    original = await _original(services, snapshot) if base else None
    if original is not None and not force:
        return original
    if original is not None and level is None and layer_compression(original["media_type"]) == compression:
        return original
    variant = variant_name(compression, level, None if base else epoch)
    known = _known(services, snapshot, variant)
    if known is not None:
        return known
    async with flight(services, f"layer {snapshot} {variant}"):
        known = _known(services, snapshot, variant)
        if known is not None:
            return known
        path = services.blobs.temporary()
        try:
            if original is not None:
                made = await _recompressed(services, original, compression, level, path)
            else:
                made = await _diffed(
                    services,
                    None if is_loose(services, snapshot) else parents,
                    snapshot,
                    compression,
                    level,
                    None if base else epoch,
                    path,
                )
            services.blobs.adopt(path, made["digest"])
        finally:
            if os.path.lexists(path):
                os.unlink(path)
        services.snapshots.set_blob(snapshot, variant, made)
        return made


async def _original(services: Services, snapshot: str) -> dict[str, Any] | None:
    """Return the blob that a base layer came as, fetched again if it is lost; None where that is not to be had."""
    from ladle.core.build.threads import flight

    found = services.snapshots.blob(snapshot, ORIGINAL)
    if found is None or services.blobs.has(found["digest"]):
        return None if found is None else dict(found)
    async with flight(services, f"restored {found['digest']}"):
        return dict(found) if services.blobs.has(found["digest"]) or await restored(services, found) else None


def _known(services: Services, snapshot: str, variant: str) -> dict[str, Any] | None:
    """Return a remembered blob if it is still in the store."""
    found = services.snapshots.blob(snapshot, variant)
    return dict(found) if found is not None and services.blobs.has(found["digest"]) else None


async def _diffed(
    services: Services,
    parents: Sequence[str] | None,
    snapshot: str,
    compression: str,
    level: int | None,
    epoch: int | None,
    out: str,
) -> dict[str, Any]:
    """Have the worker write a layer as a blob: all that is in it if it has no parents but can lie anywhere."""
    args = {
        "parents": list(parents or ()),
        "loose": parents is None,
        "snapshot": snapshot,
        "compression": compression,
        "level": level,
        "epoch": epoch,
        "out": out,
    }
    try:
        result = await services.worker.run("diff", args)
    except BuildError as error:
        maker = services.snapshots.maker(snapshot)
        if not maker:
            raise
        notes = (*error.notes, f"the layer was made by {maker}")
        raise BuildError(error.message, code=error.code, notes=notes, help=error.help) from error
    return {key: result[key] for key in ("digest", "size", "media_type", "diff_id")}


async def _recompressed(
    services: Services, original: dict[str, Any], compression: str, level: int | None, out: str
) -> dict[str, Any]:
    """Write a base layer's blob anew with another compression; its tar, and so its diff id, stays."""
    import threading

    from ladle.core.build.recompression import recompress
    from ladle.core.build.threads import in_thread

    stop = threading.Event()
    source = services.blobs.path(original["digest"])
    try:
        return await in_thread(lambda: recompress(source, original, compression, level, out, stop))
    finally:
        stop.set()
