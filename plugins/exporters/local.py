# SPDX-License-Identifier: Apache-2.0
"""`type=local`: the result's files, or some of them, in a directory. The rules are in docs/extract.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ladle.core.api.errors import UsageError
from ladle.core.api.exporter import ExportReport
from ladle.llb.values import dataclass
from ladle.plugins.exporters.attributes import Attributes
from ladle.plugins.exporters.file_options import FileOptions, shown_progress

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalExporter:
    """Writes the files of a result into a directory; several platforms go into directories below it."""

    NAME: ClassVar[str] = "local"

    dest: str
    mode: str
    files: FileOptions

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Read the attributes; raises `UsageError` naming the bad one."""
        attributes = Attributes(cls.NAME, attrs)
        exporter = cls(
            dest=attributes.destination(stdout=False),
            mode=attributes.choice("mode", ("copy", "delete"), "copy"),
            files=FileOptions.take(attributes, owner="me"),
        )
        attributes.finish()
        return exporter

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    def prepare(self, services: Services) -> None:
        """Refuse to delete where it is not allowed, and owners that only root can give."""
        if self.mode == "delete":
            from ladle.plugins.exporters.deletion import check_deletion

            check_deletion(self.dest, grants=services.grants, store=services.root)
        if self.files.owner != "me" and os.geteuid() != 0:
            raise UsageError(
                f"type=local: only root can write files with owner={self.files.owner}",
                code="LA0227",
                help="leave owner= out: the files are yours then",
            )

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Have the worker write the files."""
        from ladle.plugins.exporters.receipts import receipt_path

        receipt = receipt_path(services.root, self.key())
        owner = self.files.ids()
        args = {
            **self.files.arguments(solved),
            "dest": self.dest,
            "receipt": receipt,
            "mode": self.mode,
            "owner": None if owner == "me" else owner,
        }
        progress = shown_progress(services.reporter, self.dest)
        result = await services.worker.run("export_local", args, on_event=progress)
        for warning in result.get("warnings", ()):
            services.reporter.warning(str(warning))
        counts = {"count": result["files"], "unchanged": result["unchanged"], "removed": result["removed"]}

        def details() -> dict[str, Any]:
            from ladle.plugins.exporters.written import directory_details

            return directory_details(self.NAME, self.dest, receipt, counts)

        return ExportReport(
            summary=f"{_counted(counts)} to {os.path.relpath(self.dest)}",
            receipt=receipt,
            receipt_root=self.dest,
            details=details,
        )


def _counted(counts: Mapping[str, int]) -> str:
    parts = [f"{counts['count']} file{'' if counts['count'] == 1 else 's'}"]
    if counts["unchanged"]:
        parts.append(f"{counts['unchanged']} of them as before")
    if counts["removed"]:
        parts.append(f"{counts['removed']} others removed")
    return ", ".join(parts)
