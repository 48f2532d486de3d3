# SPDX-License-Identifier: Apache-2.0
"""Text to syntax tree: each logical line through the Lark grammar, every mistake of the file in one go."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ladle import grammars
from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, SourceText
from ladle.frontends.dockerfile import errors, nodes
from ladle.frontends.dockerfile.ast import Dockerfile, Instruction
from ladle.frontends.dockerfile.lines import LogicalLine, split
from ladle.frontends.suggest import nearest

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

INSTRUCTIONS = frozenset(nodes.BUILDERS)
MAX_INSTRUCTIONS = 100_000
MAX_STAGES = 10_000
_ESCAPE_LINES = re.compile(r"^(?:ESC|PLAIN\w*): .*$", re.MULTILINE)


def parse(source: SourceText) -> Dockerfile:
    """Return the tree of a file; raises `DiagnosticError` with every mistake found."""
    lines = split(source)
    _check_number(lines.lines)
    found = list(lines.errors)
    instructions: list[Instruction] = []
    for line in lines.lines:
        try:
            instructions.append(_instruction(line, lines.escape))
        except DiagnosticError as error:
            found += error.diagnostics
    found += _misplaced(lines.lines, source, complete=not found)
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


def parse_one(source: SourceText) -> Instruction | None:
    """Return the only instruction of a text (an ONBUILD trigger); None where there are more or none."""
    lines = split(source)
    if lines.errors:
        raise DiagnosticError(lines.errors)
    return _instruction(lines.lines[0], lines.escape) if len(lines.lines) == 1 else None


def _instruction(line: LogicalLine, escape: str) -> Instruction:
    from lark.exceptions import UnexpectedInput

    word = line.text.split(maxsplit=1)[0]
    keyword = word.upper()
    if keyword not in INSTRUCTIONS:
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
    return nodes.BUILDERS[keyword](nodes.Parts(line, word, tree.children, escape))


@lru_cache(maxsize=2)
def _grammar(escape: str) -> Lark:
    """Return the parser for one of the two escape characters."""
    from ladle.frontends.saved_grammar import parser

    path = Path(grammars.__path__[0]) / "dockerfile.lark"
    text = path.read_text(encoding="utf-8")
    if escape == "`":
        return parser(path, _ESCAPE_LINES.sub(lambda line: line[0].replace("\\\\", "`"), text), "backtick.")
    return parser(path, text)


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
