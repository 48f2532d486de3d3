# SPDX-License-Identifier: Apache-2.0
"""`docker-image://`: images from registries. A tag costs one HEAD a build, a digest nothing once it is in the store."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.frontend import ResolvedImage
from ladle.core.api.reference import Reference, parse_reference
from ladle.core.oci.errors import digest_mismatch
from ladle.plugins.registry.endpoint import find_endpoint
from ladle.plugins.registry.errors import UnreachableError, bad_reference, not_in_store
from ladle.plugins.sources.images import (
    image_key,
    limited,
    or_local,
    pin_image,
    remember_aliases,
    select_image,
)

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.core.api.source import Pin
    from ladle.core.oci.documents import Descriptor
    from ladle.llb.ops import Platform, SourceOp
    from ladle.plugins.registry.client import FetchedDocument, RegistryClient

_TAGS = "tag"
_CONCURRENCY = 4


class DockerImageSource:
    """Images by reference, over the OCI distribution protocol."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("docker-image",)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._digests: dict[str, str] = {}
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._lock = threading.Lock()

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:
        """Look up a reference: its digest, and the config for a platform."""
        reference = _parsed(ref)
        digest = self._digest(reference)
        pinned = Reference(reference.host, reference.path, reference.tag, digest)
        with self._reader(pinned) as reader:
            image = select_image(self._services, reader, digest, platform)
        remember_aliases(self._services, image_key(digest, platform), image)
        return ResolvedImage(
            name=str(reference),
            scheme=scheme,
            pinned=str(pinned),
            digest=digest,
            config=image.config_bytes,
            platform=image.config.platform,
        )

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:
        """Return the image's identity; asks the registry only where the identifier holds no digest."""
        reference = _parsed(op.ref)
        digest = self._digest(reference, op.attr("image.resolvemode"))
        wanted = op.attr("image.checksum")
        if wanted and wanted != digest:
            raise digest_mismatch(str(reference), digest, wanted)
        return pin_image(self._services, digest, or_local(platform), op.attr("image.layerlimit"))

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:
        """Bring the image's layers into the store and return them as a ref."""
        from ladle.core.api.refs import layers_ref
        from ladle.core.build.threads import in_thread
        from ladle.plugins.sources.unpack import unpack_image

        reference = _parsed(op.ref)
        digest = self._digests.get(str(reference)) or reference.digest or self._digest(reference)
        layers = op.attr("image.layerlimit")
        with self._reader(Reference(reference.host, reference.path, reference.tag, digest)) as reader:
            image = await in_thread(lambda: select_image(self._services, reader, digest, or_local(platform)))
            remember_aliases(self._services, pin.key, image, layers)
            diff_ids = limited(image.config.diff_ids, layers)
            chosen = image.manifest.layers[: len(diff_ids)]
            return layers_ref(await unpack_image(self._services, reader, op.identifier, chosen, diff_ids))

    async def restore(self, place: str, layer: Descriptor) -> None:
        """Bring a layer's blob back into the store from the repository that it came from."""
        from ladle.plugins.sources.unpack import fetch_layer

        with self._reader(_parsed(place)) as reader:
            await fetch_layer(self._services, reader, layer)

    def _digest(self, reference: Reference, mode: str = "") -> str:
        """Return the digest of a reference: its own, this build's earlier answer, or the registry's."""
        if reference.digest:
            return reference.digest
        name = str(reference)
        with self._lock:
            if name not in self._digests:
                self._digests[name] = self._asked(reference, name, mode)
            return self._digests[name]

    def _asked(self, reference: Reference, name: str, mode: str) -> str:
        known = (self._services.facts.get(_TAGS, name) or b"").decode()
        if self._services.offline or mode == "local":
            if not known:
                raise not_in_store(name)
            return known
        try:
            digest = self._from_registry(reference)
        except UnreachableError as error:
            if not known or self._services.pull or mode == "pull":
                raise
            self._services.reporter.warning(f"{error.message}; {name} is taken as it was at the last build")
            return known
        if digest != known:
            self._services.facts.put(_TAGS, name, digest.encode())
        return digest

    def _from_registry(self, reference: Reference) -> str:
        from ladle.plugins.registry.head import head_digest

        endpoint = find_endpoint(reference.host, self._services.insecure_registries)
        digest = head_digest(endpoint, reference.path, reference.tag)
        if digest:
            return digest
        with self._reader(reference) as reader:
            found = reader.manifest(reference.tag)
        self._services.blobs.put(found.data)
        return found.digest

    def _reader(self, reference: Reference) -> RegistryReader:
        endpoint = find_endpoint(reference.host, self._services.insecure_registries)
        slots = self._slots.setdefault(reference.host, threading.BoundedSemaphore(_CONCURRENCY))

        def connect() -> RegistryClient:
            from ladle.plugins.registry.client import RegistryClient

            return RegistryClient(endpoint, slots=slots)

        return RegistryReader(reference, connect, offline=self._services.offline)


class RegistryReader:
    """Reads one repository; connects (and imports the HTTP library) when something is not in the store."""

    def __init__(self, reference: Reference, connect: Callable[[], RegistryClient], *, offline: bool) -> None:
        self.name = str(reference)
        self.origin = ("docker-image", f"{reference.host}/{reference.path}")
        self._path = reference.path
        self._connect = connect
        self._offline = offline
        self._client: RegistryClient | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> RegistryReader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def manifest(self, wanted: str) -> FetchedDocument:
        """Return a manifest by tag or digest."""
        return self._connected().manifest(self._path, wanted)

    def document(self, digest: str) -> bytes:
        """Return a manifest or index, verified."""
        return self.manifest(digest).data

    def blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return a small blob, verified."""
        return self._connected().small_blob(self._path, descriptor, limit)

    def layer(
        self, descriptor: Descriptor, target: str, stop: threading.Event, progress: Callable[[int], None]
    ) -> None:
        """Write a layer's blob to a path, verified."""
        self._connected().download(self._path, descriptor, target, stop=stop, progress=progress)

    def _connected(self) -> RegistryClient:
        if self._offline:
            raise not_in_store(self.name)
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client


def _parsed(text: str) -> Reference:
    try:
        return parse_reference(text)
    except ValueError as error:
        raise bad_reference(text, str(error)) from None
