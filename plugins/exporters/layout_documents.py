# SPDX-License-Identifier: Apache-2.0
"""The small files around the blobs: `index.json`, `oci-layout`, and Docker's `manifest.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.reference import parse_reference
from ladle.core.oci.gojson import go_json
from ladle.core.oci.layout import IMAGE_NAME, REF_NAME
from ladle.core.oci.media import OCI_INDEX

if TYPE_CHECKING:
    from ladle.plugins.exporters.image_parts import Fields, MadeImages

LAYOUT_FILE = go_json({"imageLayoutVersion": "1.0.0"})
_CREATED = "org.opencontainers.image.created"


def index_entries(made: MadeImages) -> list[Fields]:
    """Return the entries of `index.json`: one a name, with the annotations that containerd and skopeo read."""
    return [_entry(made, name) for name in made.names or ("",)]


def index_file(entries: Sequence[Fields]) -> bytes:
    """Return `index.json`."""
    return go_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)})


def docker_manifest_file(made: MadeImages) -> bytes:
    """Return the `manifest.json` that `docker load` reads; there is one image."""
    image = made.images[0]
    tags = [_familiar(name) for name in made.names if parse_reference(name).tag]
    fields: dict[str, Any] = {
        "Config": _blob_name(image.config["digest"]),
        "RepoTags": tags or None,
        "Layers": [_blob_name(layer["digest"]) for layer in image.layers],
    }
    return go_json([fields])


def _entry(made: MadeImages, name: str) -> Fields:
    annotations = dict(made.root.get("annotations", {}))
    if name:
        annotations |= {IMAGE_NAME: name, REF_NAME: _reference_name(name)}
    annotations[_CREATED] = made.created
    entry = {key: made.root[key] for key in ("mediaType", "digest", "size")}
    entry["annotations"] = dict(sorted(annotations.items()))
    return entry | ({"platform": made.root["platform"]} if "platform" in made.root else {})


def _reference_name(name: str) -> str:
    reference = parse_reference(name, default_tag="")
    return reference.tag or str(reference)


def _familiar(name: str) -> str:
    reference = parse_reference(name)
    short = reference.repository.removeprefix("docker.io/").removeprefix("library/")
    return f"{short}:{reference.tag}"


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
