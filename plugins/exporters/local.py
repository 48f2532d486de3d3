# SPDX-License-Identifier: Apache-2.0
"""`type=local`: the result's files in a directory."""

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
class LocalExporter:
    """Writes the files of a result into a directory; several platforms go into directories below it."""

    NAME: ClassVar[str] = "local"

    dest: str
    mode: str = "copy"
    split: bool | None = None
    epoch: int | None = None

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Read the attributes; raises `UsageError` naming the bad one."""
        attributes = Attributes(cls.NAME, attrs)
        split = attributes.boolean("platform-split", True)
        exporter = cls(
            dest=attributes.destination(stdout=False),
            mode=attributes.choice("mode", ("copy", "delete"), "copy"),
            split=split if "platform-split" in attrs else None,
            epoch=attributes.number("source-date-epoch", 0, 1 << 40),
        )
        attributes.finish()
        return exporter

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    async def export(self, services: Services, solved: Solved) -> ExportReport:
        """Have the worker write the files."""
        from ladle.plugins.exporters.receipts import join_receipts, receipt_path, remove_extras
        from ladle.plugins.exporters.split import platform_folders

        epoch = self.epoch if self.epoch is not None else solved.epoch
        receipt = receipt_path(services.root, self.key())
        parts: dict[str, str] = {}
        files = unchanged = 0
        for folder, ref in platform_folders(solved, self.split).items():
            part = f"{receipt}.{folder or 'part'}"
            dest = os.path.join(self.dest, folder) if folder else self.dest
            args = {"ref": ref, "dest": dest, "receipt": part, "mode": "copy", "epoch": epoch}
            result = await services.worker.run("export_local", args)
            for warning in result.get("warnings", ()):
                services.reporter.warning(str(warning))
            parts[folder] = part
            files += result["files"]
            unchanged += result["unchanged"]
        join_receipts(parts, receipt)
        if self.mode == "delete":
            remove_extras(receipt, self.dest)
        counted = f"{files} files" if not unchanged else f"{files} files, {unchanged} of them as before"
        return ExportReport(
            summary=f"{counted} to {os.path.relpath(self.dest)}", receipt=receipt, receipt_root=self.dest
        )
