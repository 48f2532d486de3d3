# SPDX-License-Identifier: Apache-2.0
"""YAML as a tree: what values are, where mistakes are, and what bounds there are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladle.core.api.diagnostics import SourceText
from ladle.frontends.yaml.lines import MAX_FILE
from ladle.frontends.yaml.nodes import Mapping, Scalar, Sequence
from ladle.frontends.yaml.parse import MAX_DEPTH, MAX_NODES, parse

Codes = Callable[..., list[str]]


def tree(text: str) -> Mapping:
    return parse(SourceText("x", text))


def kinds(text: str) -> list[tuple[str, str]]:
    node = tree(f"a: [{text}]").get("a")
    assert isinstance(node, Sequence)
    return [(item.text, item.kind) for item in node.items if isinstance(item, Scalar)]


def test_values_keep_their_text_and_only_true_and_false_are_booleans() -> None:
    found = kinds("no, on, true, 3.10, 0755, 0x1f, ~, 'true', 1e3")
    assert [kind for _, kind in found] == ["str", "str", "bool", "float", "int", "int", "null", "str", "float"]
    assert [text for text, _ in found][3:5] == ["3.10", "0755"]


def test_anchors_and_merge_keys() -> None:
    root = tree("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\n")
    y = root.get("y")
    assert isinstance(y, Mapping)
    assert {entry.key.text: entry.value.text for entry in y if isinstance(entry.value, Scalar)} == {"a": "1", "b": "3"}
    assert root.get("z") is root.get("x")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"\xff", "YF0002 ladle.yaml:1:1"),
        (b"a: \x01", "YF0003 ladle.yaml:1:4"),
        (b"a: [1, 2", "YF0004 ladle.yaml:1:9"),
        (b"a:\n\t- b", "YF0004 ladle.yaml:2:1"),
        (b'a: "\\UFFFFFFFF"', "YF0004 ladle.yaml:1:7"),
        (b"", "YF0005 ladle.yaml:1:1"),
        (b"- a\n", "YF0006 ladle.yaml:1:1"),
        (b"a: b\n---\nc: d\n", "YF0007 ladle.yaml:2:1"),
        (b"a: !!python/object:os.system x\n", "YF0008 ladle.yaml:1:4"),
        (b"a: *b\n", "YF0011 ladle.yaml:1:4"),
        (b"a: &b [*b]\n", "YF0012 ladle.yaml:1:8"),
        (b"a: {{ args.x }}\n", "YF0013 ladle.yaml:1:5"),
        (b"a:\n  <<: x\n", "YF0014 ladle.yaml:2:3"),
        (b"a: 1\nb: 2\na: 3\n", "YF0015 ladle.yaml:3:1"),
    ],
)
def test_malformed_files(text: bytes, code: str, codes: Codes) -> None:
    assert codes(text) == [code]


def test_a_file_has_a_size(codes: Codes) -> None:
    assert codes(b"#" * (MAX_FILE + 1)) == ["YF0001 ladle.yaml:1:1"]


def test_lists_have_a_depth(codes: Codes) -> None:
    assert codes("a: " + "[" * MAX_DEPTH)[0].startswith("YF0009")
    assert tree("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))


def test_aliases_of_aliases_are_cut_off(codes: Codes) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert [code.partition(" ")[0] for code in codes(bomb)] == ["YF0010"]
    assert MAX_NODES < 9**5
