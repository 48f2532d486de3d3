# SPDX-License-Identifier: Apache-2.0
"""`oci-layout://NAME[:tag][@digest]`: images from a directory that the session knows by name."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import ResolvedImage
from ladle.core.oci.errors import digest_mismatch
from ladle.core.oci.layout import Layout, split_layout_name
from ladle.plugins.sources.images import image_key, limited, or_local, pin_image, remember_aliases, select_image

if TYPE_CHECKING:
    import threading

    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services
    from ladle.core.api.source import Pin
    from ladle.core.oci.documents import Descriptor
    from ladle.llb.ops import Platform, SourceOp

_CHUNK = 1 << 20


class OciLayoutSource:
    """Images out of OCI layouts; every blob is verified before it enters the store."""

    SCHEMES: ClassVar[tuple[str, ...]] = ("oci-layout",)

    def __init__(self, services: Services) -> None:
        self._services = services

    def resolve(self, ref: str, *, platform: Platform, scheme: str) -> ResolvedImage:
        """Look up a layout's image by name and tag or digest."""
        name, tag, digest = split_layout_name(ref)
        reader = self._reader(name, ref)
        digest = digest or reader.layout.find(tag).digest
        image = select_image(self._services, reader, digest, platform)
        remember_aliases(self._services, image_key(digest, platform), image)
        return ResolvedImage(
            name=ref,
            scheme=scheme,
            pinned=f"{name}:{tag}@{digest}" if tag else f"{name}@{digest}",
            digest=digest,
            config=image.config_bytes,
            platform=image.config.platform,
            attrs=(("oci.store", name),),
        )

    def pin(self, op: SourceOp, platform: Platform | None) -> Pin:
        """Return the image's identity; reads the layout only where the identifier holds no digest."""
        digest = self._digest(op)
        wanted = op.attr("image.checksum")
        if wanted and wanted != digest:
            raise digest_mismatch(op.identifier, digest, wanted)
        return pin_image(self._services, digest, or_local(platform), op.attr("oci.layerlimit"))

    async def fetch(self, op: SourceOp, platform: Platform | None, pin: Pin) -> Ref:
        """Bring the image's layers into the store and return them as a ref."""
        from ladle.core.api.refs import layers_ref
        from ladle.plugins.sources.unpack import unpack_image

        layers = op.attr("oci.layerlimit")
        reader = self._reader(op.attr("oci.store") or split_layout_name(op.ref)[0], op.identifier)
        image = select_image(self._services, reader, self._digest(op), or_local(platform))
        remember_aliases(self._services, pin.key, image, layers)
        diff_ids = limited(image.config.diff_ids, layers)
        chosen = image.manifest.layers[: len(diff_ids)]
        return layers_ref(await unpack_image(self._services, reader, op.identifier, chosen, diff_ids))

    async def restore(self, place: str, layer: Descriptor) -> None:
        """Bring a layer's blob back into the store from the layout that has the name now."""
        from ladle.plugins.sources.unpack import fetch_layer

        await fetch_layer(self._services, self._reader(place, f"oci-layout://{place}"), layer)

    def _digest(self, op: SourceOp) -> str:
        name, tag, digest = split_layout_name(op.ref)
        return digest or self._reader(op.attr("oci.store") or name, op.identifier).layout.find(tag).digest

    def _reader(self, name: str, shown: str) -> LayoutReader:
        return LayoutReader(shown, self._services.session.layout, name)


class LayoutReader:
    """Reads one layout; looks for its directory when something is not in the store."""

    def __init__(self, shown: str, find: Callable[[str], str], name: str) -> None:
        self.name = shown
        self.origin = ("oci-layout", name)
        self._find = find
        self._layout_name = name
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout:
        """The layout; raises `BuildError` where the session has none of this name."""
        if self._layout is None:
            self._layout = Layout(self._find(self._layout_name))
        return self._layout

    def document(self, digest: str) -> bytes:
        """Return a manifest or index, verified."""
        return self.layout.read(digest)

    def blob(self, descriptor: Descriptor, limit: int) -> bytes:
        """Return a small blob, verified."""
        return self.layout.read(descriptor.digest, limit=limit)

    def layer(
        self, descriptor: Descriptor, target: str, stop: threading.Event, progress: Callable[[int], None]
    ) -> None:
        """Copy a layer's blob to a path, verified: the store never shares an inode with what others may write to."""
        digest = sha256()
        done = 0
        with open(self.layout.blob_path(descriptor.digest), "rb") as source, open(target, "wb") as copy:
            while part := source.read(_CHUNK):
                if stop.is_set():
                    raise BuildError(f"{self.name}: the copy was cancelled", code="LA0249")
                digest.update(part)
                copy.write(part)
                done += len(part)
                progress(done)
        got = f"sha256:{digest.hexdigest()}"
        if got != descriptor.digest:
            raise digest_mismatch(f"{self.name}: layer", got, descriptor.digest)
