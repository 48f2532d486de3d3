# SPDX-License-Identifier: Apache-2.0
"""The stages of a build: matrices spread out, conditions asked, names looked up, and the order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError, Span
from ladle.frontends.suggest import nearest
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.ast import File, Stage
from ladle.frontends.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence, items
from ladle.frontends.yaml.words import Scope
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.frontends.yaml.expr import Value

MAX_STAGES = 1000
"""Stages of a file, every combination of a matrix counted."""
DEFAULT = "default"
_VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]*", re.ASCII)
_PLAIN_BASES = ("scratch", "host")


@dataclass(slots=True)
class Stages:
    """The stages there are, by name, those of a matrix by the name in the file too, and those that are left out."""

    by_name: dict[str, Stage] = field(default_factory=dict)
    by_declared: dict[str, list[Stage]] = field(default_factory=dict)
    left_out: dict[str, Span] = field(default_factory=dict)

    def named(self, name: str, span: Span, asking: Stage | None = None) -> Stage | None:
        """Return a stage, None where there is none of the name; raises `DiagnosticError`.

        Of a stage with a matrix it is the variant that agrees with the one that asks.
        """
        if name in self.by_name:
            return self.by_name[name]
        variants = self.by_declared.get(name, [])
        if asking is not None:
            variants = [one for one in variants if _agree(one, asking)]
        if len(variants) > 1:
            raise DiagnosticError([errors.which_variant(name, [one.name for one in variants], span)])
        if not variants and name in self.left_out:
            raise DiagnosticError([errors.switched_off(name, span, self.left_out[name])])
        return variants[0] if variants else None


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be built: one stage, or several with a directory for each."""

    name: str
    stages: tuple[Stage, ...]
    group: bool = False


def spread(file: File, names: dict[str, Value]) -> Stages:
    """Return the stages of a file for one platform; raises `DiagnosticError`."""
    made = Stages()
    for declared, entry in file.stages.items():
        node = entry.value
        if not isinstance(node, Mapping):
            continue
        made.by_declared[declared] = []
        for cell in _cells(node, Scope(names)):
            name = "-".join([declared, *(value.replace("/", "-") for value in cell.values())])
            seen = {**names, **{f"matrix.{key}": value for key, value in cell.items()}, "stage": name}
            stage = Stage(name=name, declared=declared, cell=cell, node=node, key=entry.key.span, scope=Scope(seen))
            condition = node.entry("if")
            if not stage.scope.holds(node):
                made.left_out[declared] = made.left_out[name] = condition.key.span if condition else entry.key.span
                continue
            if name in made.by_name:
                raise DiagnosticError([errors.same_name(name, entry.key.span)])
            if len(made.by_name) >= MAX_STAGES:
                raise DiagnosticError([errors.too_many_stages(MAX_STAGES, entry.key.span)])
            made.by_name[name] = stage
            made.by_declared[declared].append(stage)
    return made


def _cells(node: Mapping, scope: Scope) -> Iterator[dict[str, str]]:
    matrix = node.get("matrix")
    if not isinstance(matrix, Mapping):
        yield {}
        return
    axes: dict[str, list[str]] = {}
    for entry in matrix:
        axes[entry.key.text] = list(dict.fromkeys(scope.texts(entry.value)))
        for value in axes[entry.key.text]:
            if not _VARIANT.fullmatch(value):
                raise DiagnosticError([errors.bad_variant(value, entry.value.span)])
    excluded = [_excluded(each, axes, scope) for each in items(node.get("exclude"))]
    for count, values in enumerate(itertools.product(*axes.values())):
        if count > MAX_STAGES * 10:
            raise DiagnosticError([errors.too_many_stages(MAX_STAGES, matrix.span)])
        cell = dict(zip(axes, values, strict=True))
        if not any(one.items() <= cell.items() for one in excluded):
            yield cell


