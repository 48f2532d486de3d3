# SPDX-License-Identifier: Apache-2.0
"""Where the blobs of base layers came from, so that one that is lost is fetched again and not only made anew.

A layer made anew from its snapshot has the same files, but hardly the same bytes: its digest is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError

if TYPE_CHECKING:
    from ladle.core.api.services import Services

ORIGIN = "origin"
"""Facts: `SCHEME PLACE` of a blob, by its digest; the scheme's source knows what the place means."""


def remember_origin(services: Services, digest: str, scheme: str, place: str) -> None:
    """Remember where a blob came from; the last place counts."""
    value = f"{scheme} {place}".encode()
    if services.facts.get(ORIGIN, digest) != value:
        services.facts.put(ORIGIN, digest, value)


async def restored(services: Services, layer: Mapping[str, Any]) -> bool:
    """Fetch a lost blob again from where it came. False, with a warning, if that is not known or fails."""
    from ladle.core.oci.documents import Descriptor

    found = services.facts.get(ORIGIN, layer["digest"])
    scheme, _, place = found.decode().partition(" ") if found else ("", "", "")
    restore = getattr(services.source(scheme), "restore", None) if scheme and services.source is not None else None
    why = "it is not known where it came from"
    if restore is not None:
        try:
            descriptor = Descriptor(media_type=layer["media_type"], digest=layer["digest"], size=layer["size"])
            await restore(place, descriptor)
            if services.blobs.has(layer["digest"]):
                return True
            why = f"{place} gave another one"
        except BuildError as error:
            why = error.message
    services.reporter.warning(
        f"the blob {layer['digest'][:19]} of a base layer is lost: {why}",
        help="the layer is made anew from its files; it and the image get other digests than before",
    )
    return False
