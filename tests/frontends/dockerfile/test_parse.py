# SPDX-License-Identifier: Apache-2.0
"""Every case's tree, and that whatever is written either parses or says why not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, SourceText
from ladle.core.api.snippets import position, render
from ladle.frontends.dockerfile.ast import Dockerfile, dump
from ladle.frontends.dockerfile.lines import decode
from ladle.frontends.dockerfile.parse import INSTRUCTIONS, MAX_INSTRUCTIONS, MAX_STAGES, parse

CASES = sorted((Path(__file__).parents[2] / "cases" / "dockerfile").glob("*.Dockerfile"))
GOLDEN = sorted((Path(__file__).parents[2] / "cases" / "golden").glob("*/context/Dockerfile"))


class TextFile(SingleFileSnapshotExtension):
    """One plain text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def text(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_trees(path: Path, text: SnapshotAssertion) -> None:
    source = decode(path.name, path.read_bytes())
    try:
        shown = dump(parse(source))
    except DiagnosticError as error:
        shown = "\n\n".join(render(diagnostic) for diagnostic in error.diagnostics) + "\n"
    assert shown == text


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parts[-3])
def test_spans_hold_what_the_words_say(path: Path) -> None:
    """A word that is not cut by a continuation and not JSON stands in the file exactly where its span says."""
    source = decode("Dockerfile", path.read_bytes())
    tree, found = _parsed(source)
    assert all(_inside(source, diagnostic) for diagnostic in found)
    for instruction in tree.instructions if tree else ():
        assert source.text[instruction.span.start : instruction.span.end].startswith(instruction.keyword)
        for flag in instruction.flags:
            assert source.text[flag.span.start :].startswith(f"--{flag.name}")


def _parsed(source: SourceText) -> tuple[Dockerfile | None, tuple[Diagnostic, ...]]:
    try:
        return parse(source), ()
    except DiagnosticError as error:
        return None, error.diagnostics


def _inside(source: SourceText, diagnostic: Diagnostic) -> bool:
    return all(0 <= label.span.start <= label.span.end <= len(source.text) for label in diagnostic.labels)


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(DiagnosticError) as caught:
        parse(SourceText("Dockerfile", "FROM a b\nFORM x\nCOPY x\n"))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["DF0020", "DF0010", "DF0017"]


def test_there_are_18_instructions() -> None:
    assert len(INSTRUCTIONS) == 18


def test_keywords_in_any_case() -> None:
    tree = parse(SourceText("Dockerfile", "fRoM x As Y\nrUn z"))
    assert [instruction.name for instruction in tree.instructions] == ["FROM", "RUN"]


_PIECES = st.sampled_from(
    [
        *sorted(INSTRUCTIONS),
        *" \t\n\r\\`\"'$#=,[]{}<>-:/a1é\x00\x85\u2028\udcff",
        "<<EOF",
        "EOF\n",
        "--from=",
        "--",
        '["a", "b"]',
        "# escape=`\n",
        "FROM scratch\n",
        "\\\n",
        "${a:-",
        "CMD",
        "NONE",
    ]
)


def _files() -> Iterator[st.SearchStrategy[str]]:
    yield st.lists(_PIECES, max_size=30).map("".join)
    yield st.lists(_PIECES, max_size=20).map(" ".join)
    yield st.text(max_size=60)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(*_files()))
def test_random_text_parses_or_says_why_not(text: str) -> None:
    source = SourceText("Dockerfile", text)
    tree, found = _parsed(source)
    assert bool(found) is (tree is None)
    assert tree is None or dump(tree)
    for diagnostic in found:
        assert diagnostic.code.startswith("DF")
        assert _inside(source, diagnostic)
        assert render(diagnostic)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_random_bytes_parse_or_say_why_not(data: bytes) -> None:
    tree, found = _parsed(decode("Dockerfile", data))
    assert found or (tree and tree.instructions)


def test_long_input_takes_no_long_time() -> None:
    lines = ["FROM scratch", "RUN " + "--a" * 3000 + '"' * 3001, "ENV " + "a'" * 6001, "COPY [" + " " * 20000 + "x"]
    text = "\n".join(lines)
    with pytest.raises(DiagnosticError):
        parse(SourceText("Dockerfile", text))


@pytest.mark.parametrize(
    ("line", "limit", "what"), [("RUN x\n", MAX_INSTRUCTIONS, "instructions"), ("FROM x\n", MAX_STAGES, "stages")]
)
def test_instructions_and_stages_have_a_number(line: str, limit: int, what: str) -> None:
    began = time.process_time()
    with pytest.raises(DiagnosticError) as caught:
        parse(SourceText("Dockerfile", "FROM scratch\n" + line * limit))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("DF0007", f"more than {limit:,} {what}")
    assert position(diagnostic.labels[0].span)[0] == limit + 1
    assert time.process_time() - began < 10
