# SPDX-License-Identifier: Apache-2.0
"""`type=tar`: the result's files as one flat tar."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from ladle.core.api.exporter import ExportReport
from ladle.plugins.exporters.attributes import Attributes

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class TarExporter:
    """Writes the files of a result into a tar; several platforms go into directories of their own."""

    NAME: ClassVar[str] = "tar"

    dest: str
    split: bool | None = None
    epoch: int | None = None

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Read the attributes; raises `UsageError` naming the bad one."""
        attributes = Attributes(cls.NAME, attrs)
        split = attributes.boolean("platform-split", True)
        exporter = cls(
            dest=attributes.destination(stdout=True, default="-"),
            split=split if "platform-split" in attrs else None,
            epoch=attributes.number("source-date-epoch", 0, 1 << 40),
        )
        attributes.finish()
        return exporter

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Have the worker write the tar."""
        from ladle.plugins.exporters.output import open_output, stat_record
        from ladle.plugins.exporters.split import platform_folders

        epoch = self.epoch if self.epoch is not None else solved.epoch
        folders = platform_folders(solved, self.split)
        with open_output(self.dest) as output:
            if list(folders) == [""]:
                args = {"ref": solved.images[0].ref, "fd": 0, "epoch": epoch}
                await services.worker.run("export_tar", args, fds=[output.fd])
            else:
                from ladle.plugins.exporters.joined_tar import write_joined

                await write_joined(services, folders, output.fd, epoch)
        path = os.path.realpath(self.dest)
        files = {path: stat_record(path)} if output.regular else {}
        where = "standard output" if self.dest == "-" else os.path.relpath(self.dest)
        return ExportReport(summary=f"tar to {where}", files=files, replayable=bool(files))
