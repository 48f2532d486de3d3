# SPDX-License-Identifier: Apache-2.0
"""Secrets in the output of steps: they become `***` before anything shows or keeps them, also when split over chunks.

What a step prints is masked where it equals a secret, without the white space around it, or one of its lines. Values
of less than four bytes are left: they would take the sense out of the output and hide little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = b"***"
LEAST = 4
"""Bytes that a value must have to be masked."""
_LEAST_LINE = 8
_MOST_LINES = 1000


class Masker:
    """Masks the streams of one step; `feed` keeps back what may be the beginning of a secret, `rest` gives it out."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._patterns = sorted(set(_patterns(secrets)), key=lambda value: (-len(value), value))
        self._expression = re.compile(b"|".join(map(re.escape, self._patterns))) if self._patterns else None
        self._held: dict[int, bytes] = {}

    def feed(self, stream: int, data: bytes) -> bytes:
        """Return what of a stream can be shown after this chunk."""
        if self._expression is None:
            return data
        data = self._held.pop(stream, b"") + data
        cut = len(data) - self._pending(data)
        shown, position = [], 0
        for match in self._expression.finditer(data):
            if match.start() >= cut:
                break
            shown += [data[position : match.start()], MASK]
            position = match.end()
        if position > cut:
            cut = len(data) - self._pending(data[position:])
        if cut < len(data):
            self._held[stream] = data[cut:]
        return b"".join([*shown, data[position:cut]])

    def rest(self) -> list[tuple[int, bytes]]:
        """Return what was kept back of each stream, once no more will come."""
        held, self._held = self._held, {}
        if self._expression is None:
            return []
        return [(stream, self._expression.sub(MASK, data)) for stream, data in sorted(held.items())]

    def _pending(self, data: bytes) -> int:
        return max(_overlap(data, pattern) for pattern in self._patterns)


def _patterns(secrets: Iterable[bytes]) -> Iterable[bytes]:
    for secret in secrets:
        lines = [line.strip() for line in secret.splitlines()[:_MOST_LINES]]
        if len(secret.strip()) >= LEAST:
            yield secret.strip()
        yield from (line for line in lines if len(line) >= _LEAST_LINE)


def _overlap(data: bytes, pattern: bytes) -> int:
    """Return how many bytes at the end of `data` are the beginning of `pattern`, which is not whole in it."""
    start = max(0, len(data) - len(pattern) + 1)
    while True:
        start = data.find(pattern[:1], start)
        if start < 0:
            return 0
        if data.endswith(pattern[: len(data) - start]):
            return len(data) - start
        start += 1
