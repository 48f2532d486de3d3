# SPDX-License-Identifier: Apache-2.0
"""Against what the real BuildKit wrote: digests and JSON of every golden definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ladle import llb
from ladle.llb.errors import LLBError
from ladle.llb.protobuf import from_json_llb, from_protobuf, to_json_llb, to_protobuf, with_caps
from ladle.llb.protobuf.varint import write_field, write_number

CASES = sorted((Path(__file__).parents[1] / "cases" / "golden").glob("*/llb.json"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The recorded lines, with the attribute that was taken out of them put back."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        source = line["Op"]["Op"].get("source", {})
        if source.get("identifier", "").startswith("local://"):
            source.setdefault("attrs", {})["local.session"] = "session"
    return lines


def by_digest(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: str(line["Digest"]))


def test_there_are_cases() -> None:
    assert len(CASES) > 70


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_golden_definition_comes_back_with_its_digests(path: Path) -> None:
    lines = read_lines(path)
    definition = from_json_llb(lines)
    assert by_digest(to_json_llb(definition)) == by_digest(lines)
    data = to_protobuf(definition)
    assert from_protobuf(data) == definition
    assert to_protobuf(from_protobuf(data)) == data


def test_a_foreign_digest_is_kept_and_counts_for_nothing(golden: Path) -> None:
    lines = read_lines(golden / "copy-many-no-slash" / "llb.json")
    vertices = from_json_llb(lines).vertices
    assert [vertex.foreign_digest for vertex in vertices] == [line["Digest"] for line in lines[:-1]]
    assert all(vertex.digest != vertex.foreign_digest for vertex in vertices)


def test_every_op_and_what_is_said_survives(rich: llb.Definition) -> None:
    again = from_protobuf(to_protobuf(rich))
    assert again.vertices == rich.vertices
    assert all(again.metadata_of(vertex) == rich.metadata_of(vertex) for vertex in rich.vertices)
    assert again.locations == rich.locations


def test_scratch_is_an_empty_definition() -> None:
    empty = llb.marshal(llb.scratch())
    assert to_protobuf(empty) == b""
    assert from_protobuf(b"") == empty


def test_the_order_of_ops_does_not_matter_but_the_head_is_last(rich: llb.Definition) -> None:
    one = llb.marshal(llb.image("alpine").mkdir("/x"))
    first, second, head = [write_field(1, data) for data in _op_bytes(one)]
    assert from_protobuf(second + first + head).vertices == one.vertices
    with pytest.raises(LLBError, match="last op"):
        from_protobuf(first + head + second)


def _op_bytes(definition: llb.Definition) -> list[bytes]:
    from ladle.llb.protobuf.graph import pb_ops

    return [data for _, data, _ in pb_ops(definition)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (write_field(9, b""), "unknown field 9"),
        (write_number(1, 5), "number stands where bytes"),
        (write_field(1, b"\x0a\xff"), "cut off"),
        (write_field(1, write_field(1, write_field(1, b"sha256:no"))), "not an op"),
        (write_field(1, write_field(3, write_field(7, b""))), "SourceOp has no protobuf field 7"),
        (write_field(1, write_field(2, b"")), "meta is missing"),
    ],
)
def test_wrong_protobuf_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(LLBError, match=message):
        from_protobuf(data)


def test_a_digest_that_does_not_fit_is_refused() -> None:
    lines = to_json_llb(llb.marshal(llb.image("alpine")))
    lines[0]["Digest"] = "sha256:" + "0" * 64
    with pytest.raises(LLBError, match="has the digest"):
        from_json_llb(lines)


def test_a_named_result_is_exported_alone() -> None:
    both = llb.marshal({"a": llb.image("one"), "b": llb.image("two")})
    assert to_protobuf(both, "a") == to_protobuf(llb.marshal(llb.image("one")))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_caps_are_those_that_buildkit_s_own_client_names(path: Path) -> None:
    lines = read_lines(path)
    wanted = [sorted(line["OpMetadata"].pop("caps", {})) for line in lines]
    named = to_json_llb(with_caps(from_json_llb(lines)))
    assert sorted(sorted(line["OpMetadata"].get("caps", {})) for line in named) == sorted(wanted)
