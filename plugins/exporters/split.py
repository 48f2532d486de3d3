# SPDX-License-Identifier: Apache-2.0
"""Which directory of a file output each platform's files go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.errors import UsageError
from ladle.core.api.platforms import format_platform

if TYPE_CHECKING:
    from ladle.core.api.exporter import Solved
    from ladle.core.api.refs import Ref


def platform_folders(solved: Solved, split: bool | None) -> dict[str, Ref]:
    """Return `linux_amd64` and so on with their trees; "" alone where nothing is split (by default: one platform)."""
    wanted = solved.multi_platform or len(solved.images) > 1 if split is None else split
    if not wanted and len(solved.images) > 1:
        raise UsageError(
            "several platforms cannot share one directory", code="LA0223", help="leave out platform-split=false"
        )
    return {format_platform(image.platform).replace("/", "_") if wanted else "": image.ref for image in solved.images}
