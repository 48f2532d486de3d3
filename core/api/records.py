# SPDX-License-Identifier: Apache-2.0
"""Records: what the cache holds (DESIGN section 6). The solver reads them, the store keeps them.

Plain classes, no dataclasses: these are on the path of a build that is cached.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Result = Mapping[str, Any]
    """What an op made, as a msgpack-able map that only runners understand."""

Key = bytes
"""A cache key: 32 bytes, an alias of a record."""


class Record:
    """A result under an id that is never given twice; keys are aliases of it. `created`: in seconds, 0 is unsaid."""

    __slots__ = ("created", "id", "result")

    def __init__(self, id: int, result: Result, created: float = 0.0) -> None:
        self.id = id
        self.result = result
        self.created = created

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.id == other.id and dict(self.result) == dict(other.result)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Record({self.id}, {dict(self.result)!r})"
