# SPDX-License-Identifier: Apache-2.0
"""`type=docker`: the tarball that `docker load` takes, which is an OCI archive as well."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from ladle.core.api.errors import UsageError
from ladle.core.api.exporter import ExportReport
from ladle.llb.values import dataclass
from ladle.plugins.exporters.attributes import Attributes
from ladle.plugins.exporters.image_options import ImageOptions, take_image_options

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerExporter:
    """Writes an image for `docker load`."""

    NAME: ClassVar[str] = "docker"

    dest: str
    options: ImageOptions

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Read the attributes; raises `UsageError` naming the bad one."""
        attributes = Attributes(cls.NAME, attrs)
        if not attributes.boolean("tar", True):
            raise attributes.bad_value("tar", "false", "true: docker load takes a tar; type=oci writes directories")
        dest = attributes.destination(stdout=True, default="-")
        exporter = cls(dest=dest, options=take_image_options(attributes, oci_only=False))
        attributes.finish()
        return exporter

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Write the tarball; there is no form of it for several platforms."""
        from ladle.plugins.exporters.image_parts import make_images
        from ladle.plugins.exporters.layout_writer import write_archive

        if len(solved.images) > 1:
            raise UsageError(
                "docker exporter does not currently support exporting manifest lists",
                code="LA0223",
                help="build for one platform, or use type=oci",
            )
        made = await make_images(services, solved, self.options)
        files = await write_archive(services, made, self.dest, docker=True)
        where = "standard output" if self.dest == "-" else os.path.relpath(self.dest)
        return ExportReport(
            summary=f"Docker archive to {where}", files=files, metadata=made.metadata(), replayable=bool(files)
        )
