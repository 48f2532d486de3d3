# SPDX-License-Identifier: Apache-2.0
"""YAML as a tree that remembers where everything is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from ladle.core.api.diagnostics import Span
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value: its text as written, and what YAML 1.2 takes it for (`str`, `int`, `float`, `bool`, `null`)."""

    text: str
    kind: str
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value in a mapping."""

    key: Scalar
    value: Node

    @property
    def span(self) -> Span:
        """Where key and value stand; the value alone where an alias or an include has it from elsewhere."""
        one, other = self.key.span, self.value.span
        if one.source is other.source and one.start <= other.start:
            return Span(one.source, one.start, max(one.end, other.end))
        return one


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, each key once."""

    entries: tuple[Entry, ...]
    span: Span

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def entry(self, key: str) -> Entry | None:
        """Return the entry of a key, None without one."""
        return next((entry for entry in self.entries if entry.key.text == key), None)

    def get(self, key: str) -> Node | None:
        """Return the value of a key; None without one and for `key:` with nothing after it."""
        entry = self.entry(key)
        return None if entry is None or is_null(entry.value) else entry.value


Node: TypeAlias = Scalar | Sequence | Mapping


def is_null(node: Node) -> bool:
    """Say whether there is nothing."""
    return isinstance(node, Scalar) and node.kind == "null"


def items(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a list, of anything else itself alone, of nothing none."""
    if node is None:
        return ()
    return node.items if isinstance(node, Sequence) else (node,)


def lines(span: Span) -> tuple[int, int]:
    """Return the first and last line of what stands in a span, blank lines after it left out."""
    text = span.source.text
    first = text.count("\n", 0, span.start) + 1
    return first, first + text[span.start : span.end].rstrip().count("\n")
