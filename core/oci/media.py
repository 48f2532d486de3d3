# SPDX-License-Identifier: Apache-2.0
"""Media types of images, in OCI's and in Docker's spelling, and the way from one to the other."""

from __future__ import annotations

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"

INDEXES = frozenset([OCI_INDEX, DOCKER_INDEX])
MANIFESTS = frozenset([OCI_MANIFEST, DOCKER_MANIFEST])
ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_INDEX}, {DOCKER_MANIFEST}"
"""What is asked for when a manifest is fetched: the four that are understood."""

_OCI_SUFFIX = {"uncompressed": "", "gzip": "+gzip", "zstd": "+zstd"}
_DOCKER_SUFFIX = {"uncompressed": "", "gzip": ".gzip", "zstd": ".zstd"}
_LAYERS = {OCI_LAYER + suffix: name for name, suffix in _OCI_SUFFIX.items()}
_LAYERS |= {DOCKER_LAYER + suffix: name for name, suffix in _DOCKER_SUFFIX.items()}
_LAYERS |= {
    "application/vnd.oci.image.layer.nondistributable.v1.tar": "uncompressed",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": "gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": "zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": "gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar": "uncompressed",
}


def layer_compression(media_type: str) -> str:
    """Return `uncompressed`, `gzip` or `zstd` for a layer's media type, "" if it is not a layer's."""
    return _LAYERS.get(media_type, "")


def layer_media_type(compression: str, *, oci: bool = True) -> str:
    """Return the media type of a layer with a compression."""
    return OCI_LAYER + _OCI_SUFFIX[compression] if oci else DOCKER_LAYER + _DOCKER_SUFFIX[compression]


def respelled(media_type: str, *, oci: bool) -> str:
    """Return a layer's media type in the wanted spelling; anything else as it is."""
    compression = layer_compression(media_type)
    return layer_media_type(compression, oci=oci) if compression else media_type
