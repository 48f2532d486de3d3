# SPDX-License-Identifier: Apache-2.0
"""What to do next with a vertex, as a pure function of what is known of it. Both drivers call it until Hit or Run.

The first row that fits decides:

| known of the vertex                                   | decision              |
|-------------------------------------------------------|-----------------------|
| some look-up found every wanted output                | Hit                   |
| no no-cache at or below it, definition key not tried  | Ask(DEFINITION)       |
| records of some inputs are not known                  | Need(those inputs)    |
| has inputs, not no-cache, input key not tried         | Ask(INPUT)            |
| content of some inputs used by content is not known   | Digest(those inputs)  |
| uses content, not no-cache, content key not tried     | Ask(CONTENT)          |
| everything was tried                                  | Run                   |

`no-cache` (SV-16): the vertex itself is looked up by no key, but is stored under all of them, content included. A
vertex above it must not be found by its definition key, which does not show that something below ran anew: it goes by
its input key, with the new record's id, and then by its content key: it hits again where the same bytes came out.

`cache-ttl` is the same in milder form: the vertex is looked up by its keys, passing over records that are too old, and
what stands above it goes by its record as above no-cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from ladle.core.api.records import Record


class By(Enum):
    """The kinds of key, in the order in which they are tried."""

    DEFINITION = "definition"
    INPUT = "input"
    CONTENT = "content"


class Known:
    """What is known of a vertex so far. `answers` has each look-up made: records by output, empty for a miss."""

    __slots__ = ("answers", "by_content", "contents", "ignore_cache", "records", "tainted")

    def __init__(self, *, inputs: int, by_content: Sequence[int] = (), ignore_cache: bool, tainted: bool) -> None:
        self.ignore_cache = ignore_cache
        self.tainted = tainted or ignore_cache
        """It has no-cache, or something below it has, or may be too old."""
        self.by_content = tuple(by_content)
        self.records: list[Record | None] = [None] * inputs
        self.contents: dict[int, str] = {}
        self.answers: dict[By, Mapping[int, Record]] = {}


class Hit:
    """The wanted outputs are there, found by one kind of key."""

    __slots__ = ("by", "records")

    def __init__(self, by: By, records: Mapping[int, Record]) -> None:
        self.by = by
        self.records = records


class Ask:
    """Look in the cache by one kind of key."""

    __slots__ = ("by",)

    def __init__(self, by: By) -> None:
        self.by = by


class Need:
    """Get the records of some inputs."""

    __slots__ = ("inputs",)

    def __init__(self, inputs: tuple[int, ...]) -> None:
        self.inputs = inputs


class Digest:
    """Get the digests of the content that is used of some inputs."""

    __slots__ = ("inputs",)

    def __init__(self, inputs: tuple[int, ...]) -> None:
        self.inputs = inputs


class Run:
    """Nothing is left but to run it."""

    __slots__ = ()


Decision = Hit | Ask | Need | Digest | Run


def decide(known: Known) -> Decision:
    """Return what to do next; see the table above."""
    for by, answer in known.answers.items():
        if answer:
            return Hit(by, answer)
    if not known.tainted and By.DEFINITION not in known.answers:
        return Ask(By.DEFINITION)
    missing = tuple(index for index, record in enumerate(known.records) if record is None)
    if missing:
        return Need(missing)
    look = bool(known.records) and not known.ignore_cache
    if look and By.INPUT not in known.answers:
        return Ask(By.INPUT)
    unread = tuple(index for index in known.by_content if index not in known.contents)
    if unread:
        return Digest(unread)
    if look and known.by_content and By.CONTENT not in known.answers:
        return Ask(By.CONTENT)
    return Run()
