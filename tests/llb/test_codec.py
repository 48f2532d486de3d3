# SPDX-License-Identifier: Apache-2.0
"""The canonical bytes: golden ones of version 1, strict types, and the one rule for equality and digest."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pytest

from ladle import llb
from ladle.llb import schema
from ladle.llb.codec import op_bytes, pack
from ladle.llb.errors import LLBError
from ladle.llb.kinds import TEXT, OneOf, Record
from ladle.llb.ops import ExecOp, FileAction, FileOp, Meta, MkDir, MkFile, Mount, SourceOp
from ladle.llb.vertex import Edge, Vertex

GOLDEN = Path(__file__).with_name("version1.txt")


def golden_rows() -> list[tuple[int, str, str]]:
    rows = [line.split(" ") for line in GOLDEN.read_text().splitlines() if line and not line.startswith("#")]
    return [(int(number), digest, data) for number, digest, data in rows]


def test_version_1_is_written_as_it_always_was(rich: llb.Definition) -> None:
    found = [(number, vertex.digest, vertex.data.hex()) for number, vertex in enumerate(rich.vertices)]
    assert found == golden_rows()
    assert schema.VERSION == 1


class Token(str):
    """What Lark hands out: a text that is more than a text."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (lambda: SourceOp(identifier=Token("x://y")), "SourceOp.identifier: .* is not a text"),
        (lambda: SourceOp(identifier="x://y", attrs=(("a", 1),)), "SourceOp.attrs: 1 is not a text"),  # type: ignore[arg-type]
        (lambda: FileOp(actions=(FileAction(action=MkDir(path="/", mode=True), output=0),)), "True is not a 64-bit"),
        (lambda: FileOp(actions=[FileAction(action=MkDir(path="/"), output=0)]), "is not a tuple"),  # type: ignore[arg-type]
        (lambda: FileOp(actions=(FileAction(action=MkFile(path="/", data="x"), output=0),)), "'x' is not bytes"),  # type: ignore[arg-type]
        (lambda: FileOp(actions=(FileAction(action=MkDir(path="/", timestamp=2**63), output=0),)), "64-bit"),
        (lambda: ExecOp(meta=Meta(args=("a", None)), mounts=(Mount(dest="/"),)), "Meta.args: None is not a text"),  # type: ignore[arg-type]
        (lambda: FileOp(actions=(FileAction(action=MkDir(path="/", make_parents=0), output=0),)), "is not a bool"),  # type: ignore[arg-type]
    ],
)
def test_types_are_strict(op: Any, message: str) -> None:
    with pytest.raises(LLBError, match=message):
        Vertex(op=op())


def test_a_path_that_is_not_utf8_is_named() -> None:
    with pytest.raises(LLBError, match=r"the text '/\\udcff' is not valid UTF-8"):
        llb.marshal(llb.scratch().mkdir("/\udcff"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A value with a remark for people."""

    name: str
    remark: str = field(default="", compare=False)


def test_what_does_not_compare_is_not_written() -> None:
    record = Record(Note, {"name": TEXT})
    one, two = Note(name="a", remark="x"), Note(name="a", remark="y")
    assert one == two
    assert record.encode(one) == record.encode(two) == {"name": "a"}
    with pytest.raises(LLBError, match="the schema names"):
        Record(Note, {"name": TEXT, "remark": TEXT})


def test_equality_is_the_digest() -> None:
    one, two = (Vertex(op=SourceOp(identifier="x://y"), foreign_digest=foreign) for foreign in ("", "sha256:z"))
    assert one == two
    assert hash(one) == hash(two)
    assert one != Vertex(op=SourceOp(identifier="x://z"))
    assert one != "sha256"


def test_op_bytes_leave_the_inputs_out() -> None:
    op = FileOp(actions=(FileAction(action=MkDir(path="/x"), input=0, output=0),))
    first, second = (Vertex(op=op, inputs=(Edge(Vertex(op=SourceOp(identifier=f"x://{name}"))),)) for name in "ab")
    assert first != second
    assert op_bytes(first) == op_bytes(second)


def test_an_input_must_have_the_output_that_is_read() -> None:
    with pytest.raises(LLBError, match="has no output 1, only 1"):
        Vertex(op=SourceOp(identifier="x://y"), inputs=(Edge(Vertex(op=SourceOp(identifier="x://z")), 1),))


def records(kind: object) -> list[Record]:
    """All records of the schema, found by walking it."""
    if isinstance(kind, OneOf):
        return [found for record in kind.records.values() for found in records(record)]
    if isinstance(kind, Record):
        return [kind, *[found for inner in kind.kinds.values() for found in records(inner)]]
    inner = getattr(kind, "kind", None)
    return [] if inner is None or isinstance(inner, type) else records(inner)


def all_records() -> list[Record]:
    return [found for kind in vars(schema).values() if isinstance(kind, (Record, OneOf)) for found in records(kind)]


def test_optional_fields_come_after_the_needed_ones_or_by_name() -> None:
    for record in all_records():
        assert [item.name for item in fields(record.cls) if item.compare and item.init] == list(record.kinds)


@pytest.mark.parametrize("value", ["\ud800", ["\udcff"], {"a": "\udcff"}])
def test_pack_refuses_lone_surrogates(value: object) -> None:
    with pytest.raises(LLBError, match="not valid UTF-8"):
        pack(value)
