# SPDX-License-Identifier: Apache-2.0
"""What the two image sources share: from a digest to a platform's manifest and config, kept in the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ladle.core.api.errors import BuildError
from ladle.core.oci.chain import chain_ids
from ladle.core.oci.documents import CONFIG_LIMIT, MANIFEST_LIMIT, Index, Manifest, read_config, read_document
from ladle.core.oci.errors import malformed
from ladle.core.oci.platform_match import select_platform
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    import threading

    from ladle.core.api.services import Services
    from ladle.core.api.source import Pin
    from ladle.core.oci.documents import Descriptor, ImageConfig
    from ladle.llb.ops import Platform

ALIASES = "image-aliases"
"""Facts: what a pinned image turned out to be, by its pin's key."""


class ImageReader(Protocol):
    """Where the bytes of an image come from."""

    name: str
    """What the user calls the image, for messages."""
    origin: tuple[str, str]
    """The scheme, and the place that its `restore` finds a layer in again."""

    def document(self, digest: str) -> bytes:
        """Return a manifest or index, verified."""

    def blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return a small blob, verified."""

    def layer(
        self, descriptor: Descriptor, target: str, stop: threading.Event, progress: Callable[[int], None]
    ) -> None:
        """Write a layer's blob to a path, verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedImage:
    """One platform's image, chosen and read."""

    digest: str
    manifest: Manifest
    config_bytes: bytes
    config: ImageConfig


def select_image(services: Services, reader: ImageReader, digest: str, platform: Platform) -> SelectedImage:
    """Return the image of a digest for a platform; what is not in the store yet is read and put there."""
    document = _document(services, reader, digest)
    for _ in range(3):
        if isinstance(document, Manifest):
            return _selected(services, reader, digest, document)
        chosen = select_platform(
            reader.name, document.manifests, platform, platform_of=lambda entry: _stated(services, reader, entry)
        )
        digest = chosen.digest
        document = _document(services, reader, digest, chosen)
    raise malformed(reader.name, "indexes within indexes within indexes")


def image_key(digest: str, platform: Platform, layers: str = "") -> str:
    """Return the key of a pinned image: arithmetic over its identifier, so that it is the same on every machine."""
    return f"image {digest} {platform.id}" + (f" layers={layers}" if layers else "")


def pin_image(services: Services, digest: str, platform: Platform, layers: str = "") -> Pin:
    """Return the pin of a digest, with what is known of it as aliases (manifest digest and chain id)."""
    from ladle.core.api.source import Pin

    key = image_key(digest, platform, layers)
    known = services.facts.get(ALIASES, key)
    return Pin(key=key, aliases=tuple(known.decode().split("\n")) if known else ())


def remember_aliases(services: Services, key: str, image: SelectedImage, layers: str = "") -> None:
    """Remember under which other keys the same tree goes."""
    diff_ids = limited(image.config.diff_ids, layers)
    chain = chain_ids(diff_ids)[-1] if diff_ids else "scratch"
    aliases = [f"chain {chain}"] if layers else [f"manifest {image.digest}", f"chain {chain}"]
    value = "\n".join(aliases).encode()
    if services.facts.get(ALIASES, key) != value:
        services.facts.put(ALIASES, key, value)


def limited(items: tuple[str, ...], layers: str) -> tuple[str, ...]:
    """Return the lowest `layers` of an image's layers (the attribute `image.layerlimit`); all if it is empty."""
    if not layers:
        return items
    if not layers.isdigit():
        raise BuildError(f"layer limit {layers!r} is not a number", code="LA0247")
    return items[: int(layers)]


def or_local(platform: Platform | None) -> Platform:
    """Return the platform, or this machine's where a graph names none."""
    if platform is not None:
        return platform
    from ladle.core.api.platforms import local_platform

    return local_platform()


def stored(services: Services, digest: str, limit: int, fetch: Callable[[], bytes]) -> bytes:
    """Return a small blob from the store, fetched and put there if it is not in it."""
    if services.blobs.has(digest):
        return services.blobs.read(digest, limit=limit)
    data = fetch()
    services.blobs.put(data)
    return data


def _document(
    services: Services, reader: ImageReader, digest: str, entry: Descriptor | None = None
) -> Manifest | Index:
    data = stored(services, digest, MANIFEST_LIMIT, lambda: reader.document(digest))
    return read_document(data, what=f"manifest of {reader.name}", media_type=entry.media_type if entry else "")


def _selected(services: Services, reader: ImageReader, digest: str, manifest: Manifest) -> SelectedImage:
    config_bytes = stored(
        services, manifest.config.digest, CONFIG_LIMIT, lambda: reader.blob(manifest.config, CONFIG_LIMIT)
    )
    config = read_config(config_bytes, what=f"config of {reader.name}")
    if len(config.diff_ids) != len(manifest.layers):
        counts = f"{len(manifest.layers)} layers but {len(config.diff_ids)} diff_ids"
        raise malformed(reader.name, counts)
    return SelectedImage(digest=digest, manifest=manifest, config_bytes=config_bytes, config=config)


def _stated(services: Services, reader: ImageReader, entry: Descriptor) -> Platform | None:
    """Return the platform of an index's entry that does not state it: its config does."""
    document = _document(services, reader, entry.digest, entry)
    if isinstance(document, Index):
        return None
    return _selected(services, reader, entry.digest, document).config.platform
