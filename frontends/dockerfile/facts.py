# SPDX-License-Identifier: Apache-2.0
"""What lowering learns that checks want to know and that the tree alone does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Span
    from ladle.frontends.dockerfile.ast import Word
    from ladle.frontends.dockerfile.stages import Stage
    from ladle.frontends.dockerfile.words import Expansion
    from ladle.llb.ops import Platform


@dataclass(frozen=True, slots=True)
class Undefined:
    """A variable that a word uses and nothing sets; `known` are the names that are set there."""

    word: Word
    name: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pulled:
    """An image that a stage begins with: what it is made for, and what was wanted."""

    stage: Stage
    actual: Platform
    expected: Platform


@dataclass(slots=True)
class Facts:
    """The facts of one file compiled for one platform, in the order in which they were met."""

    undefined: list[Undefined] = field(default_factory=list)
    pulled: list[Pulled] = field(default_factory=list)
    _expanded: dict[int, tuple[Word, str]] = field(default_factory=dict)

    def note(self, word: Word, found: Expansion, variables: Iterable[str], declared: Iterable[str]) -> None:
        """Note what a word became, and which of its variables were neither set nor declared."""
        self._expanded[id(word)] = (word, found.text)
        if found.unset:
            known = (*variables, *declared)
            self.undefined += [Undefined(word, name, known) for name in sorted(found.unset.difference(known))]

    def within(self, has: Callable[[Span], bool]) -> Facts:
        """Return the facts about the places that `has` says yes to."""
        return Facts(
            [each for each in self.undefined if has(each.word.span)],
            [each for each in self.pulled if each.stage.source is None or has(each.stage.source.span)],
            self._expanded,
        )

    def text(self, word: Word) -> str:
        """Return a word with its variables put in; as it is written where it was never looked at."""
        return self._expanded.get(id(word), (word, word.text))[1]
