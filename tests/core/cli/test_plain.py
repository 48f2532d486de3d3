# SPDX-License-Identifier: Apache-2.0
"""Plain arguments run without click, and mean what click takes them for; the rest is left to click."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ladle.core.cli import app, plain

Calls = list[tuple[Any, ...]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Record what the commands are called with instead of running them."""
    made: Calls = []

    def build(values: Mapping[str, Any], positional: list[str]) -> int:
        made.append((dict(values), positional))
        return 5

    def compiled(values: Mapping[str, Any], path: str, output: str, form: str) -> int:
        made.append((dict(values), path, output, form))
        return 6

    monkeypatch.setattr("ladle.core.cli.build.run_build", build)
    monkeypatch.setattr("ladle.core.cli.graphs.run_compile", compiled)
    return made


@pytest.mark.parametrize(
    "argv",
    [
        ["build", "."],
        ["build", "-t", "a", "-t", "b", "--no-cache", "--progress=plain", "dir", "-o", "type=tar,dest=x"],
        ["build", "--build-arg=A=1", "--pull=false", "-f-", "."],
        ["compile", "."],
        ["compile", "--format", "pb", "."],
        ["compile", "dir", "-o", "out.llb", "--build-arg", "A=1", "--target=t", "--offline"],
    ],
)
def test_both_ways_call_the_same(argv: list[str], calls: Calls) -> None:
    code = plain.run_plain(argv)
    assert code == app.run(argv)
    assert code in (5, 6)
    first, second = calls
    assert first == second


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["build", "--help"],
        ["build", "--wrong", "."],
        ["compile"],
        ["compile", "a", "b"],
        ["compile", "--no-cache", "."],
        ["doctor"],
    ],
)
def test_what_is_not_plain_is_left_to_click(argv: list[str], calls: Calls) -> None:
    assert plain.run_plain(argv) is None
    assert not calls
