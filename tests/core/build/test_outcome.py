# SPDX-License-Identifier: Apache-2.0
"""A failed step as it is shown: the user's lines first, then what was said (FEATURES DF-86)."""

from __future__ import annotations

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.build.outcome import StepError, excerpt
from ladle.llb.metadata import Location, Range, SourceInfo

TEXT = b"".join(b"line %d\n" % number for number in range(1, 13))


def shown(*lines: tuple[int, int], data: bytes = TEXT) -> list[str]:
    source = SourceInfo(filename="Dockerfile", data=data)
    ranges = tuple(Range(start_line=first, end_line=last) for first, last in lines)
    return excerpt([Location(source=source, ranges=ranges)])


def numbers(lines: list[str]) -> list[tuple[int, bool]]:
    return [(int(line.split("|")[0]), ">>>" in line) for line in lines[2:-1]]


def test_one_line_with_two_on_either_side() -> None:
    assert shown((5, 5)) == [
        "Dockerfile:5",
        "-" * 20,
        "   3 |     line 3",
        "   4 |     line 4",
        "   5 | >>> line 5",
        "   6 |     line 6",
        "   7 |     line 7",
        "-" * 20,
    ]


def test_several_lines_with_one_on_either_side() -> None:
    assert numbers(shown((5, 7))) == [(4, False), (5, True), (6, True), (7, True), (8, False)]


def test_ranges_are_shown_as_one() -> None:
    assert numbers(shown((6, 6), (4, 5))) == [(3, False), (4, True), (5, True), (6, True), (7, False)]


@pytest.mark.parametrize(("line", "first", "last"), [(1, 1, 3), (2, 1, 4), (12, 10, 12), (11, 9, 12)])
def test_the_ends_of_the_file(line: int, first: int, last: int) -> None:
    assert [number for number, _ in numbers(shown((line, line)))] == list(range(first, last + 1))


def test_an_end_beyond_the_file_or_before_the_start() -> None:
    assert [number for number, _ in numbers(shown((11, 40)))] == [10, 11, 12]
    assert numbers(shown((5, 0))) == numbers(shown((5, 5)))


def test_a_place_that_the_text_does_not_have() -> None:
    assert shown((13, 13)) == ["Dockerfile:13"]
    assert shown((0, 0)) == ["Dockerfile:0"]
    assert shown((3, 3), data=b"") == ["Dockerfile:3"]
    assert shown() == []
    assert excerpt([]) == []


def test_odd_bytes_and_line_ends() -> None:
    lines = shown((2, 2), data=b"\xff\r\ntwo\r\n")
    assert lines[2:4] == ["   1 |     \ufffd", "   2 | >>> two"]


def test_everything_in_its_order() -> None:
    error = BuildError("exit code: 7", code="LA0400", notes=["one"], help="look")
    step = StepError(error, step="RUN x", excerpt=["f:1", "  1 | >>> x"], log=["a", "b"], log_path="/logs/x")
    assert step.render() == (
        "f:1\n  1 | >>> x\n"
        "the last lines of RUN x:\n  | a\n  | b\n"
        "error[LA0400]: RUN x: exit code: 7\n  note: one\n  note: the whole log is in /logs/x\n  help: look"
    )
    assert (step.code, step.exit_code, str(step)) == ("LA0400", 1, "exit code: 7")


def test_a_silent_step_without_a_place() -> None:
    step = StepError(BuildError("no", code="LA0400"), step="s", excerpt=(), log=(), log_path="")
    assert step.render() == "error[LA0400]: s: no"
