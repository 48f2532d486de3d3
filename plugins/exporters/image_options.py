# SPDX-License-Identifier: Apache-2.0
"""The attributes that all image exporters share (FEATURES EX-01..EX-09)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ladle.core.api.errors import UsageError
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.plugins.exporters.attributes import Attributes

_ANNOTATION = re.compile(
    r"annotation(?:-(?P<where>manifest|manifest-descriptor|index|index-descriptor))?(?:\[(?P<platform>[^\]]+)\])?\.(?P<key>.+)"
)
_LEVELS = {"gzip": 9, "zstd": 22, "uncompressed": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotation: `where` is manifest, manifest-descriptor, index or index-descriptor; `platform` "" means all."""

    where: str
    platform: str
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """How to write an image."""

    names: tuple[str, ...] = ()
    compression: str = "gzip"
    level: int | None = None
    force: bool = False
    oci_types: bool = True
    epoch: int | None = None
    rewrite_timestamp: bool = False
    annotations: tuple[Annotation, ...] = ()

    def chosen(self, where: str, platform: str = "") -> dict[str, str]:
        """Return the annotations for a place, sorted by key as Go writes maps."""
        suited = [one for one in self.annotations if one.where == where and one.platform in ("", platform)]
        return {one.key: one.value for one in sorted(suited, key=lambda one: one.key)}


def take_image_options(attributes: Attributes, *, oci_only: bool) -> ImageOptions:
    """Take the shared attributes; raises `UsageError` for values that do not go together."""
    compression = attributes.choice("compression", ("gzip", "zstd", "uncompressed"), "gzip")
    oci_types = attributes.boolean("oci-mediatypes", True)
    if oci_only and not oci_types:
        raise attributes.bad_value("oci-mediatypes", "false", "true: the output is an OCI layout")
    if compression == "zstd" and not oci_types:
        raise UsageError(
            'exporter option "compression=zstd" conflicts with "oci-mediatypes=false"',
            code="LA0250",
            help="leave one of them out",
        )
    found = attributes.matching(_ANNOTATION, "annotation.KEY")
    annotations = tuple(_annotation(attributes, match, value) for match, value in found)
    if annotations and not oci_types:
        raise UsageError('cannot export annotations with "oci-mediatypes=false"', code="LA0251")
    return ImageOptions(
        names=_names(attributes),
        compression=compression,
        level=attributes.number("compression-level", 0, _LEVELS[compression]),
        force=attributes.boolean("force-compression", False),
        oci_types=oci_types,
        epoch=attributes.number("source-date-epoch", 0, 1 << 40),
        rewrite_timestamp=attributes.boolean("rewrite-timestamp", False),
        annotations=annotations,
    )


def _names(attributes: Attributes) -> tuple[str, ...]:
    from ladle.core.api.reference import parse_reference

    names = []
    for text in filter(None, (part.strip() for part in attributes.text("name").split(","))):
        try:
            names.append(str(parse_reference(text)))
        except ValueError as error:
            raise attributes.bad_value("name", text, f"an image reference ({error})") from None
    return tuple(names)


def _annotation(attributes: Attributes, match: re.Match[str], value: str) -> Annotation:
    platform = match["platform"] or ""
    where = match["where"] or "manifest"
    if platform:
        from ladle.core.api.platforms import format_platform, parse_platform

        if where == "index-descriptor":
            raise attributes.bad_value(match[0], value, "without a platform: there is one index")
        platform = format_platform(parse_platform(platform))
    return Annotation(where=where, platform=platform, key=match["key"], value=value)
