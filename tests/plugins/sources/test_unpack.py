# SPDX-License-Identifier: Apache-2.0
"""Layers to snapshots: downloads run ahead, failures and cancelled waits leave a usable store."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services
from ladle.core.oci.documents import Descriptor
from ladle.plugins.sources.unpack import unpack_image

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def make_layer(name: str) -> tuple[Descriptor, str, bytes]:
    """Return a layer with one file: its descriptor, its diff id, its blob."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    data = gzip.compress(buffer.getvalue(), mtime=0)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    diff_id = f"sha256:{hashlib.sha256(buffer.getvalue()).hexdigest()}"
    return Descriptor(media_type=GZIP, digest=digest, size=len(data)), diff_id, data


class Reader:
    """Gives out blobs; `before` runs in the download's thread first."""

    name = "app"
    origin = ("docker-image", "registry.test/app")

    def __init__(self, layers: list[tuple[Descriptor, str, bytes]]) -> None:
        self.data = {layer.digest: data for layer, _, data in layers}
        self.before: Callable[[Descriptor, threading.Event], None] = lambda layer, stop: None
        self.order: list[str] = []

    def document(self, digest: str) -> bytes:
        raise AssertionError("not asked for here")

    def blob(self, descriptor: Descriptor, limit: int) -> bytes:
        raise AssertionError("not asked for here")

    def layer(self, layer: Descriptor, target: str, stop: threading.Event, progress: Callable[[int], None]) -> None:
        Path(target).write_bytes(b"")
        self.order.append(layer.digest)
        self.before(layer, stop)
        Path(target).write_bytes(self.data[layer.digest])
        progress(layer.size)


@pytest.fixture
def layers() -> list[tuple[Descriptor, str, bytes]]:
    return [make_layer(name) for name in ("one", "two", "three")]


def unpacking(services: Services, reader: Reader, layers: list[tuple[Descriptor, str, bytes]]) -> Any:
    descriptors = tuple(layer for layer, _, _ in layers)
    return unpack_image(services, reader, "vertex", descriptors, tuple(diff_id for _, diff_id, _ in layers))


def leftovers(services: Services) -> list[Path]:
    return [path for path in Path(services.root).iterdir() if path.name.startswith("temporary")]


def test_later_layers_are_downloaded_while_earlier_ones_are_unpacked(services: Services, layers: Any) -> None:
    reader = Reader(layers)
    ready = threading.Barrier(len(layers), timeout=20)

    def meet(*_: object) -> None:
        ready.wait()

    reader.before = meet
    assert asyncio.run(unpacking(services, reader, layers)) == ["1", "2", "3"]


def test_a_lower_part_that_is_there_is_not_downloaded(services: Services, layers: Any) -> None:
    reader = Reader(layers)
    lower = asyncio.run(unpacking(services, reader, layers[:2]))
    reader.order.clear()
    assert asyncio.run(unpacking(services, reader, layers))[:2] == lower
    assert reader.order == [layers[2][0].digest]


def test_a_snapshot_that_is_gone_is_made_again(services: Services, layers: Any) -> None:
    reader = Reader(layers)
    first = asyncio.run(unpacking(services, reader, layers))
    gone = Path(services.root, "snapshots", first[1])
    gone.rename(gone.parent.parent / "away")
    again = asyncio.run(unpacking(services, reader, layers))
    assert (again[0], again[2]) == (first[0], first[2])
    assert again[1] != first[1]


def test_a_failed_download_ends_the_others(services: Services, layers: Any) -> None:
    reader = Reader(layers)
    stopped = threading.Event()

    def before(layer: Descriptor, stop: threading.Event) -> None:
        if layer.digest == layers[0][0].digest:
            raise BuildError("broken", code="LA0207")
        assert stop.wait(20)
        stopped.set()
        raise BuildError("cancelled", code="LA0207")

    reader.before = before
    with pytest.raises(BuildError, match="broken"):
        asyncio.run(unpacking(services, reader, layers))
    assert stopped.wait(20)
    reader.before = lambda layer, stop: None
    assert len(asyncio.run(unpacking(services, reader, layers))) == 3
    assert not leftovers(services)


def test_a_cancelled_fetch_leaves_a_usable_store(services: Services, layers: Any) -> None:
    reader = Reader(layers)
    started = threading.Event()

    def before(layer: Descriptor, stop: threading.Event) -> None:
        started.set()
        assert stop.wait(20)
        raise BuildError("cancelled", code="LA0207")

    async def cancelled() -> None:
        task = asyncio.ensure_future(unpacking(services, reader, layers))
        while not started.is_set():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    reader.before = before
    asyncio.run(cancelled())
    reader.before = lambda layer, stop: None
    assert len(asyncio.run(unpacking(services, reader, layers))) == 3


def test_a_layer_that_unpacks_to_something_else_is_refused(services: Services, layers: Any) -> None:
    layer, _, data = layers[0]
    forged = [(layer, layers[1][1], data)]
    with pytest.raises(BuildError) as caught:
        asyncio.run(unpacking(services, Reader(layers), forged))
    assert caught.value.code == "LA0206"
    assert services.facts.get("chain", layers[1][1]) is None


def test_a_layer_of_another_type_is_refused_before_any_download(services: Services, layers: Any) -> None:
    reader = Reader(layers)
    strange = Descriptor(media_type="application/vnd.in-toto+json", digest=layers[0][0].digest, size=1)
    with pytest.raises(BuildError) as caught:
        asyncio.run(unpacking(services, reader, [(strange, layers[0][1], b"")]))
    assert caught.value.code == "LA0216"
    assert not reader.order
