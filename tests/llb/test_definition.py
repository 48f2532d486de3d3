# SPDX-License-Identifier: Apache-2.0
"""Definitions: what decoding refuses, and why; deep graphs; one encoding whatever the hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import msgpack
import pytest

from ladle import llb
from ladle.llb.errors import LLBError
from ladle.llb.ops import Platform
from ladle.llb.render.labels import op_label


def opened(definition: llb.Definition) -> dict[str, Any]:
    wire: dict[str, Any] = msgpack.unpackb(definition.to_bytes())
    return wire


def decode(wire: object) -> llb.Definition:
    return llb.Definition.from_bytes(msgpack.packb(wire))


@pytest.fixture
def wire() -> dict[str, Any]:
    """An image and a directory made on it, opened for changes."""
    return opened(llb.marshal(llb.image("alpine").mkdir("/x", name="make x")))


def reop(wire: dict[str, Any], number: int, change: dict[str, Any]) -> dict[str, Any]:
    op = msgpack.unpackb(wire["ops"][number])
    wire["ops"][number] = msgpack.packb(op | change)
    return wire


def test_what_is_opened_and_closed_again_is_accepted(wire: dict[str, Any]) -> None:
    assert decode(wire).metadata_of(decode(wire).vertices[1]).name == "make x"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ladle.llb": 2}, "version 2"),
        ({"ladle.llb": True}, "version True"),
        ({"more": 1}, "no field 'more'"),
        ({"ops": 3}, "ops: a list"),
        ({"ops": ["x"]}, "op 0: str instead of bytes"),
        ({"ops": [b"\xc1"]}, "op 0: the encoding is not valid msgpack"),
        ({"ops": [b"\x80"]}, "op 0: an op must be a map"),
        ({"results": [["", 7, 0]]}, "results: 7 is not one of 2"),
        ({"results": [["", 1, 1]]}, "names output 1, there are 1"),
        ({"results": [["", 0, 0]]}, "1 ops are used by no result"),
        ({"results": [["b", 1, 0], ["a", 1, 0]]}, "sorted by unique names"),
        ({"results": [[3]]}, "int is not a text|3 is not a text"),
        ({"metadata": [[5, {}]]}, "metadata: 5 is not one of 2"),
        ({"metadata": [[1, {}], [0, {}]]}, "op 0 follows op 1"),
        ({"metadata": [[1, {"colour": 1}]]}, "OpMetadata has no field 'colour'"),
        ({"metadata": [[1, {"ignore_cache": 1}]]}, "OpMetadata.ignore_cache: 1 is not a flag"),
        ({"locations": [[0, [[0, []]]]]}, "locations: 0 is not one of 0"),
        ({"locations": [[0, [5]]]}, "5 is not a source and ranges"),
    ],
)
def test_wrong_envelopes_are_refused_with_the_reason(
    wire: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(LLBError, match=message):
        decode(wire | change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": {"sing": {}}}, "kind 'sing' is unknown"),
        ({"op": {"file": {"actions": []}}}, "there are no actions"),
        ({"op": {"file": {}}}, "actions is missing"),
        ({"op": {"merge": {"inputs": [0, 1]}}}, "merge: input 1 is out of range, there are 1"),
        ({"op": {"diff": {"lower": -2}}}, "lower -2 is not an index"),
        ({"op": {"exec": {"meta": {"args": ["x"]}, "mounts": []}}}, "0 mounts have dest '/'"),
        (
            {"op": {"exec": {"meta": {"args": ["x"]}, "mounts": [{"dest": "/", "input": 1}]}}},
            "mount '/': input 1 is out of range",
        ),
        ({"op": {"exec": {"meta": {"args": ["x"]}, "mounts": [{"dest": "/"}], "network": 9}}}, "9 is not a NetMode"),
        ({"op": {"source": {"identifier": "a://b"}}}, "source: input 0 is out of range"),
        ({"inputs": [["sha256:none", 0]]}, "'sha256:none' is not an earlier op"),
        ({"inputs": [[1, 0]]}, "is not a digest and an index"),
        ({"inputs": []}, "input 0 is out of range|not canonical"),
        ({"platform": {"os": "linux"}}, "architecture is missing"),
        ({"constraints": []}, "not canonical"),
        ({"extra": 1}, "an op must be a map"),
    ],
)
def test_wrong_ops_are_refused_with_the_reason(wire: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(LLBError, match=f"op 1: .*({message})"):
        decode(reop(wire, 1, change))


def test_inputs_must_come_first_and_once(wire: dict[str, Any]) -> None:
    first, second = wire["ops"]
    with pytest.raises(LLBError, match=r"op 0: .* is not an earlier op"):
        decode(wire | {"ops": [second, first]})
    with pytest.raises(LLBError, match=r"op 1: .* is there twice"):
        decode(wire | {"ops": [first, first, second]})


def test_an_output_index_of_an_input_is_checked(wire: dict[str, Any]) -> None:
    digest = msgpack.unpackb(wire["ops"][1])["inputs"][0][0]
    with pytest.raises(LLBError, match="has no output 1, only 1"):
        decode(reop(wire, 1, {"inputs": [[digest, 1]]}))


def test_defaults_that_are_written_out_are_not_canonical(wire: dict[str, Any]) -> None:
    action = {"action": {"mkdir": {"path": "/x", "mode": 0o755}}, "input": 0, "output": 0}
    with pytest.raises(LLBError, match="not canonical"):
        decode(reop(wire, 1, {"op": {"file": {"actions": [action]}}}))


def test_sizes_are_limited(wire: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, message in (("MAX_DEFINITION_BYTES", "beyond the limit of 1"), ("MAX_OPS", "list of at most 1")):
        with monkeypatch.context() as patch:
            patch.setattr(f"ladle.llb.wire.{name}", 1)
            with pytest.raises(LLBError, match=message):
                decode(wire)


def test_a_few_bytes_cannot_become_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladle.llb.codec.MAX_TOTAL_ITEMS", 1000)
    bomb = msgpack.packb({"ladle.llb": 1, "ops": [[{}] * 100] * 1000})
    with pytest.raises(LLBError, match="more than 1000 items"):
        llb.Definition.from_bytes(bomb)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(LLBError, match="not valid msgpack"):
        llb.Definition.from_bytes(b"\x91" * 100_000 + b"\xc0")


def test_a_chain_of_100_000_steps_works(amd64: Platform) -> None:
    start = time.process_time()
    state = llb.image("alpine")
    for number in range(100_000):
        state = state.mkdir(f"/{number}")
    definition = llb.marshal(state, platform=amd64)
    again = llb.Definition.from_bytes(definition.to_bytes())
    assert time.process_time() - start < 30
    assert len(again.vertices) == 100_001
    assert again.head == definition.head


def test_a_diamond_of_many_levels_has_each_vertex_once() -> None:
    state = llb.image("alpine")
    for _ in range(500):
        state = llb.merge([state.mkdir("/left"), state.mkdir("/right")])
    assert len(llb.marshal(state).vertices) == 1501


_PROGRAM = """
import sys
from ladle import llb
from ladle.llb import mounts
context = llb.local("context", include_patterns=["a", "b"], shared_key_hint="k")
state = llb.image("alpine", checksum="sha256:x", layer_limit=2).env(A="1", B="2")
meta = llb.OpMetadata(description=(("a", "1"), ("b", "2")), caps=("x", "y"))
made = state.run("true", mounts=[mounts.bind(context, "/b", keep=True), mounts.cache("/a")], meta=meta, name="n")
definition = llb.marshal({"two": made.root, "one": made.mount("/b"), "three": llb.scratch()})
sys.stdout.buffer.write(definition.to_bytes())
"""


def test_the_encoding_does_not_depend_on_the_hash_seed() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM], env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(found) == 1
    assert len(llb.Definition.from_bytes(found.pop()).results) == 3


def test_results_by_name(rich: llb.Definition) -> None:
    assert rich.result("empty") is None
    assert rich.result() == llb.Edge(rich.vertices[-1])
    with pytest.raises(LLBError, match="2 results, exactly one"):
        _ = rich.head
    with pytest.raises(LLBError, match="no result 'other'"):
        rich.result("other")


def test_same_steps_are_one_vertex_and_share_what_is_said() -> None:
    base = llb.image("alpine")
    twice = llb.merge([base.mkdir("/x", name="first"), base.mkdir("/x", name="second", ignore_cache=True).rm("/y")])
    definition = llb.marshal(twice)
    made = [vertex for vertex in definition.vertices if "mkdir" in op_label(vertex.op)]
    assert len(made) == 1
    said = definition.metadata_of(made[0])
    assert (said.name, said.ignore_cache) == ("second", True)


def test_metadata_and_locations_change_no_digest() -> None:
    info = llb.SourceInfo(filename="f")
    line = llb.Location(source=info, ranges=(llb.Range(start_line=1, end_line=1),))
    plain, told = llb.image("a").mkdir("/x"), llb.image("a").mkdir("/x", name="n", ignore_cache=True, location=line)
    assert llb.marshal(plain).vertices == llb.marshal(told).vertices
    assert llb.marshal(plain) != llb.marshal(told)
