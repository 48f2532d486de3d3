# SPDX-License-Identifier: Apache-2.0
"""Random graphs come back as they were, in every form; random bytes never do worse than an `LLBError`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ladle import llb
from ladle.llb.definition import Definition
from ladle.llb.errors import LLBError
from ladle.llb.metadata import LinuxResources
from ladle.llb.ops import (
    ById,
    ByName,
    ChownOpt,
    Copy,
    DiffOp,
    ExecOp,
    FileAction,
    FileOp,
    MergeOp,
    Meta,
    MkDir,
    MkFile,
    Mount,
    NetMode,
    PassthroughOp,
    Platform,
    Rm,
    SourceOp,
    Symlink,
)
from ladle.llb.protobuf import from_json_llb, from_protobuf, to_json_llb, to_protobuf
from ladle.llb.render import read_json, render
from ladle.llb.vertex import Edge, Vertex

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAME = TEXT.filter(bool)
NUMBER = st.integers(-(2**63), 2**63 - 1)
PATTERNS = st.lists(TEXT, max_size=2).map(tuple)
PAIRS = st.dictionaries(NAME, TEXT, max_size=3).map(lambda found: tuple(sorted(found.items())))
OWNER = st.none() | st.builds(
    ChownOpt,
    user=st.none() | st.builds(ByName, name=NAME, input=st.just(-1)) | st.builds(ById, id=st.integers(0, 2**32 - 1)),
    group=st.none() | st.builds(ById, id=st.integers(0, 2**32 - 1)),
)
ACTION = st.one_of(
    st.builds(Copy, src=NAME, dest=NAME, owner=OWNER, mode=st.integers(-1, 4095), timestamp=NUMBER,
              follow_symlink=st.booleans(), include_patterns=PATTERNS, mode_str=TEXT, required_paths=PATTERNS),
    st.builds(MkFile, path=NAME, mode=st.integers(0, 4095), data=st.binary(max_size=8), owner=OWNER),
    st.builds(MkDir, path=NAME, mode=st.integers(0, 4095), make_parents=st.booleans(), timestamp=NUMBER),
    st.builds(Rm, path=NAME, allow_not_found=st.booleans()),
    st.builds(Symlink, oldpath=NAME, newpath=NAME, owner=OWNER),
)  # fmt: skip
META = st.builds(
    Meta,
    args=st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    env=PATTERNS,
    cwd=NAME,
    user=TEXT,
    valid_exit_codes=st.lists(st.integers(0, 255), max_size=3).map(tuple),
)
SAID = st.builds(
    llb.OpMetadata,
    ignore_cache=st.booleans(),
    cache_ttl=NUMBER,
    description=PAIRS,
    export_cache=st.none() | st.booleans(),
    linux_resources=st.none() | st.builds(LinuxResources, memory=NUMBER, cpuset_cpus=TEXT),
    caps=st.sets(NAME, max_size=2).map(sorted).map(tuple),
)


@st.composite
def vertices(draw: st.DrawFn, below: list[Vertex]) -> Vertex:
    inputs = draw(st.lists(st.sampled_from(below), max_size=3)) if below else []
    edges = tuple(Edge(vertex, draw(st.integers(0, vertex.op.output_count - 1))) for vertex in inputs)
    index = st.integers(-1, len(edges) - 1)
    op: Any
    match draw(st.integers(0, 5)):
        case 1:
            mounts = [Mount(dest="/", input=draw(index), output=0)]
            mounts += [
                Mount(dest="/" + draw(NAME), input=draw(index), output=n + 1) for n in range(draw(st.integers(0, 2)))
            ]
            op = ExecOp(meta=draw(META), mounts=tuple(mounts), network=draw(st.sampled_from(NetMode)))
        case 2:
            actions = draw(st.lists(ACTION, min_size=1, max_size=3))
            rows = [
                FileAction(action=action, input=draw(st.integers(-1, len(edges) + n - 1)), secondary_input=draw(index),
                           output=0 if n == len(actions) - 1 else -1)
                for n, action in enumerate(actions)
            ]  # fmt: skip
            op = FileOp(actions=tuple(rows))
        case 3 if edges:
            op = MergeOp(inputs=tuple(draw(st.lists(st.integers(0, len(edges) - 1), min_size=2, max_size=4))))
        case 4:
            op = DiffOp(lower=draw(index), upper=draw(index))
        case 5 if edges:
            op = PassthroughOp(id=draw(NAME), outputs=tuple(range(len(edges))))
        case _:
            op, edges = SourceOp(identifier=f"x://{draw(TEXT)}", attrs=draw(PAIRS)), ()
    platform = draw(st.none() | st.builds(Platform, architecture=TEXT, os=TEXT, os_features=PATTERNS))
    return Vertex(op=op, inputs=edges, platform=platform, constraints=draw(PATTERNS))


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    below: list[Vertex] = []
    for _ in range(draw(st.integers(1, 5))):
        below.append(draw(vertices(below)))
    info = llb.SourceInfo(filename=draw(TEXT), data=draw(st.binary(max_size=5)))
    line = llb.Location(source=info, ranges=(llb.Range(start_line=draw(NUMBER.filter(lambda n: n >= 0)), end_line=2),))
    return Definition(
        results=(("", Edge(below[-1], 0)),),
        metadata={vertex.digest: draw(SAID) for vertex in below},
        locations={below[-1].digest: (line,)},
    )


def decoded_or_refused(decode: Callable[[bytes], Definition], data: bytes) -> Definition | None:
    """Nothing but `LLBError` may come out of a decoder, and it says something."""
    try:
        return decode(data)
    except LLBError as error:
        return None if error.message else pytest.fail("an error without a message")


SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(definitions())
def test_own_bytes_come_back(definition: Definition) -> None:
    data = definition.to_bytes()
    again = Definition.from_bytes(data)
    assert again.to_bytes() == data
    assert [vertex.op for vertex in again.vertices] == [vertex.op for vertex in definition.vertices]


@SETTINGS
@given(definitions())
def test_json_comes_back_and_every_form_renders(definition: Definition) -> None:
    assert read_json(render(definition, "json")) == definition
    for form in ("text", "mermaid", "dot"):
        assert len(render(definition, form).splitlines()) >= len(definition.vertices)


@SETTINGS
@given(definitions())
def test_protobuf_and_its_json_come_back(definition: Definition) -> None:
    assert from_protobuf(to_protobuf(definition)) == definition
    digests = [vertex.digest for vertex in from_json_llb(to_json_llb(definition)).vertices]
    assert digests == [vertex.digest for vertex in definition.vertices]


@settings(SETTINGS, max_examples=300)
@given(definitions(), st.data())
def test_broken_bytes_are_refused_or_mean_something_whole(definition: Definition, data: st.DataObject) -> None:
    for encoded, decode in ((definition.to_bytes(), Definition.from_bytes), (to_protobuf(definition), from_protobuf)):
        broken = bytearray(encoded)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(broken) - 1))
            if data.draw(st.booleans()):
                broken[place] = data.draw(st.integers(0, 255))
            else:
                del broken[place : place + data.draw(st.integers(1, 3))]
                broken += b"\0" * (not broken)
        found = decoded_or_refused(decode, bytes(broken))
        assert found is None or Definition.from_bytes(found.to_bytes()) == found


@settings(SETTINGS, max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    for decode in (Definition.from_bytes, from_protobuf, read_json):
        found = decoded_or_refused(decode, data)
        assert found is None or found.results == (("", None),)
