# SPDX-License-Identifier: Apache-2.0
"""`type=oci`: an image as an OCI layout, in a tar or as a directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from ladle.core.api.exporter import ExportReport
from ladle.llb.values import dataclass
from ladle.plugins.exporters.attributes import Attributes
from ladle.plugins.exporters.image_options import ImageOptions, take_image_options

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class OciExporter:
    """Writes an OCI layout."""

    NAME: ClassVar[str] = "oci"

    dest: str
    tar: bool
    options: ImageOptions

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Read the attributes; raises `UsageError` naming the bad one."""
        attributes = Attributes(cls.NAME, attrs)
        tar = attributes.boolean("tar", True)
        dest = attributes.destination(stdout=tar, default="-" if tar else "")
        exporter = cls(dest=dest, tar=tar, options=take_image_options(attributes, oci_only=True))
        attributes.finish()
        return exporter

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Write the layout."""
        from ladle.plugins.exporters.image_parts import make_images
        from ladle.plugins.exporters.layout_writer import write_archive, write_directory

        made = await make_images(services, solved, self.options)
        if not self.tar:
            files = await write_directory(services, made, self.dest)
            return ExportReport(
                summary=f"OCI layout to {os.path.relpath(self.dest)}", files=files, metadata=made.metadata()
            )
        files = await write_archive(services, made, self.dest, docker=False)
        where = "standard output" if self.dest == "-" else os.path.relpath(self.dest)
        return ExportReport(
            summary=f"OCI archive to {where}", files=files, metadata=made.metadata(), replayable=bool(files)
        )
