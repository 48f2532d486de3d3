# SPDX-License-Identifier: Apache-2.0
"""The build file against its JSON Schema, with the place of everything that does not fit.

One file is the rule for editors, for the reference in the docs and for this check. It knows the part of JSON Schema
that the schema uses; a scalar is a text too, and what holds an expression is checked when it is worked out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as AbstractMapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ladle.frontends.suggest import nearest
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.nodes import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from ladle.core.api.diagnostics import Diagnostic

Schema = AbstractMapping[str, Any]
EXPRESSION = "${{"
_DOCKERFILE = {
    "expose": "ports",
    "volume": "volumes",
    "label": "labels",
    "stopsignal": "stop-signal",
    "maintainer": "author",
    "command": "cmd",
    "chown": "owner",
    "chmod": "mode",
    "dest": "to",
    "target": "to",
    "arg": "args",
    "stage": "stages",
}
"""Words of Dockerfiles, and of those who think of them -> the keys here."""
_SHOWN = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_SCALARS = {"str": "a text", "int": "a number", "float": "a number", "bool": "true or false", "null": "nothing"}


@cache
def schema_text() -> str:
    """Return the JSON Schema of build files."""
    return files("ladle.grammars").joinpath("ladle-yaml.schema.json").read_text(encoding="utf-8")


@cache
def schema() -> Schema:
    """Return the JSON Schema as data."""
    made: Schema = json.loads(schema_text())
    return made


def resolved(part: Schema) -> Schema:
    """Return what a part of the schema refers to."""
    while "$ref" in part:
        part = schema()["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def check(node: Node) -> list[Diagnostic]:
    """Return everything that does not fit."""
    found: list[Diagnostic] = []
    _check(node, schema(), "build file", found)
    return found


def _check(node: Node, part: Schema, what: str, found: list[Diagnostic]) -> None:
    part = resolved(part)
    if "anyOf" in part:
        chosen = _branch(node, [resolved(each) for each in part["anyOf"]], what, found)
        if chosen is not None:
            _check(node, chosen, what, found)
        return
    kinds = _kinds(part)
    if not any(_fits(node, kind) for kind in kinds):
        found.append(errors.wrong_type(_wanted(kinds), _found(node), node.span))
    elif isinstance(node, Scalar):
        _scalar(node, part, kinds, found)
    elif isinstance(node, Sequence):
        if len(node.items) < part.get("minItems", 0):
            found.append(errors.too_few("item", node.span))
        for item in node.items:
            _check(item, part.get("items", {}), _singular(what), found)
    else:
        _mapping(node, part, found)


def _mapping(node: Mapping, part: Schema, found: list[Diagnostic]) -> None:
    known: Schema = part.get("properties", {})
    rest = part.get("additionalProperties", {})
    names = resolved(part.get("propertyNames", {})).get("pattern")
    if len(node.entries) < part.get("minProperties", 0):
        found.append(errors.too_few("key", node.span))
    for name in part.get("required", ()):
        if node.get(name) is None:
            found.append(errors.missing_key(name, _head(node)))
    for entry in node:
        name = entry.key.text
        if name in known:
            inner = resolved(known[name])
            if node.get(name) is not None or "null" in _kinds(inner):
                _check(entry.value, inner, name, found)
        elif rest is False:
            left = [other for other in known if node.entry(other) is None]
            found.append(errors.unknown_key(name, _meant(name, left), list(known), entry.key.span))
        elif names and not re.search(names, name):
            found.append(errors.bad_form(name, names, "", entry.key.span))
        else:
            _check(entry.value, rest, name, found)


def _meant(name: str, known: list[str]) -> str:
    """Return the key that was perhaps meant: what a Dockerfile's word is called here, or one that is written alike."""
    word = _DOCKERFILE.get(name.lower(), name.lower())
    return word if word in known else nearest(name, known)


def _scalar(node: Scalar, part: Schema, kinds: list[str], found: list[Diagnostic]) -> None:
    text = node.text
    if EXPRESSION in text:
        return
    if "enum" in part and text not in part["enum"]:
        found.append(errors.not_one_of(text, nearest(text, part["enum"]), part["enum"], node.span))
    if "pattern" in part and not re.search(part["pattern"], text):
        found.append(errors.bad_form(text, part["pattern"], part.get("description", ""), node.span))
    if kinds == ["integer"]:
        least, most = part.get("minimum"), part.get("maximum")
        value = number(text)
        if value is None or (least is not None and value < least) or (most is not None and value > most):
            found.append(errors.out_of_range(text[:30], least, most, node.span))


def number(text: str) -> int | None:
    """Return a whole number as YAML writes it, None for one that is longer than any use."""
    if len(text) > 20:
        return None
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


def _branch(node: Node, parts: list[Schema], what: str, found: list[Diagnostic]) -> Schema | None:
    """Return the alternative that a value is meant to be, by its type and then by the key that says what it is."""
    fitting = [part for part in parts if any(_fits(node, kind) for kind in _kinds(part))]
    if len(fitting) > 1 and isinstance(node, Mapping):
        heads = [part["required"][0] for part in fitting]
        for part, head in zip(fitting, heads, strict=True):
            if node.entry(head) is not None:
                return part
        key = node.entries[0].key if node.entries else None
        near = nearest(key.text, heads) if key is not None else ""
        found.append(errors.no_kind(_singular(what), near, heads, key.span if key else node.span))
        return None
    if fitting:
        return fitting[0]
    wanted = _wanted(list(dict.fromkeys(kind for part in parts for kind in _kinds(part))))
    heads = [part["required"][0] for part in parts if part.get("required")] if wanted == _SHOWN["object"] else []
    found.append(errors.wrong_type(wanted, _found(node), node.span, heads))
    return None


def _kinds(part: Schema) -> list[str]:
    part = resolved(part)
    if "anyOf" in part:
        return list(dict.fromkeys(kind for each in part["anyOf"] for kind in _kinds(each)))
    kinds = part.get("type", list(_SHOWN))
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _fits(node: Node, kind: str) -> bool:
    if isinstance(node, Mapping):
        return kind == "object"
    if isinstance(node, Sequence):
        return kind == "array"
    if node.kind == "null" or kind == "null":
        return node.kind == kind
    if kind in ("integer", "boolean") and EXPRESSION in node.text:
        return True
    return kind == "string" or {"int": "integer", "float": "number", "bool": "boolean"}.get(node.kind) == kind


def _wanted(kinds: list[str]) -> str:
    shown = ["string"] if "string" in kinds else [kind for kind in kinds if kind in ("integer", "boolean", "number")]
    shown += [kind for kind in ("array", "object", "null") if kind in kinds and len(kinds) < len(_SHOWN)]
    return " or ".join(_SHOWN[kind] for kind in shown)


def _found(node: Node) -> str:
    if isinstance(node, Scalar):
        return _SCALARS[node.kind]
    return _SHOWN["array" if isinstance(node, Sequence) else "object"]


def _head(node: Mapping) -> Any:
    return node.entries[0].key.span if node.entries else node.span


def _singular(what: str) -> str:
    return what.removesuffix("s")
