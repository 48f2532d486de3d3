# SPDX-License-Identifier: Apache-2.0
"""Logical lines of a Dockerfile, with the way back to the places in the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api.diagnostics import SourceText
from ladle.core.api.snippets import position
from ladle.frontends.dockerfile.lines import Lines, decode, split


def lines(text: str) -> Lines:
    return split(SourceText("Dockerfile", text))


def texts(text: str) -> list[str]:
    return [line.text for line in lines(text).lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RUN a", ["RUN a"]),
        ("  RUN a  \n\n\tRUN b\n", ["RUN a", "RUN b"]),
        ("RUN a \\\n  b", ["RUN a   b"]),
        ("RUN a \\ \t\nb", ["RUN a b"]),
        ("RUN a\\\\\nRUN b", ["RUN a\\\\", "RUN b"]),
        ("RUN a \\\n# remark\n   # another\nb", ["RUN a b"]),
        ("RUN a \\\n\n\nb", ["RUN a b"]),
        ("RUN a \\", ["RUN a"]),
        ("RUN a \\\r\n  b\r\nRUN c\r\n", ["RUN a   b", "RUN c"]),
        ("\\\nRUN a", ["RUN a"]),
        ("# escape=`\nRUN a `\nb \\\n", ["RUN a b \\"]),
        ("#escape = `\nRUN a `\nb", ["RUN a b"]),
        ("\n# escape=`\nRUN a `\nb", ["RUN a `", "b"]),
        ("# remark\n# escape=`\nRUN a `\nb", ["RUN a `", "b"]),
        ("# Syntax=x\n# ESCAPE=`\nRUN a `\nb", ["RUN a b"]),
    ],
)
def test_joining(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.row("DF-04", "DF-10")
def test_places_are_kept_through_continuations() -> None:
    source = SourceText("Dockerfile", "RUN one \\\n  # remark\n\n  two \\\n\tthree")
    line = split(source).lines[0]
    assert line.text == "RUN one   two \tthree"
    assert (line.first, line.last) == (1, 5)
    assert line.empty_continuations == (3,)
    for word in ("RUN", "one", "two", "three"):
        start = line.text.index(word)
        span = line.span(start, start + len(word))
        assert source.text[span.start : span.end] == word
    assert position(line.span(line.text.index("three"), len(line.text))) == (5, 2)


@pytest.mark.row("DF-09", "DF-10")
def test_remarks_right_above_belong_to_an_instruction() -> None:
    found = lines("# far\n\n# one\n#two\nRUN a\n# three\n#\n# four\nRUN b").lines
    assert [line.comments for line in found] == [("one", "two"), ("four",)]


@pytest.mark.row("DF-07")
def test_directives() -> None:
    made = lines("# syntax=docker/dockerfile:1\n# check=skip=all\n# unknown=x\n# escape=`\nRUN a")
    assert [(item.name, item.value) for item in made.directives] == [
        ("syntax", "docker/dockerfile:1"),
        ("check", "skip=all"),
    ]
    assert made.escape == "\\"


@pytest.mark.row("DF-04")
def test_a_byte_order_mark_counts_for_nothing() -> None:
    source = decode("Dockerfile", b"\xef\xbb\xbf# escape=`\nRUN a")
    assert split(source).escape == "`"
    assert split(source).lines[0].whole.start == 11


@pytest.mark.row("DF-05")
@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark", "   \n#"])
def test_nothing_in_it(text: str) -> None:
    assert [error.code for error in lines(text).errors] == ["DF0001"]


def test_bytes_that_are_not_utf8_are_allowed_in_remarks_only() -> None:
    assert not split(decode("Dockerfile", b"# \xff\nRUN a")).errors
    assert [error.code for error in split(decode("Dockerfile", b"RUN \xff")).errors] == ["DF0006"]


@pytest.mark.row("DF-04")
def test_a_line_has_a_limit_in_bytes() -> None:
    assert not lines("RUN " + "x" * 65531).errors
    assert [error.code for error in lines("RUN " + "x" * 65532).errors] == ["DF0004"]
    assert [error.code for error in lines("RUN " + "\u00fc" * 32766).errors] == ["DF0004"]


@pytest.mark.row("DF-11")
def test_here_documents_are_taken_out() -> None:
    made = lines("RUN <<A cat <<-'B'\n# no remark\nA\n\tb \\\n\tB\nRUN next")
    assert [line.text for line in made.lines] == ["RUN <<A cat <<-'B'", "RUN next"]
    first, second = made.lines[0].heredocs
    assert (first.name, first.body, first.chomp, first.expand) == ("A", "# no remark\n", False, True)
    assert (second.name, second.body, second.chomp, second.expand) == ("B", "\tb \\\n", True, False)
    assert made.lines[0].last == 5


@given(st.text(alphabet="ab \\\n\r#\t<`", max_size=60))
def test_every_character_of_an_instruction_has_its_place(text: str) -> None:
    made = lines(text)
    for line in made.lines:
        assert [text[line.offset(index)] for index in range(len(line.text))] == list(line.text)
