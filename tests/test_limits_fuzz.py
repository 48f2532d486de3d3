# SPDX-License-Identifier: Apache-2.0
"""Readers of untrusted bytes, fed with what Hypothesis thinks of: a value or the area's own error, never another."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ladle import llb
from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.core.api.patterns import Matcher, PatternError, glob_match, parse_ignore
from ladle.core.layers.apply import Limits, apply_archive
from ladle.core.layers.tarread import TarReader
from ladle.core.oci import documents
from ladle.core.worker import wire
from ladle.frontends.dockerfile.lines import decode
from ladle.frontends.dockerfile.parse import parse
from ladle.frontends.dockerfile.words import Style, WordError, expansion
from ladle.llb.errors import LLBError
from ladle.plugins.registry.auth import parse_challenge

QUICK = settings(max_examples=150, deadline=None)
KEYWORDS = [
    "FROM",
    "RUN",
    "COPY",
    "ENV",
    "ARG",
    "LABEL",
    "HEALTHCHECK",
    "ONBUILD",
    "SHELL",
    "# escape=`",
    "ADD",
    "EXPOSE",
]
pieces = st.sampled_from(
    [
        *KEYWORDS,
        " ",
        "\n",
        "\\\n",
        "`\n",
        "a",
        "=",
        "--from=",
        "[",
        "]",
        '"',
        "'",
        "$",
        "${",
        "}",
        ":",
        "<<E",
        "E",
        "#",
        ",",
    ]
)
texts = st.one_of(st.lists(pieces, max_size=40).map("".join).map(str.encode), st.binary(max_size=200))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("sha256:" + "0" * 64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["mediaType", "layers", "config", "manifests", "digest", "size", "platform", "rootfs", "os"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(texts)
@QUICK
def test_build_files(data: bytes) -> None:
    with suppress(DiagnosticError):
        parse(decode("Dockerfile", data))


@given(st.text("${}:-+?#%/*\\ab'\"`", max_size=30))
@QUICK
def test_words(word: str) -> None:
    with suppress(WordError):
        expansion(word, {"a": "a*b/c", "b": ""}, Style())


@given(st.text("*?[]^-!/\\ab.#\n ", max_size=24), st.text("ab/.-", min_size=1, max_size=20))
@QUICK
def test_ignore_rules(text: str, path: str) -> None:
    with suppress(PatternError):
        Matcher(parse_ignore(text)).matches(path)
        glob_match(text, path)


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind in (("d", tarfile.DIRTYPE), ("d/é" + "x" * 120, tarfile.REGTYPE), ("l", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "d" if kind == tarfile.SYMTYPE else ""
            info.pax_headers = {"SCHILY.xattr.user.a": "b", "mtime": "1.5"}
            tar.addfile(info)
    return buffer.getvalue()


ARCHIVE = archive()
edits = st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=12)), min_size=1, max_size=4)


@given(edits, st.integers(1, 600))
@QUICK
def test_archives(changes: list[tuple[int, bytes]], piece: int) -> None:
    data = bytearray(ARCHIVE)
    for at, new in changes:
        data[at : at + len(new)] = new
    for start in range(0, len(data) - 511, 512):  # most damaged headers get a right checksum
        if data[start + 257 : start + 262] == b"ustar":
            data[start + 148 : start + 156] = b" " * 8
            data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    blocks = iter([bytes(data[at : at + piece]) for at in range(0, len(data), piece)])
    with tempfile.TemporaryDirectory() as root:
        inner = Path(root, "a/b")
        inner.mkdir(parents=True)
        with suppress(BuildError):
            limits = Limits(entries=10, bytes=1 << 20)
            apply_archive(TarReader(lambda: next(blocks, b"")), str(inner), layer=True, rootless=True, limits=limits)
        assert [path.name for path in Path(root).iterdir()] == ["a"]
        assert [path.name for path in Path(root, "a").iterdir()] == ["b"]


GRAPH = llb.marshal(llb.image("a").run(["x"], mounts=[]).root.mkdir("/d")).to_bytes()


@given(edits)
@QUICK
def test_graphs(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(GRAPH)
    for at, new in changes:
        at %= len(data)
        data[at : at + len(new)] = new
    with suppress(LLBError):
        llb.Definition.from_bytes(bytes(data))


@given(json_values | st.binary(max_size=60))
@QUICK
def test_documents_of_images(value: Any) -> None:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with suppress(BuildError):
        documents.read_document(data, what="it")
    with suppress(BuildError):
        documents.read_config(data, what="it")


@given(st.lists(st.text('Bearer basic="\\,realm service x:/', max_size=80), max_size=3))
@QUICK
def test_challenges(headers: list[str]) -> None:
    found = parse_challenge(headers)
    assert found is None or found.scheme in ("basic", "bearer")


@given(st.binary(max_size=100))
@QUICK
def test_frames(data: bytes) -> None:
    decoder = wire.Decoder()
    decoder.feed(data)
    with suppress(wire.WireError):
        list(decoder.messages())
