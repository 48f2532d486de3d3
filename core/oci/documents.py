# SPDX-License-Identifier: Apache-2.0
"""Manifests, indexes and image configs, read with types checked and sizes limited: all of it comes from strangers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ladle.core.oci.errors import malformed, too_large, unsupported_type
from ladle.core.oci.gojson import read_json
from ladle.core.oci.media import INDEXES, MANIFESTS, OCI_INDEX, OCI_MANIFEST
from ladle.llb.ops.platform import Platform
from ladle.llb.values import dataclass

MANIFEST_LIMIT = 4 << 20
"""Bytes of a manifest or index."""
CONFIG_LIMIT = 8 << 20
"""Bytes of an image config."""
LAYER_LIMIT = 1024
"""Layers of an image."""
BLOB_LIMIT = 1 << 40
"""Bytes that a descriptor may state for a blob."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a document says of another: type, digest, size, and for an index's entries the platform."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_attestation(self) -> bool:
        """Whether this is a statement about an image rather than an image."""
        return self.annotations.get("vnd.docker.reference.type") == "attestation-manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One image: its config and its layers, bottom first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Several images under one name, a platform each."""

    media_type: str
    manifests: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What ladle itself needs of an image config; frontends read the rest from the bytes."""

    platform: Platform
    diff_ids: tuple[str, ...]


def is_digest(text: object) -> bool:
    """Say whether a value is a `sha256:` digest."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def read_document(data: bytes, *, what: str, media_type: str = "") -> Manifest | Index:
    """Return a manifest or index; `media_type` is what the transport said, used where the document itself is silent."""
    if len(data) > MANIFEST_LIMIT:
        raise too_large(what, len(data), MANIFEST_LIMIT)
    fields = _object(data, what)
    stated = fields.get("mediaType") or media_type.partition(";")[0].strip()
    if not isinstance(stated, str):
        raise malformed(what, "mediaType is not text")
    if stated not in INDEXES and stated not in MANIFESTS:
        if stated and stated not in ("application/json", "application/octet-stream", "text/plain"):
            raise unsupported_type(what, stated)
        stated = _guessed(fields, what)
    if "manifests" in fields and "layers" in fields:
        raise malformed(what, "it is both a manifest and an index")
    if stated in INDEXES:
        if "manifests" not in fields:
            raise malformed(what, "it is to be an index and has no manifests")
        entries = _list(fields, "manifests", what)
        return Index(media_type=stated, manifests=tuple(_descriptor(entry, what) for entry in entries))
    layers = _list(fields, "layers", what)
    if len(layers) > LAYER_LIMIT:
        raise malformed(what, f"{len(layers)} layers, at most {LAYER_LIMIT} are allowed")
    return Manifest(
        media_type=stated,
        config=_descriptor(fields.get("config"), what),
        layers=tuple(_descriptor(layer, what) for layer in layers),
    )


def read_config(data: bytes, *, what: str) -> ImageConfig:
    """Return the typed part of an image config."""
    if len(data) > CONFIG_LIMIT:
        raise too_large(what, len(data), CONFIG_LIMIT)
    fields = _object(data, what)
    rootfs = fields.get("rootfs")
    if not isinstance(rootfs, dict):
        raise malformed(what, "no rootfs")
    diff_ids = rootfs.get("diff_ids") or []
    if not isinstance(diff_ids, list) or not all(is_digest(one) for one in diff_ids):
        raise malformed(what, "rootfs.diff_ids is not a list of digests")
    return ImageConfig(platform=_platform(fields, what), diff_ids=tuple(diff_ids))


def _guessed(fields: dict[str, Any], what: str) -> str:
    """Return the type of a document that states none, as OCI 1.0 allowed."""
    if "manifests" in fields:
        return OCI_INDEX
    if "layers" in fields and "config" in fields:
        return OCI_MANIFEST
    raise malformed(what, "neither a manifest nor an index")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = read_json(data)
    except ValueError as error:
        raise malformed(what, f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise malformed(what, "not a JSON object")
    return value


def _list(fields: dict[str, Any], name: str, what: str) -> list[Any]:
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(what, f"{name} is not a list")
    return value


def _text(fields: dict[str, Any], name: str, what: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(what, f"{name} is not text")
    return value


def _descriptor(value: object, what: str) -> Descriptor:
    if not isinstance(value, dict):
        raise malformed(what, "a descriptor is not an object")
    digest, size = value.get("digest"), value.get("size")
    if not is_digest(digest):
        raise malformed(what, f"a descriptor's digest is {digest!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise malformed(what, f"the size of {digest} is {size!r}")
    if size > BLOB_LIMIT:
        raise too_large(f"{what}: {digest}", size, BLOB_LIMIT)
    platform = value.get("platform")
    if platform is not None and not isinstance(platform, dict):
        raise malformed(what, f"the platform of {digest} is not an object")
    annotations = {} if value.get("annotations") is None else value["annotations"]
    if not isinstance(annotations, dict):
        raise malformed(what, f"the annotations of {digest} are not an object")
    return Descriptor(
        media_type=_text(value, "mediaType", what),
        digest=str(digest),
        size=size,
        platform=_platform(platform, what) if platform else None,
        annotations={key: item for key, item in annotations.items() if isinstance(item, str)},
    )


def _platform(fields: dict[str, Any], what: str) -> Platform:
    features = fields.get("os.features") or []
    if not isinstance(features, list) or not all(isinstance(one, str) for one in features):
        raise malformed(what, "os.features is not a list of texts")
    return Platform(
        architecture=_text(fields, "architecture", what),
        os=_text(fields, "os", what),
        variant=_text(fields, "variant", what),
        os_version=_text(fields, "os.version", what),
        os_features=tuple(features),
    )
