# SPDX-License-Identifier: Apache-2.0
"""Values of the frontend contract in messages: they come back as they were; anything else is a declared error."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladle import llb
from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import ChannelError
from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span
from ladle.core.api.frontend import BuildResult, CallResult, CompileOptions, HostBase, ImageResult, NamedContext
from ladle.core.api.frontend import ResolvedImage as Image
from ladle.core.api.platforms import parse_platform
from ladle.llb.errors import LLBError
from ladle.llb.indexed import from_indexed, to_indexed

QUICK = settings(max_examples=60, deadline=None)
TEXT = st.text(max_size=6)
TEXTS = st.lists(TEXT, max_size=2).map(tuple)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple)
PLATFORM = st.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7", "windows/amd64"]).map(parse_platform)
IMAGE = st.builds(
    Image, name=TEXT, scheme=TEXT, pinned=TEXT, digest=TEXT, config=st.dictionaries(TEXT, TEXT, max_size=2),
    platform=PLATFORM, attrs=PAIRS,
)  # fmt: skip
NAMED = st.builds(
    NamedContext, name=TEXT, kind=TEXT, local=TEXT, ignore=st.none() | TEXT, image=st.none() | IMAGE,
    host=st.none() | st.builds(HostBase, dirs=TEXTS, env=TEXTS), value=TEXT,
)  # fmt: skip
OPTIONS = st.builds(
    CompileOptions,
    filename=TEXT,
    target=TEXT,
    arguments=st.lists(TEXT, max_size=2).map(tuple),
    build_args=st.dictionaries(TEXT, TEXT, max_size=2),
    platforms=st.lists(PLATFORM, min_size=1, max_size=2).map(tuple),
    build_platform=st.none() | PLATFORM,
    no_cache=st.none() | st.lists(TEXT, max_size=2).map(tuple),
    add_hosts=PAIRS,
    ulimits=st.lists(st.tuples(TEXT, st.integers(0, 9), st.integers(0, 9)), max_size=2).map(tuple),
)
ANY: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5)
    | st.binary(max_size=5) | st.sampled_from(["linux/amd64", -1, 0, 1]) | st.just(msgpack.ExtType(5, b"x"))
    | st.just(msgpack.Timestamp(1)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.binary(max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)  # fmt: skip


def sent(value: object) -> Any:
    """Return a value as the other side of the channel has it."""
    return msgpack.unpackb(msgpack.packb(value, use_bin_type=True), raw=False, strict_map_key=True)


@QUICK
@given(OPTIONS, IMAGE, st.none() | NAMED)
def test_values_come_back(options: CompileOptions, image: Image, named: NamedContext | None) -> None:
    assert wire.options_from_wire(sent(wire.options_to_wire(options))) == options
    assert wire.image_from_wire(sent(wire.image_to_wire(image))) == image
    assert wire.named_from_wire(sent(wire.named_to_wire(named))) == named


def result() -> dict[str, Any]:
    """Return a small compiled build as a map."""
    state = llb.image("alpine").run(["make"], name="make").root.mkfile("/a", b"\xff")
    image = ImageResult(platform=parse_platform("linux/amd64"), state=state, config={"config": {"Cmd": ["/a"]}})
    made: dict[str, Any] = sent(wire.result_to_wire(BuildResult(images=(image,), epoch=3, metadata={"a": "b"})))
    return made


def findings() -> dict[str, Any]:
    """Return a finding as a map."""
    source = SourceText("Dockerfile", "FROM x\n")
    label = Label(Span(source, 0, 4), "here")
    found = [Diagnostic(code="X0001", severity=Severity.ERROR, message="m", labels=(label,), notes=("n",), help="h")]
    made: dict[str, Any] = sent(wire.diagnostics_to_wire(found))
    return made


def test_a_result_comes_back() -> None:
    made = result()
    assert sent(wire.result_to_wire(wire.result_from_wire(made))) == made
    assert sent(wire.diagnostics_to_wire(wire.diagnostics_from_wire(findings()))) == findings()
    answer = CallResult(data={"a": [1]}, text="t", status=2)
    assert wire.answer_from_wire(sent(wire.answer_to_wire(answer))) == answer


@pytest.mark.parametrize(
    ("value", "said"),
    [(b"x", "JSON"), ({b"k": 1}, "no text"), (float("nan"), "JSON"), (msgpack.ExtType(1, b""), "JSON")],
)
def test_what_is_no_json_is_refused(value: object, said: str) -> None:
    with pytest.raises(ChannelError, match=said):
        wire.answer_from_wire({"text": "", "data": {"a": [value]}})
    made = result()
    made["images"][0]["config"]["x"] = value
    with pytest.raises(ChannelError, match=said):
        wire.result_from_wire(made)
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ChannelError, match="nested"):
        wire.answer_from_wire({"text": "", "data": deep})


READERS: list[tuple[Callable[[], dict[str, Any]], Callable[[Any], Any]]] = [
    (result, wire.result_from_wire),
    (lambda: result()["graph"], from_indexed),
    (findings, wire.diagnostics_from_wire),
    (lambda: {"data": {}, "text": "t", "status": 0}, wire.answer_from_wire),
]


def changed(value: Any, data: st.DataObject) -> Any:
    """Return a value with one of its parts, however deep, left out or put in place of by anything."""
    parts = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    if not parts or data.draw(st.integers(0, 5)) == 0:
        return data.draw(ANY)
    key, part = data.draw(st.sampled_from(parts))
    if data.draw(st.integers(0, 7)) == 0:
        return {k: v for k, v in parts if k != key} if isinstance(value, dict) else value[:key] + value[key + 1 :]
    new = changed(part, data)
    return {**value, key: new} if isinstance(value, dict) else [*value[:key], new, *value[key + 1 :]]


@pytest.mark.parametrize(("whole", "reader"), READERS, ids=["result", "graph", "findings", "answer"])
@settings(QUICK, max_examples=200)
@given(data=st.data())
def test_a_broken_message_means_something_whole_or_is_a_declared_error(
    whole: Callable[[], dict[str, Any]], reader: Callable[[Any], Any], data: st.DataObject
) -> None:
    broken = changed(whole(), data)
    with suppress(ChannelError, LLBError):
        found = reader(broken)
        if isinstance(found, BuildResult):
            wire.result_to_wire(found)
            json.dumps([image.config for image in found.images], allow_nan=False)
        elif isinstance(found, CallResult):
            json.dumps(found.data, allow_nan=False)
        elif isinstance(found, llb.Definition):
            assert from_indexed(to_indexed(found)) == found
