# SPDX-License-Identifier: Apache-2.0
"""The tree of a graph that was built during a compile, as a frontend in a process of its own sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ladle.frontends.process.remote import RemoteContext


class SolvedTree:
    """Reads files of a built state; paths are resolved within its root, links included."""

    def __init__(self, context: RemoteContext, id: str) -> None:
        self._context = context
        self._id = id

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes, None if there is none; at most 16 MiB."""
        data: bytes | None = self._context.ask("solved_read", tree=self._id, path=path)
        return data

    def list(self, path: str = "/") -> tuple[str, ...] | None:
        """Return the sorted names in a directory (directories end with `/`), None if there is none."""
        names = self._context.ask("solved_list", tree=self._id, path=path)
        return None if names is None else tuple(names)
