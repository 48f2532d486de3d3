# SPDX-License-Identifier: Apache-2.0
"""Every case compiled: its graph and config, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.frontends.yaml.conftest import context_of, outcome

CASES = sorted((Path(__file__).parents[2] / "cases" / "yaml").glob("*.ladle.yaml"))
WORDS = [b"stages:\n", b"  a:\n", b"    from: ", b"a", b"scratch\n", b"    steps:\n", b"      - run: ", b"${{ ", b" }}"]
WORDS += [b"args.x", b"*a", b"&a ", b"[", b"]", b"{", b"}", b"'", b'"', b"\\", b"\n", b": ", b"- ", b"<<: ", b"\x00"]
WORDS += [b"include: x\n", b"targets:\n", b"matrix: ", b"tests:\n", b"file: /x\n", b"copy: a\n        to: b\n", b"\xff"]


class TextFile(SingleFileSnapshotExtension):
    """One plain text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".ladle.yaml"))
def test_cases(path: Path, shown: Callable[..., str], snapshot: SnapshotAssertion) -> None:
    files = {"broken.txt": b"", "key.asc": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}
    files |= {each.name: each.read_bytes() for each in path.parent.glob("*.part.yaml")}
    assert shown(path.read_bytes(), options={"filename": path.name}, files=files) == snapshot.use_extension(TextFile)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join) | st.binary(max_size=40))
def test_any_bytes_give_diagnostics_or_a_graph(data: bytes) -> None:
    assert outcome(context_of(data))


def test_two_compiles_are_the_same(shown: Callable[..., str]) -> None:
    text = CASES[0].read_text()
    assert shown(text) == shown(text)
