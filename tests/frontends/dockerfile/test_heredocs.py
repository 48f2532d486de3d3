# SPDX-License-Identifier: Apache-2.0
"""Which words of an instruction open a here-document."""

from __future__ import annotations

import pytest

from ladle.core.api.diagnostics import DiagnosticError, SourceText
from ladle.frontends.dockerfile.ast import Copy
from ladle.frontends.dockerfile.heredocs import openings
from ladle.frontends.dockerfile.parse import parse


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RUN <<EOF", ["EOF"]),
        ("run cat <<A <<B", ["A", "B"]),
        ("COPY <<one.txt <<'two' /dest", ["one.txt", "two"]),
        ("ONBUILD RUN <<EOF", ["EOF"]),
        ("RUN 3<<EOF cat", ["EOF"]),
        ("RUN cat <<< text", []),
        ("RUN x=$((1<<2))", []),
        ('RUN echo "<<EOF"', []),
        ("RUN echo \\<<EOF", []),
        ("RUN <<", []),
        ('RUN ["cat", "<<EOF"]', []),
        ("LABEL a=<<EOF", []),
        ("RUNX <<EOF", []),
    ],
)
def test_which_words_open_one(text: str, names: list[str]) -> None:
    assert [found.name for found in openings(text, "\\")] == names


def test_where_and_how() -> None:
    (found,) = openings('ADD 12<<-"E F" /x', "\\")
    assert (found.start, found.end) == (4, 14)
    assert (found.descriptor, found.chomp, found.expand, found.name) == (12, True, False, "E F")


@pytest.mark.row("DF-11", "DF-22")
@pytest.mark.parametrize(
    ("word", "name", "expand"),
    [
        ("<<'E F'", "E F", False),
        ('<<E" "F', "E F", False),
        ("<<E\\ F", "E F", False),
        ("<<E'", "", False),
        ("<<'a'\"b\"c", "abc", False),
        ("<<$a", "$a", True),
        ("<<''", "", False),
    ],
)
def test_quotes_in_the_name(word: str, name: str, expand: bool) -> None:
    found = openings(f"RUN cat {word} x", "\\")
    assert [(each.name, each.expand, each.opening) for each in found] == ([(name, expand, word)] if name else [])


@pytest.mark.row("DF-11", "DF-13", "DF-22")
def test_a_quoted_name_with_blanks_is_one_source() -> None:
    text = "FROM scratch\nCOPY a <<'one two' <<b\\ c /to/\n$x\none two\ny\nb c\n"
    copy = parse(SourceText("Dockerfile", text)).instructions[1]
    assert isinstance(copy, Copy)
    assert [word.text for word in copy.sources] == ["a"]
    assert [(each.name, each.body, each.expand) for each in copy.documents] == [
        ("one two", "$x\n", False),
        ("b c", "y\n", False),
    ]
    assert copy.dest.text == "/to/"
    assert text[copy.dest.span.start : copy.dest.span.end] == "/to/"


@pytest.mark.row("DF-50")
def test_a_quoted_name_is_no_destination() -> None:
    text = "FROM scratch\nCOPY a \\\n  <<'one two'\none two\n"
    with pytest.raises(DiagnosticError) as caught:
        parse(SourceText("Dockerfile", text))
    (found,) = caught.value.diagnostics
    assert found.code == "DF0032"
    assert text[found.labels[0].span.start : found.labels[0].span.end] == "<<'one two'"
