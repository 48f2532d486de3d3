# SPDX-License-Identifier: Apache-2.0
"""Parsers kept beside bytecode: loaded where they fit, made anew where they do not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lark
import pytest

from ladle.frontends import saved_grammar

GRAMMAR = 'start: WORD (" " WORD)*\nWORD: /[a-z]+/\n'


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the parsers that are made from text; let them be kept."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    texts: list[str] = []
    original = lark.Lark.__init__

    def counted(self: lark.Lark, grammar: str, **options: Any) -> None:
        texts.append(grammar)
        original(self, grammar, **options)

    monkeypatch.setattr(lark.Lark, "__init__", counted)
    return texts


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "__pycache__").iterdir())


def test_a_parser_is_made_once_and_parses_the_same_when_loaded(tmp_path: Path, made: list[str]) -> None:
    first = saved_grammar.parser(tmp_path / "words.lark", GRAMMAR)
    second = saved_grammar.parser(tmp_path / "words.lark", GRAMMAR)
    assert made == [GRAMMAR]
    assert first.parse("one two") == second.parse("one two")
    with pytest.raises(lark.exceptions.UnexpectedInput) as wrong:
        second.parse("one 2")
    assert wrong.value.pos_in_stream == 4


def test_a_changed_grammar_is_made_anew(tmp_path: Path, made: list[str]) -> None:
    saved_grammar.parser(tmp_path / "words.lark", GRAMMAR)
    changed = GRAMMAR.replace("a-z", "a-z0-9")
    assert saved_grammar.parser(tmp_path / "words.lark", changed).parse("one 2").children
    assert made == [GRAMMAR, changed]


def test_variants_lie_side_by_side(tmp_path: Path, made: list[str]) -> None:
    changed = GRAMMAR.replace("a-z", "0-9")
    for _ in range(2):
        saved_grammar.parser(tmp_path / "words.lark", GRAMMAR)
        saved_grammar.parser(tmp_path / "words.lark", changed, "digits.")
    assert made == [GRAMMAR, changed]


@pytest.mark.parametrize("damage", [b"", b"x" * 200])
def test_a_damaged_file_is_made_anew(tmp_path: Path, made: list[str], damage: bytes) -> None:
    saved_grammar.parser(tmp_path / "words.lark", GRAMMAR)
    (file,) = kept(tmp_path)
    file.write_bytes(file.read_bytes()[:64] + damage)
    assert saved_grammar.parser(tmp_path / "words.lark", GRAMMAR).parse("one").children
    assert len(made) == 2


def test_nothing_is_kept_where_python_keeps_no_bytecode(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    saved_grammar.parser(tmp_path / "words.lark", GRAMMAR)
    assert not (tmp_path / "__pycache__").exists()


def test_a_folder_that_cannot_be_written_to_does_no_harm(tmp_path: Path, made: list[str]) -> None:
    (tmp_path / "__pycache__").write_text("a file")
    assert saved_grammar.parser(tmp_path / "words.lark", GRAMMAR).parse("one").children
