# SPDX-License-Identifier: Apache-2.0
"""Where `mode=delete` may delete: below the current directory, or with `--allow`; never what nobody can mean."""

from __future__ import annotations

import os
from collections.abc import Collection

from ladle.core.api.errors import UsageError

_GRANTS = ("local.delete", "buildx.local.delete")


def check_deletion(dest: str, *, grants: Collection[str], store: str) -> None:
    """Raise `UsageError` if the directory must not become a mirror."""
    place = os.path.realpath(dest)
    reason = ""
    if place == "/":
        reason = "it is the root directory"
    elif _below(os.path.realpath(os.path.expanduser("~")), place):
        reason = "it is or holds your home directory"
    elif _below(os.path.realpath(store), place) or _below(place, os.path.realpath(store)):
        reason = "it is, holds or lies in ladle's store"
    if reason:
        raise UsageError(f"mode=delete does not delete in {dest}: {reason}", code="LA0228")
    here = os.path.realpath(os.getcwd())
    if (place == here or not _below(place, here)) and not any(grant in grants for grant in _GRANTS):
        raise UsageError(
            f"mode=delete would delete in {dest}, which is not below the current directory",
            code="LA0228",
            help=f"allow it with --allow {_GRANTS[0]}",
        )


def _below(path: str, folder: str) -> bool:
    """Say whether a path is a directory or lies in it."""
    return os.path.commonpath([path, folder]) == folder
