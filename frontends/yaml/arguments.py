# SPDX-License-Identifier: Apache-2.0
"""Arguments: what the file declares, with the values that the build gives them, each of its type."""

from __future__ import annotations

import re
from collections.abc import Mapping as AbstractMapping

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, Span
from ladle.frontends.suggest import nearest
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.ast import Argument, File
from ladle.frontends.yaml.expr import Value
from ladle.frontends.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from ladle.frontends.yaml.schema import number

MAX_ARGUMENT = 65_536
"""Characters of an argument's value."""
MAX_MATCHED = 128
"""Characters of a value that a pattern is matched against."""
_MAX_REPEATS = 3
_SINGLE = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
_REPEAT = re.compile(r"[*+]|\{[0-9]*,")
_OF_KIND = {"values": ("enum", "list"), "pattern": ("string", "list"), "min": ("int",), "max": ("int",)}
_NOTHING: dict[str, Value] = {"int": 0, "bool": False, "list": ()}
_KINDS = {"str": "string", "float": "string", "int": "int", "bool": "bool", "null": "string"}


def arguments(file: File, given: AbstractMapping[str, str]) -> tuple[dict[str, Argument], list[Diagnostic]]:
    """Return the arguments by name, and what is wrong with them."""
    found: dict[str, Argument] = {}
    wrong: list[Diagnostic] = []
    for name, entry in file.args.items():
        try:
            found[name] = _argument(entry, given.get(name))
        except DiagnosticError as error:
            wrong += error.diagnostics
    return found, wrong


def _argument(entry: Entry, given: str | None) -> Argument:
    name, node = entry.key.text, entry.value
    detail = node if isinstance(node, Mapping) else None
    default = detail.get("default") if detail is not None else node
    kind = _text(detail, "type") or _kind_of(detail, default)
    for option, kinds in _OF_KIND.items():
        if detail is not None and detail.get(option) is not None and kind not in kinds:
            raise DiagnosticError([errors.argument_option(option, kind, _place(detail, option))])
    if kind == "enum" and (detail is None or detail.get("values") is None):
        raise DiagnosticError([errors.missing_key("values", entry.key.span)])
    required = _text(detail, "required") == "true"
    value: Value | None = None
    if given is not None:
        value = _value(name, kind, given, detail, entry.key.span)
    elif default is not None and not (isinstance(default, Scalar) and default.kind == "null"):
        value = _default(name, kind, default, detail)
    elif not required:
        value = _NOTHING.get(kind, "")
    return Argument(
        name=name,
        kind=kind,
        value=value,
        given=given is not None,
        required=required,
        description=_text(detail, "description"),
        span=entry.key.span,
    )


def _kind_of(detail: Mapping | None, default: Node | None) -> str:
    if detail is not None and detail.get("values") is not None and not isinstance(default, Sequence):
        return "enum"
    if isinstance(default, Sequence):
        return "list"
    return _KINDS[default.kind] if isinstance(default, Scalar) else "string"


def _default(name: str, kind: str, node: Node, detail: Mapping | None) -> Value:
    if isinstance(node, Sequence):
        if kind != "list":
            raise DiagnosticError([errors.bad_argument(name, "a list", f"it is of the type {kind}", node.span)])
        values = tuple(item.text for item in node.items if isinstance(item, Scalar))
        for each in values:
            _check_text(name, each, detail, node.span)
        return values
    return _value(name, kind, node.text if isinstance(node, Scalar) else "", detail, node.span)


def _value(name: str, kind: str, text: str, detail: Mapping | None, span: Span) -> Value:
    if len(text) > MAX_ARGUMENT:
        reason = f"it is longer than {MAX_ARGUMENT:,} characters"
        raise DiagnosticError([errors.bad_argument(name, f"{text[:20]}…", reason, span)])
    if kind == "int":
        return _number(name, text, detail, span)
    if kind == "bool":
        if text.lower() not in ("true", "false", "1", "0"):
            raise DiagnosticError([errors.bad_argument(name, text, "write true or false", span)])
        return text.lower() in ("true", "1")
    values = tuple(part.strip() for part in text.split(",") if part.strip()) if kind == "list" else (text,)
    for value in values:
        _check_text(name, value, detail, span)
    return values if kind == "list" else text


def _number(name: str, text: str, detail: Mapping | None, span: Span) -> int:
    value = number(text) if re.fullmatch(r"[-+]?[0-9]+", text, re.ASCII) else None
    if value is None:
        raise DiagnosticError([errors.bad_argument(name, text[:80], "write a whole number", span)])
    least, most = _bound(detail, "min"), _bound(detail, "max")
    if (least is not None and value < least) or (most is not None and value > most):
        reason = errors.out_of_range("it", least, most, span).message
        raise DiagnosticError([errors.bad_argument(name, text, reason, span)])
    return value


def _check_text(name: str, value: str, detail: Mapping | None, span: Span) -> None:
    if detail is None:
        return
    node = detail.get("values")
    if isinstance(node, Sequence):
        known = [item.text for item in node.items if isinstance(item, Scalar)]
        if value not in known:
            near = nearest(value, known)
            meant = f" (did you mean {near}?)" if near else ""
            reason = f"it is none of {', '.join(known)}{meant}"
            raise DiagnosticError([errors.bad_argument(name, value[:80], reason, span)])
    pattern = detail.get("pattern")
    if isinstance(pattern, Scalar) and not _matches(pattern, value):
        reason = f"it does not match {pattern.text}"
        raise DiagnosticError([errors.bad_argument(name, value[:80], reason, span)])


def _matches(pattern: Scalar, value: str) -> bool:
    plain = _SINGLE.sub("x", pattern.text)
    if re.search(r"\)[*+{]", plain) or len(_REPEAT.findall(plain)) > _MAX_REPEATS:
        reason = f"it may take very long: repeat no groups, and at most {_MAX_REPEATS} characters or classes"
        raise DiagnosticError([errors.bad_pattern(reason, pattern.span)])
    try:
        return len(value) <= MAX_MATCHED and re.fullmatch(pattern.text, value) is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise DiagnosticError([errors.bad_pattern(str(error), pattern.span)]) from None


def _bound(detail: Mapping | None, key: str) -> int | None:
    text = _text(detail, key)
    return number(text) if text else None


def _text(detail: Mapping | None, key: str) -> str:
    node = detail.get(key) if detail is not None else None
    return node.text if isinstance(node, Scalar) else ""


def _place(detail: Mapping, key: str) -> Span:
    entry = detail.entry(key)
    return entry.key.span if entry is not None else detail.span