def _excluded(node: Node, axes: dict[str, list[str]], scope: Scope) -> dict[str, str]:
    for entry in node if isinstance(node, Mapping) else ():
        if entry.key.text not in axes:
            raise DiagnosticError([errors.excluded_key(entry.key.text, entry.key.span)])
    return scope.pairs(node)


def _agree(one: Stage, other: Stage) -> bool:
    return all(one.cell[key] == other.cell[key] for key in one.cell.keys() & other.cell.keys())


def targets(file: File, stages: Stages) -> dict[str, Target]:
    """Return everything that `--target` may name; raises `DiagnosticError`."""
    found = {name: Target(name, (stage,)) for name, stage in stages.by_name.items()}
    for name, variants in stages.by_declared.items():
        if name not in found and variants:
            found[name] = Target(name, tuple(variants), group=True)
    for name, entry in file.targets.items():
        found[name] = _listed(name, entry, stages)
    if DEFAULT not in found and stages.by_declared:
        last = next((name for name in reversed(stages.by_declared) if name in found), "")
        if last:
            found[DEFAULT] = Target(DEFAULT, found[last].stages, found[last].group)
    return found


def _listed(name: str, entry: Entry, stages: Stages) -> Target:
    members: dict[Stage, None] = {}
    for node in items(entry.value):
        text = node.text if isinstance(node, Scalar) else ""
        variants = stages.by_declared.get(text, [])
        if text in stages.by_name or not variants:
            stage = stages.named(text, node.span)
            if stage is None:
                near = nearest(text, [*stages.by_name, *stages.by_declared])
                raise DiagnosticError([errors.unknown_stage(text, near, node.span)])
            variants = [stage]
        members |= dict.fromkeys(variants)
    return Target(name, tuple(members), group=isinstance(entry.value, Sequence) or len(members) > 1)


def pick(file: File, stages: Stages, wanted: str) -> Target:
    """Return the target that is asked for; raises `DiagnosticError`."""
    known = targets(file, stages)
    if not stages.by_name:
        raise DiagnosticError([errors.no_stages(file.source)])
    if (wanted or DEFAULT) in known:
        return known[wanted or DEFAULT]
    stages.named(wanted, file.root.span)
    raise DiagnosticError([errors.unknown_target(wanted, nearest(wanted, known), list(known))])


def in_order(wanted: tuple[Stage, ...], stages: Stages) -> list[Stage]:
    """Return the stages that some need and themselves, each after those that it needs; raises for circles."""
    done: dict[Stage, None] = {}
    for first in wanted:
        path: list[tuple[Stage, Iterator[tuple[Stage, Span]]]] = [(first, iter(needs(first, stages)))]
        open_ = {first}
        while path:
            stage, rest = path[-1]
            following = next(rest, None)
            if following is None:
                path.pop()
                open_.discard(stage)
                done[stage] = None
                continue
            needed, span = following
            if needed in open_:
                names = [one.name for one, _ in path]
                raise DiagnosticError([errors.circular([*names[names.index(needed.name) :], needed.name], span)])
            if needed not in done:
                open_.add(needed)
                path.append((needed, iter(needs(needed, stages))))
    return list(done)


def needs(stage: Stage, stages: Stages) -> list[tuple[Stage, Span]]:
    """Return the stages that a stage reads, and where it says so."""
    found = []
    for node in references(stage):
        named = stages.named(stage.scope.text(node), node.span, stage)
        if named is not None:
            found.append((named, node.span))
    return found


def references(stage: Stage) -> Iterator[Node]:
    """Return every `from` of a stage that is not left out."""
    base = stage.node.get("from")
    if base is not None and stage.scope.text(base) not in _PLAIN_BASES:
        yield base
    for step in items(stage.node.get("steps")):
        if not isinstance(step, Mapping) or not stage.scope.holds(step):
            continue
        if step.get("copy") is not None and (node := step.get("from")) is not None:
            yield node
        for mount in items(step.get("mounts")):
            if isinstance(mount, Mapping) and (node := mount.get("from")) is not None:
                yield node
