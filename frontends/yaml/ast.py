# SPDX-License-Identifier: Apache-2.0
"""A build file as it is understood: arguments, stages and targets by name, with their places.

What is inside of a stage stays the tree that was checked against the schema: the schema is its grammar.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from dataclasses import field

from ladle.core.api.diagnostics import SourceText, Span
from ladle.frontends.yaml.expr import Value
from ladle.frontends.yaml.nodes import Entry, Mapping
from ladle.frontends.yaml.words import Scope
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A build file with what it includes; entries are in the order in which they were last said."""

    source: SourceText
    root: Mapping
    args: dict[str, Entry] = field(default_factory=dict)
    stages: dict[str, Entry] = field(default_factory=dict)
    targets: dict[str, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument with its value in this build; None for a required one that is not given."""

    name: str
    kind: str
    value: Value | None
    given: bool
    required: bool
    description: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """A stage, or one of the stages that a matrix makes of one."""

    name: str
    declared: str
    """The name in the file."""
    cell: AbstractMapping[str, str]
    node: Mapping
    key: Span
    """The name in the file, as a place."""
    scope: Scope

    @property
    def description(self) -> str:
        """What the file says of it."""
        return self.scope.optional(self.node, "description")
