# SPDX-License-Identifier: Apache-2.0
"""From solved trees to the documents of an image: layers, config, manifest, and an index for several platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import InternalError, UsageError
from ladle.core.api.platforms import format_platform
from ladle.core.build.layer_blobs import layer_descriptors
from ladle.core.build.local_layers import layers_of
from ladle.core.oci import media
from ladle.core.oci.gojson import go_json
from ladle.llb.values import dataclass
from ladle.plugins.exporters.image_config import complete_config, format_epoch

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved, SolvedImage
    from ladle.core.api.services import Services
    from ladle.llb.ops import Platform
    from ladle.plugins.exporters.image_options import ImageOptions

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeImage:
    """One platform's image in the store: the descriptors of its manifest, its config and its layers."""

    manifest: Fields
    config: Fields
    layers: tuple[Fields, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeImages:
    """What an exporter writes out: `root` is the descriptor of the index, or of the only manifest."""

    root: Fields
    images: tuple[MadeImage, ...]
    names: tuple[str, ...]
    created: str

    def blobs(self) -> dict[str, int]:
        """Return digest and size of every blob that belongs to the result, sorted by digest."""
        found = {self.root["digest"]: self.root["size"]}
        for image in self.images:
            found |= {one["digest"]: one["size"] for one in (image.manifest, image.config, *image.layers)}
        return dict(sorted(found.items()))

    def metadata(self) -> Fields:
        """Return the response keys of FEATURES EX-17."""
        keys: Fields = {"containerimage.digest": self.root["digest"], "containerimage.descriptor": self.root}
        if len(self.images) == 1:
            keys["containerimage.config.digest"] = self.images[0].config["digest"]
        if self.names:
            keys["image.name"] = ",".join(self.names)
        return keys


async def make_images(services: Services, solved: Solved, options: ImageOptions) -> MadeImages:
    """Make every document and layer blob of a result and put them into the store."""
    if not solved.images:
        raise InternalError("an export without any image")
    epoch = options.epoch if options.epoch is not None else solved.epoch
    created = build_time(solved, epoch)
    images = [await _made(services, image, options, created, epoch) for image in solved.images]
    if len(images) == 1:
        for where in ("index", "index-descriptor"):
            if options.chosen(where):
                raise UsageError(f"annotation-{where}: the result is one image, without an index", code="LA0252")
        root = images[0].manifest
    else:
        root = _index(services, [image.manifest for image in images], options)
    return MadeImages(
        root=root, images=tuple(images), names=tuple(dict.fromkeys((*solved.tags, *options.names))), created=created
    )


def build_time(solved: Solved, epoch: int | None) -> str:
    """Return the time that goes wherever no other one is fixed."""
    if epoch is not None:
        return format_epoch(epoch)
    return solved.created or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def _made(
    services: Services, image: SolvedImage, options: ImageOptions, created: str, epoch: int | None
) -> MadeImage:
    found = await layer_descriptors(
        services,
        await layers_of(services, dict(image.ref)),
        compression=options.compression,
        level=options.level,
        epoch=epoch if options.rewrite_timestamp else None,
        force=options.force,
    )
    config = complete_config(
        image.config,
        [one["diff_id"] for one in found],
        created=created,
        epoch=epoch,
        base_history=image.base_history,
    )
    layers = tuple(
        _descriptor(media.respelled(one["media_type"], oci=options.oci_types), one["digest"], one["size"])
        for one in found
    )
    config_type = media.OCI_CONFIG if options.oci_types else media.DOCKER_CONFIG
    config_descriptor = _descriptor(config_type, services.blobs.put(config), len(config))
    platform = format_platform(image.platform)
    manifest_type = media.OCI_MANIFEST if options.oci_types else media.DOCKER_MANIFEST
    fields: Fields = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": config_descriptor,
        "layers": list(layers),
    }
    document = go_json(_with_annotations(fields, options.chosen("manifest", platform)), indent=True)
    descriptor = _descriptor(manifest_type, services.blobs.put(document), len(document))
    descriptor = _with_annotations(descriptor, options.chosen("manifest-descriptor", platform))
    descriptor["platform"] = _platform_fields(image.platform)
    return MadeImage(manifest=descriptor, config=config_descriptor, layers=layers)


def _index(services: Services, manifests: Sequence[Fields], options: ImageOptions) -> Fields:
    media_type = media.OCI_INDEX if options.oci_types else media.DOCKER_INDEX
    fields: Fields = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(manifests)}
    document = go_json(_with_annotations(fields, options.chosen("index")), indent=True)
    descriptor = _descriptor(media_type, services.blobs.put(document), len(document))
    return _with_annotations(descriptor, options.chosen("index-descriptor"))


def _descriptor(media_type: str, digest: str, size: int) -> Fields:
    return {"mediaType": media_type, "digest": digest, "size": size}


def _with_annotations(fields: Fields, annotations: Mapping[str, str]) -> Fields:
    return fields | ({"annotations": dict(annotations)} if annotations else {})


def _platform_fields(platform: Platform) -> Fields:
    fields = {
        "architecture": platform.architecture,
        "os": platform.os,
        "os.version": platform.os_version,
        "os.features": list(platform.os_features),
        "variant": platform.variant,
    }
    return {key: value for key, value in fields.items() if value}
