# SPDX-License-Identifier: Apache-2.0
"""ONBUILD triggers of a base: read again and put before the instructions of the stage that is built on it (DF-34)."""

from __future__ import annotations

from dataclasses import replace

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, SourceText
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.ast import From, Instruction, Onbuild
from ladle.frontends.dockerfile.parse import parse_one
from ladle.frontends.dockerfile.stages import Stage, StageGraph, connect, names_for
from ladle.frontends.dockerfile.work import Work


def fire(work: Work, graph: StageGraph) -> list[Stage]:
    """Put the triggers of the stage's base before its instructions; returns the stages that they need.

    Raises `DiagnosticError` with all that is wrong about them, each at the stage's FROM.
    """
    stage = work.stage
    texts = work.config.words("OnBuild")
    if stage.base is not None:
        own = stage.base.instructions
        texts = [instruction.text for instruction in own if isinstance(instruction, Onbuild)]
    work.config.config.pop("OnBuild", None)
    if not texts or stage.source is None:
        return []
    found: list[Instruction] = []
    wrong: list[Diagnostic] = []
    for text in texts:
        try:
            found.append(_trigger(stage.source, text, labs=work.build.labs))
        except DiagnosticError as error:
            wrong += [_at_base(stage.source, text, diagnostic) for diagnostic in error.diagnostics]
    if wrong:
        raise DiagnosticError(wrong)
    _put_before(work, found)
    before = len(graph.images)
    for place, text in enumerate(texts):
        problems = connect(stage, graph, names_for(stage), [place])
        wrong += [_at_base(stage.source, text, problem) for problem in problems]
    if wrong:
        raise DiagnosticError(wrong)
    needed = [stage.copies[place] for place in range(len(found)) if place in stage.copies]
    needed += [source for place in range(len(found)) for source in stage.mounts.get(place, ())]
    return [*graph.images[before:], *(other for other in needed if 0 <= other.index < stage.index)]


def _trigger(base: From, text: str, *, labs: bool) -> Instruction:
    instruction = parse_one(SourceText("ONBUILD", text), labs=labs)
    if instruction is None:
        raise DiagnosticError([errors.trigger_not_single(base.base.text, text, base.base.span)])
    if isinstance(instruction, From):
        raise DiagnosticError([errors.onbuild_trigger("FROM", base.base.span)])
    return replace(instruction, lines=base.lines)


def _at_base(base: From, text: str, diagnostic: Diagnostic) -> Diagnostic:
    """Return a mistake in a trigger as one of the FROM that fires it: the trigger's text is in no file here."""
    return errors.bad_trigger(base.base.text, text, diagnostic.message, diagnostic.code, base.base.span)


def at_base(work: Work, instruction: Instruction, diagnostics: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    """Return what is wrong with a trigger that was fired, at the FROM of its stage."""
    source = work.stage.source
    if source is None:
        return list(diagnostics)
    return [_at_base(source, instruction.source, diagnostic) for diagnostic in diagnostics]


def _put_before(work: Work, found: list[Instruction]) -> None:
    """Insert instructions; what is known by place moves on, and every trigger counts as a step, as BuildKit counts."""
    stage, count = work.stage, len(found)
    total = stage.steps if work.total < 0 else work.total
    stage.copies = {place + count: source for place, source in stage.copies.items()}
    stage.mounts = {place + count: sources for place, sources in stage.mounts.items()}
    stage.instructions = [*found, *stage.instructions]
    stage.triggers = count
    work.total = total + count
