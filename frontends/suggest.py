# SPDX-License-Identifier: Apache-2.0
"""The nearest known name to one that is not known: "did you mean …?"."""

from __future__ import annotations

from collections.abc import Iterable

_FARTHEST = 2


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known name within two edits of `word` (case does not count), or an empty text."""
    best, best_distance = "", _FARTHEST + 1
    lowered = word.lower()
    for name in known:
        distance = _distance(lowered, name.lower())
        if distance < best_distance and name != word:
            best, best_distance = name, distance
    return best


def _distance(one: str, other: str) -> int:
    if abs(len(one) - len(other)) > _FARTHEST:
        return _FARTHEST + 1
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]
