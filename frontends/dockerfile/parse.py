# SPDX-License-Identifier: Apache-2.0
"""Text to syntax tree: each logical line through the Lark grammar, every mistake of the file in one go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ladle import grammars
from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, SourceText
from ladle.frontends.dockerfile import errors, nodes
from ladle.frontends.dockerfile.ast import Arg, Dockerfile, From, Import, Instruction
from ladle.frontends.dockerfile.flags import LABS as LABS_FLAGS
from ladle.frontends.dockerfile.labs import errors as labs_errors
from ladle.frontends.dockerfile.lines import LogicalLine, split
from ladle.frontends.suggest import nearest

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

INSTRUCTIONS = frozenset(nodes.BUILDERS)
_ALL = nodes.BUILDERS | nodes.LABS
MAX_INSTRUCTIONS = 100_000
MAX_STAGES = 10_000
_ESCAPE_LINES = re.compile(r"^(?:ESC|PLAIN\w*): .*$", re.MULTILINE)


def parse(source: SourceText, *, labs: bool = False, part: bool = False) -> Dockerfile:
    """Return the tree of a file; raises `DiagnosticError` with every mistake found.

    `labs`: it may use the labs language; `part`: it need not begin with a stage, being part of another file.
    """
    lines = split(source)
    _check_number(lines.lines)
    found = list(lines.errors)
    instructions: list[Instruction] = []
    for line in lines.lines:
        try:
            instructions.append(node := _instruction(line, lines.escape))
            found += [] if labs else _not_asked_for(node, line)
        except DiagnosticError as error:
            found += error.diagnostics
    found += [] if part else _misplaced(lines.lines, source, complete=not found)
    if found:
        raise DiagnosticError(sorted(found, key=errors.place))
    return Dockerfile(source, lines.escape, lines.directives, tuple(instructions))


def _check_number(lines: list[LogicalLine]) -> None:
    """Refuse a file that would keep us busy for minutes."""
    if len(lines) > MAX_INSTRUCTIONS:
        raise DiagnosticError([errors.too_many("instructions", MAX_INSTRUCTIONS, lines[MAX_INSTRUCTIONS].whole)])
    stages = [line for line in lines if line.text[:4].upper() == "FROM"] if len(lines) > MAX_STAGES else []
    if len(stages) > MAX_STAGES:
        raise DiagnosticError([errors.too_many("stages", MAX_STAGES, stages[MAX_STAGES].whole)])


def parse_one(source: SourceText, *, labs: bool = False) -> Instruction | None:
    """Return the only instruction of a text (an ONBUILD trigger); None where there are more or none."""
    lines = split(source)
    if lines.errors:
        raise DiagnosticError(lines.errors)
    if len(lines.lines) != 1:
        return None
    node = _instruction(lines.lines[0], lines.escape)
    if not labs and (found := _not_asked_for(node, lines.lines[0])):
        raise DiagnosticError(found)
    return node


def _not_asked_for(node: Instruction, line: LogicalLine) -> list[Diagnostic]:
    """Return what of an instruction is of the labs language."""
    if node.name in nodes.LABS:
        return [labs_errors.not_asked_for("instruction", node.name, line.span(0, len(node.keyword)))]
    flags = LABS_FLAGS.get(node.name, {})
    return [labs_errors.not_asked_for("flag", f"--{flag.name}", flag.span) for flag in node.flags if flag.name in flags]


def _instruction(line: LogicalLine, escape: str) -> Instruction:
    from lark.exceptions import UnexpectedInput

    word = line.text.split(maxsplit=1)[0]
    keyword = word.upper()
    if keyword not in _ALL:
        near = nearest(keyword, sorted(INSTRUCTIONS))
        raise DiagnosticError([errors.unknown_instruction(word, near, line.span(0, len(word)))])
    try:
        tree: Tree[Token] = _grammar(escape).parse(line.text)
    except UnexpectedInput as failure:
        at = failure.pos_in_stream
        position = len(line.text) if at is None or at < 0 or type(failure).__name__ == "UnexpectedEOF" else at
        if getattr(failure, "token", None) is not None and failure.token.type == "$END":  # type: ignore[attr-defined]
            position = len(line.text)
        raise DiagnosticError([_malformed(keyword, line, position)]) from None
    return _ALL[keyword](nodes.Parts(line, word, tree.children, escape))


@lru_cache(maxsize=2)
def _grammar(escape: str) -> Lark:
    """Return the parser for one of the two escape characters."""
    from ladle.frontends.saved_grammar import parser

    path = Path(grammars.__path__[0]) / "dockerfile.lark"
    text = path.read_text(encoding="utf-8")
    if escape == "`":
        return parser(path, _ESCAPE_LINES.sub(lambda line: line[0].replace("\\\\", "`"), text), "backtick.")
    return parser(path, text)


def misplaced(instructions: Sequence[Instruction], source: SourceText) -> list[Diagnostic]:
    """Return what stands before the first FROM of a file that is made of several, and a file without any."""
    for node in instructions:
        if isinstance(node, From):
            return []
        if not isinstance(node, Arg | Import):
            return [errors.before_from(node.span)]
    return [errors.no_stage(source)]


def _misplaced(lines: list[LogicalLine], source: SourceText, *, complete: bool) -> list[Diagnostic]:
    """Return what stands before the first FROM, and a file without any."""
    for line in lines:
        keyword = line.text.split(maxsplit=1)[0].upper()
        if keyword == "FROM":
            return []
        if keyword != "ARG" and keyword in INSTRUCTIONS:
            return [errors.before_from(line.whole)]
    return [errors.no_stage(source)] if lines and complete else []


def _malformed(keyword: str, line: LogicalLine, position: int) -> Diagnostic:
    """Return the name of the mistake that the grammar met at `position`."""
    rest = line.text[position:]
    words = rest.split(maxsplit=1)
    word = words[0] if words else ""
    here = line.span(position, position + len(word)) if word else line.whole
    if keyword == "FROM":
        return errors.from_arguments(here)
    if keyword in ("ENV", "LABEL"):
        return _malformed_pair(keyword, line, position, word)
    if keyword == "HEALTHCHECK" and word:
        none = word.upper() == "NONE"
        return errors.healthcheck_none_arguments(here) if none else errors.healthcheck_type(word.upper(), here)
    if keyword in nodes.LABS:
        return labs_errors.arguments(keyword, here)
    if keyword == "SHELL" and word:
        return errors.json_required(keyword, line.span(position, len(line.text)))
    if keyword in ("COPY", "ADD"):
        return errors.no_destination(keyword, line.whole)
    if keyword in ("WORKDIR", "USER", "STOPSIGNAL", "MAINTAINER"):
        return errors.exactly_one_argument(keyword, line.whole)
    return errors.at_least_one_argument(keyword, line.whole)


def _malformed_pair(keyword: str, line: LogicalLine, position: int, word: str) -> Diagnostic:
    if not word:
        return errors.at_least_one_argument(keyword, line.whole)
    here = line.span(position, position + len(word))
    if word.startswith("="):
        return errors.blank_name(keyword, here)
    before = line.text[:position].split(maxsplit=1)
    if len(before) > 1 and "=" in before[1]:
        return errors.missing_equals(word, here)
    return errors.two_arguments(keyword, here)
