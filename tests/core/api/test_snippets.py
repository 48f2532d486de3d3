# SPDX-License-Identifier: Apache-2.0
"""Diagnostics as text: the place, the lines, the carets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api.diagnostics import Diagnostic, Label, Severity, SourceText, Span
from ladle.core.api.snippets import line_starts, position, render

TEXT = SourceText("Dockerfile", "FROM golang AS builder\nRUN make\nCOPY --from=biulder /out /out\n")


def label(found: str, text: str = "", source: SourceText = TEXT) -> Label:
    start = source.text.index(found)
    return Label(Span(source, start, start + len(found)), text)


def shown(*labels: Label, **fields: object) -> list[str]:
    given = {"code": "DF0012", "severity": Severity.ERROR, "message": "stage is not defined", **fields}
    return render(Diagnostic(labels=labels, **given)).split("\n")  # type: ignore[arg-type]


def test_two_labels_in_the_order_of_the_file() -> None:
    lines = shown(
        label("biulder", "not a stage"), label("builder", "did you mean `builder`?"), notes=("a note",), help="mend it"
    )
    assert lines == [
        "error[DF0012]: stage is not defined",
        "  --> Dockerfile:3:13",
        " 1 | FROM golang AS builder",
        "   |                ------- did you mean `builder`?",
        " 3 | COPY --from=biulder /out /out",
        "   |             ^^^^^^^ not a stage",
        "  note: a note",
        "  help: mend it",
    ]


def test_two_labels_on_one_line() -> None:
    lines = shown(label("--from"), label("/out /out", "here"))
    assert lines[1:] == [
        "  --> Dockerfile:3:6",
        " 3 | COPY --from=biulder /out /out",
        "   |      ^^^^^^",
        "   |                     --------- here",
    ]


def test_without_a_place() -> None:
    assert shown() == ["error[DF0012]: stage is not defined"]
    assert shown(severity=Severity.WARNING, code="", rule="Casing") == ["warning Casing: stage is not defined"]


def test_numbers_of_different_width_align() -> None:
    source = SourceText("f", "".join(f"l{number}\n" for number in range(1, 121)))
    lines = shown(label("l120", source=source), label("l7\n", source=source))
    assert lines[2] == "   7 | l7"
    assert lines[4] == " 120 | l120"


def test_a_label_in_another_file() -> None:
    other = SourceText("other", "x\nincluded\n")
    assert shown(label("RUN"), label("included", "from here", other))[-1] == "  --> other:2:1: from here"


def test_tabs_odd_characters_and_line_ends() -> None:
    source = SourceText("f", "\tRUN\t\x1b\udcff x\r\n")
    assert shown(label("x", source=source))[2:] == [
        " 1 |     RUN    \ufffd\ufffd x",
        "   | " + " " * 14 + "^",
    ]
    assert shown(label("x\r\n", source=source))[3] == "   | " + " " * 14 + "^"


def test_a_span_over_lines_is_marked_on_its_first() -> None:
    assert shown(label("RUN make\nCOPY"))[2:] == [" 2 | RUN make", "   | ^^^^^^^^"]


def test_the_end_of_the_file_and_an_empty_file() -> None:
    end = len(TEXT.text)
    assert shown(Label(Span(TEXT, end, end), "here"))[1:] == ["  --> Dockerfile:4:1", " 4 | ", "   | ^ here"]
    empty = SourceText("f", "")
    assert shown(Label(Span(empty, 0, 0)))[1:] == ["  --> f:1:1", " 1 | ", "   | ^"]


def test_colour_is_in_the_head_only() -> None:
    found = Diagnostic(code="X", severity=Severity.WARNING, message="m", labels=(label("RUN"),))
    lines = render(found, colour=True).split("\n")
    assert lines[0] == "\033[1;33mwarning[X]\033[0m: m"
    assert "\033" not in "".join(lines[1:])


@given(st.text(alphabet="ab\n\r\t", max_size=30), st.data())
def test_positions_are_those_of_the_text(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, column = position(Span(SourceText("f", text), offset, offset))
    before = text[:offset]
    assert (line, column) == (before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)
    assert len(line_starts(text)) == text.count("\n") + 1


@pytest.mark.parametrize("start", range(len(TEXT.text) + 1))
def test_every_place_can_be_shown(start: int) -> None:
    for end in (start, start + 1, len(TEXT.text)):
        assert shown(Label(Span(TEXT, start, end)))[1].startswith("  --> Dockerfile:")


def test_a_warning_begins_with_its_rule() -> None:
    from ladle.core.api.snippets import render_warning

    warning = Diagnostic(code="", severity=Severity.WARNING, message="look out", rule="Rule", help="so")
    assert render_warning(warning) == "Rule: look out\n  help: so"
    assert render_warning(Diagnostic(code="XX0001", severity=Severity.WARNING, message="m")) == "XX0001: m"
