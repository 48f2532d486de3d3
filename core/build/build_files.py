# SPDX-License-Identifier: Apache-2.0
"""The build file of a directory without a Dockerfile, by its name: `ladle.yaml`, `ladle.py` or `NAME.ladle.yaml`."""

from __future__ import annotations

import os

from ladle.core.api.errors import UsageError

_ENDINGS = (".yaml", ".yml", ".py")
_NAMES = tuple(f"ladle{ending}" for ending in _ENDINGS)
_LONGER = tuple(f".{name}" for name in _NAMES)


def other_build_file(directory: str) -> str:
    """Return the name of the one build file in a directory, "" without any; raises `UsageError` naming several."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return ""
    for found in ([name for name in names if name in _NAMES], [name for name in names if _is_longer(name)]):
        if len(found) > 1:
            raise UsageError(
                f"there are several build files in {directory!r}: {', '.join(found)}",
                code="LA0167",
                help=f"name one: -f {found[0]}",
            )
        if found:
            return found[0]
    return ""


def _is_longer(name: str) -> bool:
    return name.endswith(_LONGER) and not name.startswith(".")
