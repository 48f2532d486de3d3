# SPDX-License-Identifier: Apache-2.0
"""Graphs for people: snapshots of every form, and JSON that can be read back."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion

from ladle import llb
from ladle.llb.errors import LLBError
from ladle.llb.ops import FileAction, FileOp, MkFile, SourceOp
from ladle.llb.render import FORMATS, read_json, render
from ladle.llb.vertex import Edge, Vertex

BAD_BASE64 = (
    '{"ladle.llb": 1, "ops": [{"op": {"file": {"actions": '
    '[{"action": {"mkfile": {"path": "/", "data": {"base64": "*"}}}}]}}}]}'
)


@pytest.mark.parametrize("form", FORMATS)
def test_forms(rich: llb.Definition, form: str, snapshot: SnapshotAssertion) -> None:
    assert render(rich, form) == snapshot


def test_text_with_digests(rich: llb.Definition) -> None:
    shown = render(rich, "text", digests=True)
    assert all(vertex.digest in shown for vertex in rich.vertices)
    assert "sha256:" not in render(llb.marshal(llb.image("alpine").mkdir("/x")))


def test_control_characters_stay_on_their_line() -> None:
    state = llb.image("alpine").run(["sh", "-c", "a\nresult v1\x1b[31m"], name="b\nresult v9").root
    lines = render(llb.marshal(state)).splitlines()
    assert [line for line in lines if line.startswith("result")] == ["result v2"]
    assert "\x1b" not in "".join(lines)


def test_labels_of_drawings_are_quoted() -> None:
    definition = llb.marshal(llb.image("alpine").run(["echo", 'a"b\\', "<c>"]).root)
    assert "echo 'a\\\"b\\\\' '<c>'\" shape=box" in render(definition, "dot")
    assert "a#quot;b" in render(definition, "mermaid")
    assert "#lt;c#gt;" in render(definition, "mermaid")


def test_json_comes_back(rich: llb.Definition) -> None:
    assert read_json(render(rich, "json")) == rich


def test_json_tells_bytes_from_attributes_of_the_same_name() -> None:
    source = Vertex(op=SourceOp(identifier="x://y", attrs=(("base64", "eA=="),)))
    action = FileAction(action=MkFile(path="/f", data=b"\xff"), input=0, output=0)
    definition = llb.Definition(results=(("", Edge(Vertex(op=FileOp(actions=(action,)), inputs=(Edge(source),)))),))
    assert read_json(render(definition, "json")) == definition


def test_json_may_leave_digests_out_but_not_lie() -> None:
    shown = json.loads(render(llb.marshal(llb.image("alpine")), "json"))
    assert read_json(json.dumps(shown)).vertices
    shown["ops"][0]["digest"] = "sha256:" + "0" * 64
    with pytest.raises(LLBError, match="the op that the JSON calls sha256:000"):
        read_json(json.dumps(shown))
    del shown["ops"][0]["digest"]
    assert read_json(json.dumps(shown)).vertices


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the JSON is not valid"),
        ("[]", "no list of ops"),
        ('{"ops": [1]}', "'1' is not an object"),
        ('{"ops": [], "ladle.llb": 1.0}', "version 1.0"),
        ("[" * 100_000, "the JSON is not valid"),
        ('{"ops": [' + '{"a":' * 100 + "1" + "}" * 100 + "]}", "nested deeper"),
        (BAD_BASE64, "is not base64"),
    ],
)  # fmt: skip
def test_wrong_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(LLBError, match=message):
        read_json(text)


def test_an_unknown_form_is_refused(rich: llb.Definition) -> None:
    with pytest.raises(LLBError, match="format 'svg' is not one of text, json"):
        render(rich, "svg")
