# SPDX-License-Identifier: Apache-2.0
"""Text to tree: PyYAML's events put together here, by the rules of YAML 1.2, with limits.

Only `true` and `false` are booleans (`no`, `on` and `yes` are texts), and every value keeps its text as written, so
`3.10` and `0755` mean what they say.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any

from ladle.core.api.diagnostics import DiagnosticError, SourceText, Span
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.nodes import Entry, Mapping, Node, Scalar, Sequence
from ladle.llb.values import dataclass

MAX_DEPTH = 50
"""Lists and mappings inside one another."""
MAX_NODES = 50_000
"""Values in a file, those that aliases repeat counted again."""
_KINDS = (
    ("null", re.compile(r"|~|null|Null|NULL")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan")),
)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")


@dataclass(slots=True)
class _Open:
    """A list or mapping that is not at its end."""

    start: int
    mapping: bool
    anchor: str
    nodes: list[Node] = field(default_factory=list)
    weight: int = 1


def parse(source: SourceText) -> Mapping:
    """Return the mapping that a file is; raises `DiagnosticError`."""
    import yaml

    try:
        loader = yaml.SafeLoader(source.text)
    except yaml.reader.ReaderError as error:
        place = Span(source, error.position, error.position + 1)
        raise DiagnosticError([errors.bad_character(error.character, place)]) from None
    try:
        root = _Composer(source, loader, yaml).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        start = min(mark.index, len(source.text)) if mark else 0
        text = " ".join(part for part in (error.problem, error.context and f"({error.context})") if part)
        raise DiagnosticError([errors.malformed(text, Span(source, start, start + 1))]) from None
    except (ValueError, OverflowError) as error:
        start = min(loader.get_mark().index, len(source.text))
        raise DiagnosticError([errors.malformed(str(error), Span(source, start, start + 1))]) from None
    finally:
        loader.dispose()
    if not isinstance(root, Mapping):
        raise DiagnosticError([errors.no_mapping(root.span)])
    return root


class _Composer:
    """Makes nodes of events, with an explicit stack."""

    def __init__(self, source: SourceText, loader: Any, yaml: Any) -> None:
        self.source = source
        self.loader = loader
        self.yaml = yaml
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.root: Node | None = None
        self.weight = 0

    def document(self) -> Node:
        """Return the only document of the file."""
        yaml = self.yaml
        while self.loader.check_event():
            event = self.loader.get_event()
            if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
                raise DiagnosticError([errors.second_document(self._span(event))])
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
        if self.root is None:
            raise DiagnosticError([errors.empty_file(self.source)])
        return self.root

    def _node(self, event: Any) -> None:
        yaml = self.yaml
        span = self._span(event)
        if isinstance(event, yaml.AliasEvent):
            self._alias(event.anchor, span)
            return
        anchor = event.anchor or ""
        if isinstance(event, yaml.ScalarEvent):
            node = Scalar(event.value, self._kind(event, span), span)
            if anchor:
                self.anchors[anchor] = (node, 1)
            self._put(node, 1)
            return
        if event.tag is not None and event.tag != "!":
            raise DiagnosticError([errors.tag(event.tag, span)])
        if len(self.open) >= MAX_DEPTH:
            raise DiagnosticError([errors.too_deep(MAX_DEPTH, span)])
        if anchor:
            self.anchors[anchor] = None
        self.open.append(_Open(span.start, isinstance(event, yaml.MappingStartEvent), anchor))

    def _kind(self, event: Any, span: Span) -> str:
        if event.tag is not None:
            if event.tag not in _TEXT_TAGS:
                raise DiagnosticError([errors.tag(event.tag, span)])
            return "str"
        if not event.implicit[0]:
            return "str"
        return next((kind for kind, pattern in _KINDS if pattern.fullmatch(event.value)), "str")

    def _alias(self, name: str, span: Span) -> None:
        if name not in self.anchors:
            raise DiagnosticError([errors.unknown_anchor(name, span)])
        known = self.anchors[name]
        if known is None:
            raise DiagnosticError([errors.alias_in_itself(name, span)])
        self._put(*known)

    def _close(self, event: Any) -> None:
        done = self.open.pop()
        span = Span(self.source, done.start, max(done.start, event.end_mark.index))
        node: Node = self._mapping(done.nodes, span) if done.mapping else Sequence(tuple(done.nodes), span)
        if done.anchor:
            self.anchors[done.anchor] = (node, done.weight)
        self._put(node, done.weight)

    def _put(self, node: Node, weight: int) -> None:
        if not self.open:
            self.root = node
            return
        top = self.open[-1]
        top.nodes.append(node)
        top.weight += weight
        if top.weight > MAX_NODES:
            raise DiagnosticError([errors.too_many_nodes(MAX_NODES, node.span)])

    def _mapping(self, nodes: list[Node], span: Span) -> Mapping:
        found: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in zip(nodes[::2], nodes[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise DiagnosticError([errors.key_not_text(key.span)])
            if key.text == "<<" and key.kind == "str":
                for each in value.items if isinstance(value, Sequence) else (value,):
                    if not isinstance(each, Mapping):
                        raise DiagnosticError([errors.bad_merge(key.span)])
                    merged = {entry.key.text: entry for entry in each} | merged
            elif key.text in found:
                raise DiagnosticError([errors.duplicate_key(key.text, key.span, found[key.text].key.span)])
            else:
                found[key.text] = Entry(key, value)
        return Mapping((*(entry for name, entry in merged.items() if name not in found), *found.values()), span)

    def _span(self, event: Any) -> Span:
        end = max(event.start_mark.index, event.end_mark.index)
        text = self.source.text[event.start_mark.index : end]
        return Span(self.source, event.start_mark.index, event.start_mark.index + max(1, len(text.rstrip())))
