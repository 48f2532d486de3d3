# SPDX-License-Identifier: Apache-2.0
"""The flags by hand and by click: whatever the first accepts, the second reads in the same way."""

from __future__ import annotations

from typing import Any

import click
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ladle.core.cli.app import BuildCommand, app
from ladle.core.cli.options import BUILD_FLAGS, NotPlainError, defaults, parse_plain

BUILD = app.commands["build"]
PLAIN = click.Command("build", params=BUILD.params)
"""The same flags, read by click's own parser."""

NAMES = [name for flag in BUILD_FLAGS for name in flag[1]]
TEXTS = st.sampled_from(["", "-", "x", "a=b", "=", "-x", "--", "true", "false", "1"]) | st.text(max_size=5)
WORDS = st.one_of(
    TEXTS,
    st.sampled_from(NAMES),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", ""]), TEXTS).map("".join),
    st.sampled_from(["--help", "-h", "--nosuch", "--fil", "-ft", "-qf"]),
)


def by_click(argv: list[str], command: click.Command = PLAIN) -> dict[str, Any]:
    return command.make_context("build", list(argv)).params


def has_switch_with_value(argv: list[str]) -> bool:
    switches = [name for flag in BUILD_FLAGS if flag[2] == "bool" for name in flag[1]]
    return any(word.partition("=")[0] in switches and "=" in word for word in argv)


@given(st.lists(WORDS, max_size=6))
def test_click_reads_what_is_plain_in_the_same_way(argv: list[str]) -> None:
    assume(not has_switch_with_value(argv))
    try:
        values, rest = parse_plain(argv)
    except NotPlainError:
        return
    assert by_click(argv) == {**values, "path": tuple(rest)}


@given(st.lists(WORDS, max_size=6))
def test_the_command_reads_as_the_fast_path_does(argv: list[str]) -> None:
    try:
        values, rest = parse_plain(argv)
    except NotPlainError:
        return
    assert by_click(argv, BUILD) == {**values, "path": tuple(rest)}


@given(st.lists(st.tuples(st.sampled_from(BUILD_FLAGS), st.text(max_size=5)), max_size=8))
def test_every_flag_is_plain(chosen: list[tuple[Any, str]]) -> None:
    argv: list[str] = []
    expected = defaults()
    for (key, names, kind, _, _), value in chosen:
        if kind == "bool":
            argv.append(names[-1])
            expected[key] = True
            continue
        argv += [f"{names[-1]}={value}"] if len(argv) % 2 else [names[0], value]
        expected[key] = (*expected[key], value) if kind == "many" else value  # type: ignore[misc]
    assert parse_plain([*argv, "."]) == (expected, ["."])


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--no-cache=true"], True),
        (["--no-cache=false"], False),
        (["--no-cache", "--no-cache=false"], False),
        (["--no-cache=false", "--no-cache"], True),
    ],
)
def test_switches_with_a_value(argv: list[str], expected: bool) -> None:
    assert parse_plain(argv)[0]["no_cache"] is expected
    assert by_click(argv, BUILD)["no_cache"] is expected


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["-h"], ["--nosuch"], ["--no-cache=maybe"], ["-q1"], ["--file"], ["-t"], ["--", "x"], ["--fil=x"]],
)
def test_whatever_is_unusual_is_left_to_click(argv: list[str]) -> None:
    with pytest.raises(NotPlainError):
        parse_plain(argv)


def test_flags_are_said_once() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({flag[0] for flag in BUILD_FLAGS}) == len(BUILD_FLAGS)
    assert {flag[2] for flag in BUILD_FLAGS} == {"one", "many", "bool"}
    assert all(flag[4] for flag in BUILD_FLAGS)
    assert isinstance(BUILD, BuildCommand)
