# SPDX-License-Identifier: Apache-2.0
"""Where things stand: every word's line and column, through continuations, here-documents, CRLF and another escape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError, SourceText
from ladle.core.api.snippets import position
from ladle.frontends.dockerfile.ast import Dockerfile, Word
from ladle.frontends.dockerfile.parse import parse
from ladle.frontends.dockerfile.print import print_file
from tests.frontends.dockerfile.trees import files


def words(value: object) -> Iterator[Word]:
    """Yield all words below a node."""
    if isinstance(value, Word):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from words(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            if item.name not in ("span", "source"):
                yield from words(getattr(value, item.name))


def places(text: str) -> dict[str, tuple[int, int]]:
    """Return line and column of each word of a file, by its text."""
    tree = parse(SourceText("Dockerfile", text))
    return {word.text: position(word.span) for word in words(tree.instructions)}


def mistake(text: str) -> Diagnostic:
    """Return the only mistake of a file."""
    with pytest.raises(DiagnosticError) as caught:
        parse(SourceText("Dockerfile", text))
    (found,) = caught.value.diagnostics
    return found


@pytest.mark.row("DF-04", "DF-10")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("escape", ["\\", "`"])
def test_through_continuations(end: str, escape: str) -> None:
    lines = [
        f"# escape={escape}",
        "FROM  base  AS  named",
        f"  ENV one=1 {escape}  ",
        "# a remark",
        "",
        "\t two='2 2'\t three=3",
        f"COPY --chown=me {escape}",
        f"  --from=named src{escape}",
        "x  /dest",
        f"WORKDIR {escape}",
        " /w",
    ]
    found = places(end.join(lines) + end)
    assert found == {
        "base": (2, 7),
        "named": (8, 10),
        "one": (3, 7),
        "1": (3, 11),
        "two": (6, 3),
        "'2 2'": (6, 7),
        "three": (6, 14),
        "3": (6, 20),
        "me": (7, 14),
        "srcx": (8, 16),
        "/dest": (9, 4),
        "/w": (11, 2),
    }


@pytest.mark.row("DF-10", "DF-11")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_after_here_documents(end: str) -> None:
    lines = ["FROM a", "COPY b <<-'c d' <<e \\", " /f", "\tone", "\tc d", "two", "e", "USER g", 'CMD ["h", "i j"]']
    assert places(end.join(lines)) == {
        "a": (1, 6),
        "b": (2, 6),
        "/f": (3, 2),
        "g": (8, 6),
        "h": (9, 6),
        "i j": (9, 11),
    }


@pytest.mark.row("DF-10")
@pytest.mark.parametrize(
    ("text", "code", "here", "place"),
    [
        ("FROM a\r\nRUN \\\r\n  --mont=x \\\r\n y\r\n", "DF0011", "--mont=x", (3, 3)),
        ("FROM a\nENV b=c \\\n # d\n\n   e\n", "DF0022", "e", (5, 4)),
        ("# escape=`\nFROM a `\n b c d\n", "DF0020", "b", (3, 2)),
        ("FROM a\nRUN <<x <<y\nx\nz\n", "DF0005", "<<y", (2, 9)),
        ("FROM a\nRUN <<x\ny\nx\nFORM é\n", "DF0010", "FORM", (5, 1)),
        ("FROM é AS \\\n 1x\n", "DF0021", "1x", (2, 2)),
    ],
)
def test_where_a_mistake_is(text: str, code: str, here: str, place: tuple[int, int]) -> None:
    found = mistake(text)
    span = found.labels[0].span
    assert (found.code, text[span.start : span.end], position(span)) == (code, here, place)


@pytest.mark.row("DF-04", "DF-07", "DF-10")
@settings(max_examples=60, deadline=None)
@given(files(), st.sampled_from(["\n", "\r\n"]))
def test_a_span_holds_its_word_wherever_lines_are_broken(tree: Dockerfile, end: str) -> None:
    """Continuations and remarks are put into a printed file: what is left of a span without them is the word."""
    assume(not any("\r" in heredoc.body for node in tree.instructions for heredoc in node.heredocs))
    escape = tree.escape
    broken = []
    for line in print_file(tree).split("\n"):
        middle = len(line) // 2
        plain = line[:1].isalpha() and line[middle - 1 : middle].isalnum() and line[middle : middle + 1].isalnum()
        if plain and not any(node.heredocs for node in tree.instructions):
            line = f"{line[:middle]}{escape} {end} # remark {end}{end}{line[middle:]}"
        broken.append(line)
    text = end.join(broken)
    made = parse(SourceText("Dockerfile", text))
    assert made == tree
    cut = re.compile(rf"{re.escape(escape)} {end} # remark {end}{end}")
    for word in words(tuple(node for node in made.instructions)):
        written = cut.sub("", text[word.span.start : word.span.end])
        quoted = word.text.replace(escape, escape * 2).replace('"', escape + '"')
        assert written in (word.text, json.dumps(word.text), f'"{quoted}"')
