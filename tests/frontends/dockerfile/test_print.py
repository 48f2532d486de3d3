# SPDX-License-Identifier: Apache-2.0
"""Trees as text: what is printed is read as the same tree, whatever the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from ladle.core.api.diagnostics import DiagnosticError, SourceText
from ladle.frontends.dockerfile.ast import Dockerfile, Instruction
from ladle.frontends.dockerfile.lines import MAX_LINE, decode
from ladle.frontends.dockerfile.parse import INSTRUCTIONS, parse
from ladle.frontends.dockerfile.print import print_file
from tests.frontends.dockerfile.trees import files

CASES = Path(__file__).parents[2] / "cases"
WRITTEN = sorted([*CASES.glob("dockerfile/**/*Dockerfile"), *CASES.glob("golden/*/context/Dockerfile")])


def again(tree: Dockerfile) -> Dockerfile:
    """Return what the printed tree is read as."""
    return parse(SourceText("Dockerfile", print_file(tree)))


@pytest.mark.row("DF-01", "DF-02", "DF-03", "DF-06", "DF-07", "DF-10", "DF-11")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_every_tree_is_read_back(tree: Dockerfile) -> None:
    assert again(tree) == tree


def test_trees_are_of_all_instructions() -> None:
    seen: set[str] = set()

    def complete(tree: Dockerfile) -> bool:
        seen.update(node.name for node in tree.instructions)
        return seen == INSTRUCTIONS

    find(files(), complete, settings=settings(max_examples=2000, database=None, phases=[Phase.generate]))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_every_case_is_read_back(path: Path) -> None:
    try:
        tree = parse(decode("Dockerfile", path.read_bytes()))
    except DiagnosticError:
        return  # what does not parse has no tree
    printed = print_file(tree)
    made = parse(SourceText("Dockerfile", printed))
    assert made == tree
    assert print_file(made) == printed


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("from a\n\n\nrun  b \\\n  c\n", "from a\nrun b   c\n"),
        ("# escape=`\n# x y\nFROM a as b\n", "# escape=`\n# x y\nFROM a AS b\n"),
        ("# escape=`\n\n# x y\nFROM a", "# escape=`\n\n# x y\nFROM a\n"),
        ("# one\nFROM a", "# one\nFROM a\n"),
        ("\n# one=two\nFROM a", "\n# one=two\nFROM a\n"),
        ('FROM a\nCOPY ["b", "c"]\nCOPY ["b c", "d"]', 'FROM a\nCOPY b c\nCOPY ["b c", "d"]\n'),
        ('FROM a\nCOPY ["<<b", "c"]', 'FROM a\nCOPY ["<<b", "c"]\n'),
        ("FROM a\nRUN -- --mount", "FROM a\nRUN -- --mount\n"),
        ("FROM a\nCOPY --from='b c' --link d e", 'FROM a\nCOPY --from="b c" --link d e\n'),
        ("FROM a\nENV b c  d\nENV b=c  d='e f'\n", "FROM a\nENV b c  d\nENV b=c d='e f'\n"),
        ('FROM a\nADD b <<"x y" /\nz\nx y', 'FROM a\nADD b <<"x y" /\nz\nx y\n'),
        ("FROM a\nHEALTHCHECK --timeout=1s cmd b\nHEALTHCHECK --x none", None),
        ("FROM a\nRUN <<-x\n\tb\r\n\tx", "FROM a\nRUN <<-x\n\tb\nx\n"),
        ("FROM a\nRUN <<x\nb\r\r\nx", "FROM a\nRUN <<x\nb\r\r\nx\n"),
        ("FROM a\nRUN b\\\x0b\n", "FROM a\nRUN b\\\x0b\n"),
        ("FROM a\nRUN b\\\\\n", "FROM a\nRUN b\\\\\n"),
        ("FROM a\nONBUILD RUN <<x\nb\nx\n", "FROM a\nONBUILD RUN <<x\nb\nx\n"),
    ],
)
def test_the_one_way_to_write_it(text: str, printed: str | None) -> None:
    tree = parse(SourceText("Dockerfile", text))
    assert printed is None or print_file(tree) == printed
    assert again(tree) == tree


def test_the_labs_language_is_printed() -> None:
    text = "IMPORT --from=tools b.Dockerfile AS c\nIMPORT d\nFROM a\nINCLUDE --from=x e\nRUN --no-cache f\n"
    tree = parse(SourceText("Dockerfile", text), labs=True)
    assert print_file(tree) == text


def test_long_lines_are_continued() -> None:
    parts = " \\\n".join("x" * 60000 + f"#{index}" for index in range(5))
    tree = parse(SourceText("Dockerfile", f"FROM a\nRUN {parts}\nRUN b{'#' * 65000}\nCMD {'# ' * 30000}c \\\n d"))
    printed = print_file(tree)
    assert all(len(line.encode()) <= MAX_LINE for line in printed.split("\n"))
    assert parse(SourceText("Dockerfile", printed)) == tree


_SOUP = st.lists(
    st.sampled_from(
        [*"\\`\"'$#=,[]<-: \t\n\r\x0b\xa0a1é\udcff", "\\\n", "<<E", "E\n", "--", "--link ", '["a"]', "\n# "]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(sorted(INSTRUCTIONS)), _SOUP), max_size=4), st.sampled_from("\\`"))
def test_whatever_parses_is_read_back(lines: list[tuple[str, str]], escape: str) -> None:
    text = f"# escape={escape}\nFROM a\n" + "".join(f"{keyword} {soup}\n" for keyword, soup in lines)
    try:
        tree = parse(SourceText("Dockerfile", text))
    except DiagnosticError:
        return
    assert again(tree) == tree


def test_what_is_no_instruction_is_not_printed() -> None:
    from ladle.frontends.dockerfile.print import print_instruction

    tree = parse(SourceText("Dockerfile", "FROM a"))
    node = tree.instructions[0]
    plain = Instruction(keyword="X", source="", span=node.span, lines=(1, 1))
    with pytest.raises(TypeError, match="no instruction"):
        print_instruction(plain)
    assert re.fullmatch("FROM a\n", print_instruction(node))
