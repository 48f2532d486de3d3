# SPDX-License-Identifier: Apache-2.0
"""Values of the build file with what `${{ … }}` stands for put in."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping
from dataclasses import field

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Span
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.expr import ExpressionError, Value, evaluate, names_in, shown, truth
from ladle.frontends.yaml.nodes import Mapping, Node, Scalar, items
from ladle.frontends.yaml.schema import number
from ladle.llb.values import dataclass

MAX_TEXT = 1 << 20
"""Characters of a text with its expressions put in."""
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_OPEN = "${{"
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that expressions see."""

    names: dict[str, Value]
    used: set[str] = field(default_factory=set, compare=False)
    """The names that were asked for."""

    def see_variables(self, values: AbstractMapping[str, str]) -> None:
        """Let expressions see the variables of a stage as they stand: `${{ env.PATH }}`."""
        self.names.update({f"env.{name}": value for name, value in values.items()})

    def text(self, node: Node) -> str:
        """Return a value as text; raises `DiagnosticError`."""
        scalar = _scalar(node)
        if _OPEN not in scalar.text:
            return scalar.text
        value = self._whole(scalar)
        if value is None:
            return self._filled(scalar)
        if isinstance(value, tuple):
            raise DiagnosticError([errors.list_in_text(node.span)])
        return shown(value)

    def texts(self, node: Node | None) -> list[str]:
        """Return the texts of a list or of a single value; an item that is an expression of a list is its items."""
        found: list[str] = []
        for item in items(node):
            scalar = _scalar(item)
            value = self._whole(scalar) if _OPEN in scalar.text else None
            if isinstance(value, tuple):
                found += value
            else:
                found.append(self.text(scalar))
        return found

    def optional(self, mapping: Mapping, key: str, default: str = "") -> str:
        """Return the text of a key that may be missing."""
        node = mapping.get(key)
        return default if node is None else self.text(node)

    def flag(self, mapping: Mapping, key: str, default: bool = False) -> bool:
        """Return a yes or no that may be missing; raises `DiagnosticError` for anything else."""
        node = mapping.get(key)
        if node is None:
            return default
        text = self.text(node).lower()
        if text not in _BOOLEANS:
            raise DiagnosticError([errors.wrong_type("true or false", f"`{text[:80]}`", node.span)])
        return _BOOLEANS[text]

    def number(self, mapping: Mapping, key: str, default: int, least: int = 0, most: int = (1 << 32) - 2) -> int:
        """Return a whole number that may be missing; raises `DiagnosticError` for anything else."""
        node = mapping.get(key)
        if node is None:
            return default
        text = self.text(node)
        value = number(text) if re.fullmatch(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", text) else None
        if value is None or not least <= value <= most:
            raise DiagnosticError([errors.out_of_range(f"`{text[:80]}`", least, most, node.span)])
        return value

    def pairs(self, node: Node | None) -> dict[str, str]:
        """Return names and values of a mapping."""
        if not isinstance(node, Mapping):
            return {}
        return {entry.key.text: self.text(entry.value) for entry in node}

    def chosen(self, mapping: Mapping, key: str, known: tuple[str, ...], default: str) -> str:
        """Return one of some words; raises `DiagnosticError` for another, which only an expression can be."""
        text = self.optional(mapping, key, default)
        if text not in known:
            raise DiagnosticError([errors.not_one_of(text, "", known, mapping.entries[0].key.span)])
        return text

    def holds(self, mapping: Mapping) -> bool:
        """Say whether the condition (`if`) of a step or stage is true; without one it is."""
        node = mapping.get("if")
        if not isinstance(node, Scalar):
            return True
        text = node.text.strip()
        match = _EXPRESSION.fullmatch(text)
        return truth(self._value(match[1] if match else text, node))

    def _whole(self, node: Scalar) -> Value | None:
        """Return the value of a text that is one expression and nothing else."""
        match = _EXPRESSION.fullmatch(node.text.strip())
        return self._value(match[1], node) if match and _OPEN not in match[1] else None

    def _filled(self, node: Scalar) -> str:
        parts: list[str] = []
        end = 0
        for match in _EXPRESSION.finditer(node.text):
            value = self._value(match[1], node)
            if isinstance(value, tuple):
                raise DiagnosticError([errors.list_in_text(node.span)])
            parts += [node.text[end : match.start()], shown(value)]
            end = match.end()
        rest = node.text[end:]
        if _OPEN in rest:
            raise DiagnosticError([errors.open_expression(node.span)])
        if sum(map(len, parts)) + len(rest) > MAX_TEXT:
            raise DiagnosticError([errors.value_too_long(MAX_TEXT, node.span)])
        return "".join([*parts, rest])

    def _value(self, text: str, node: Scalar) -> Value:
        try:
            self.used.update(names_in(text))
            return evaluate(text, self.names)
        except ExpressionError as error:
            raise DiagnosticError([_wrong(error, text, node.span)]) from None


def _scalar(node: Node) -> Scalar:
    if not isinstance(node, Scalar):
        raise DiagnosticError([errors.wrong_type("a text", "a list or a mapping", node.span)])
    return node


def expressions(node: Scalar) -> list[str]:
    """Return the names that a text's expressions use; none where one of them cannot be read."""
    try:
        return [name for match in _EXPRESSION.finditer(node.text) for name in names_in(match[1])]
    except ExpressionError:
        return []


def _wrong(error: ExpressionError, text: str, span: Span) -> Diagnostic:
    written = span.source.text[span.start : span.end]
    place = written.find(text)
    if place >= 0:
        start = span.start + place + error.start
        span = Span(span.source, start, max(start + 1, span.start + place + error.end))
    if error.name:
        return errors.unknown_name(error.name, error.near, span)
    return errors.bad_expression(error.message, span)
