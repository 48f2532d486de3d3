# SPDX-License-Identifier: Apache-2.0
"""`type=cacheonly`: build, keep everything in the cache, write nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Self

from ladle.core.api.exporter import ExportReport
from ladle.llb.values import dataclass
from ladle.plugins.exporters.attributes import Attributes

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOnlyExporter:
    """Writes nothing."""

    NAME: ClassVar[str] = "cacheonly"

    @classmethod
    def parse(cls, attrs: Mapping[str, str]) -> Self:
        """Refuse any attribute."""
        Attributes(cls.NAME, attrs).finish()
        return cls()

    def key(self) -> str:
        """Return a stable text of the options."""
        return repr(self)

    async def export(self, services: Services, solved: Solved) -> ExportReport:  # noqa: ARG002 (the contract's)
        """Report that there was nothing to do."""
        return ExportReport(summary="kept in the cache only")
