# SPDX-License-Identifier: Apache-2.0
"""`type=tar`: the result's files, or some of them, as one flat tar. The rules are in docs/extract.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ladle.core.api.exporter import ExportReport
from ladle.llb.values import dataclass
from ladle.plugins.exporters.attributes import Attributes
from ladle.plugins.exporters.file_options import FileOptions, shown_progress

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class TarExporter:
    """Writes the files of a result into a tar; several platforms go into directories of their own."""

    NAME: ClassVar[str] = "tar"

    dest: str
    files: FileOptions

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Read the attributes; raises `UsageError` naming the bad one."""
        attributes = Attributes(cls.NAME, attrs)
        exporter = cls(
            dest=attributes.destination(stdout=True, default="-"), files=FileOptions.take(attributes, owner="keep")
        )
        attributes.finish()
        return exporter

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Have the worker write the tar."""
        from ladle.plugins.exporters.output import open_output, stat_record

        owner = self.files.ids()
        args = {
            **self.files.arguments(solved),
            "fd": 0,
            "owner": [os.getuid(), os.getgid()] if owner == "me" else owner,
        }
        with open_output(self.dest) as output:
            progress = shown_progress(services.reporter, self.dest)
            await services.worker.run("export_tar", args, fds=[output.fd], on_event=progress)
        path = os.path.realpath(self.dest)
        files = {path: stat_record(path)} if output.regular else {}
        where = "standard output" if self.dest == "-" else os.path.relpath(self.dest)

        def details() -> dict[str, Any]:
            from ladle.plugins.exporters.written import archive_details

            return archive_details(self.NAME, path) if files else {}

        return ExportReport(summary=f"tar to {where}", files=files, replayable=bool(files), details=details)
