# SPDX-License-Identifier: Apache-2.0
"""An image's layers to snapshots: downloads run ahead while the worker applies layer upon layer.

A layer is known by its chain id (itself and all below it), so images share what they have in common.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.build.layer_blobs import ORIGINAL
from ladle.core.build.origins import remember_origin
from ladle.core.build.threads import flight, in_thread
from ladle.core.oci.chain import chain_ids
from ladle.core.oci.errors import digest_mismatch, unsupported_type
from ladle.core.oci.media import layer_compression

if TYPE_CHECKING:
    from ladle.core.api.services import Services
    from ladle.core.oci.documents import Descriptor
    from ladle.plugins.sources.images import ImageReader

CHAIN = "chain"
"""Facts: the snapshot of a chain id."""
_REPORT_EVERY = 0.2


async def unpack_image(
    services: Services, reader: ImageReader, vertex: str, layers: tuple[Descriptor, ...], diff_ids: tuple[str, ...]
) -> list[str]:
    """Return the snapshots of an image's layers, bottom first, made where they are not there yet."""
    for layer in layers:
        if not layer_compression(layer.media_type):
            raise unsupported_type(f"layer {layer.digest} of {reader.name}", layer.media_type)
    chain = chain_ids(diff_ids)
    snapshots = [_known(services, one) for one in chain]
    stop = threading.Event()
    downloads: dict[int, asyncio.Task[None]] = {}
    try:
        for number, layer in enumerate(layers):
            if not snapshots[number]:
                obtain = _obtain(services, reader, layer, stop, _progress(services, vertex, layer))
                downloads[number] = asyncio.create_task(in_thread(obtain))
        for number, layer in enumerate(layers):
            if not snapshots[number]:
                await downloads[number]
                snapshots[number] = await _unpacked(
                    services, vertex, layer, diff_ids[number], chain[number], snapshots[:number]
                )
    finally:
        stop.set()
        for task in downloads.values():
            task.cancel()
        await asyncio.gather(*downloads.values(), return_exceptions=True)
    return snapshots


def _known(services: Services, chain: str) -> str:
    """Return the snapshot of a chain id, "" if there is none or it is gone."""
    found = services.facts.get(CHAIN, chain)
    snapshot = found.decode() if found else ""
    return snapshot if snapshot and services.snapshots.hold([snapshot]) else ""


async def fetch_layer(services: Services, reader: ImageReader, layer: Descriptor) -> None:
    """Bring one layer's blob into the store."""
    stop = threading.Event()
    try:
        await in_thread(_obtain(services, reader, layer, stop, lambda _: None))
    finally:
        stop.set()


def _progress(services: Services, vertex: str, layer: Descriptor) -> Callable[[int], None]:
    """Return what a download tells of its progress, from its thread."""
    loop = asyncio.get_running_loop()
    last = 0.0

    def progress(received: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > _REPORT_EVERY or received == layer.size:
            last = now
            loop.call_soon_threadsafe(_report, services, vertex, "downloading", layer, received)

    return progress


def _obtain(
    services: Services,
    reader: ImageReader,
    layer: Descriptor,
    stop: threading.Event,
    progress: Callable[[int], None],
) -> Callable[[], None]:
    """Return the work of bringing one layer's blob into the store, for a thread."""

    def obtain() -> None:
        with services.single_flight(f"blob {layer.digest}"):
            if stop.is_set() or services.blobs.has(layer.digest):
                return
            path = services.blobs.temporary()
            try:
                reader.layer(layer, path, stop, progress)
                services.blobs.adopt(path, layer.digest)
            finally:
                if os.path.lexists(path):
                    os.unlink(path)
            remember_origin(services, layer.digest, *reader.origin)

    return obtain


def _report(services: Services, vertex: str, doing: str, layer: Descriptor, current: int) -> None:
    services.reporter.status(vertex, f"{doing} {layer.digest[7:19]}", current=current, total=layer.size)


async def _unpacked(
    services: Services, vertex: str, layer: Descriptor, diff_id: str, chain: str, parents: list[str]
) -> str:
    """Return the snapshot of one layer over its parents, applied by the worker unless another build was faster."""
    async with flight(services, f"chain {chain}"):
        known = _known(services, chain)
        if known:
            return known
        snapshot = services.snapshots.allocate()
        args = {
            "parents": parents,
            "snapshot": snapshot,
            "blob": services.blobs.path(layer.digest),
            "media_type": layer.media_type,
            "digest": layer.digest,
            "size": layer.size,
            "diff_id": diff_id,
        }

        def on_event(event: dict[str, Any]) -> None:
            if event.get("type") == "progress":
                _report(services, vertex, "unpacking", layer, int(event["current"]))

        try:
            result = await services.worker.run("apply", args, on_event=on_event)
        except BuildError:
            await in_thread(lambda: services.blobs.examine(layer.digest))  # one that has decayed is fetched next time
            raise
        if result["diff_id"] != diff_id:
            raise digest_mismatch(f"layer {layer.digest}, unpacked", result["diff_id"], diff_id)
        for warning in result.get("warnings", ()):
            services.reporter.warning(str(warning))
        services.snapshots.commit(snapshot, diff_id=diff_id, base=True)
        descriptor = {
            "digest": layer.digest,
            "size": layer.size,
            "media_type": layer.media_type,
            "diff_id": diff_id,
        }
        services.snapshots.set_blob(snapshot, ORIGINAL, descriptor)
        services.facts.put(CHAIN, chain, snapshot.encode())
        return snapshot
