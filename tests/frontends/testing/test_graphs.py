# SPDX-License-Identifier: Apache-2.0
"""Graphs as text, and what is said of two that differ."""

from __future__ import annotations

import pytest

from ladle.core.api.errors import BuildError
from ladle.frontends.sdk import Image
from ladle.frontends.testing import compiled, first_difference, graph_of, same_graph, shown
from ladle.llb import Location, Range, SourceInfo, image, merge, scratch

BASE = image("busybox")


def test_what_is_the_same_is_the_same() -> None:
    one = BASE.run("make", name="one name").root
    same_graph(one, BASE.run("make", name="another").root, one.marshal(), Image(one))


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (BASE.run("a").root, BASE.run("b").root, ["v2 `exec a` differs", "- exec a", "+ exec b"]),
        (BASE.run("a").root.run("z").root, BASE.run("b").root.run("z").root, ["v2 `exec a` differs"]),
        (BASE.run("a").root.run("b").root, BASE.run("b").root.run("a").root, ["v2 `exec a` differs"]),
        (BASE, image("alpine"), ["v1 `source docker-image://docker.io/library/busybox:latest`"]),
        (BASE, scratch(), ["one is scratch"]),
        (BASE.run("a", env={"X": "1"}).root, BASE.run("a", env={"X": "2"}).root, ["-    env X=1", "+    env X=2"]),
        (merge([BASE, image("b")]), merge([image("b"), BASE]), ["`merge of 2` differs", "input 0"]),
        (BASE.run("a").root, BASE.run("a").root.run("b").root, ["differs"]),
    ],
)
def test_the_first_op_that_differs_is_named(one: object, other: object, words: list[str]) -> None:
    with pytest.raises(AssertionError) as caught:
        same_graph(one, one, other)
    said = str(caught.value)
    assert said.startswith("graph 3 is not graph 1: ")
    for word in words:
        assert word in said


def test_the_place_in_the_build_file_is_said() -> None:
    place = Location(source=SourceInfo(filename="it.x"), ranges=(Range(start_line=3, end_line=3),))
    one, other = (BASE.run(name, location=place, name="step").root.marshal() for name in "ab")
    assert first_difference(one, other).startswith("v2 `exec a` (step) differs, made for it.x:3")


def test_results_are_compared_by_name() -> None:
    from ladle.llb import marshal

    assert "results are 'a' in one and 'b'" in first_difference(marshal({"a": BASE}), marshal({"b": BASE}))
    assert first_difference(marshal({"a": BASE}), marshal({"a": BASE})) == ""


def test_what_is_no_graph_is_refused() -> None:
    with pytest.raises(BuildError, match="int is no graph"):
        graph_of(3)


def test_a_build_is_shown_with_its_config(lines: object) -> None:
    assert shown(compiled(lines, "echo hello")).splitlines()[-2:] == [
        "result linux/amd64: v2",
        'config linux/amd64 {"Cmd": ["sh"]}',
    ]
