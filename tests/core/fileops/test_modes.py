# SPDX-License-Identifier: Apache-2.0
"""Modes, octal and symbolic."""

from __future__ import annotations

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api.errors import BuildError
from ladle.core.fileops.modes import keep, parse_mode


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("644", 0o777, 0o644),
        ("04755", 0o600, 0o4755),
        ("a+x,g-r", 0o644, 0o715),
        ("u=rw,go=", 0o755, 0o600),
        ("o+w", 0o755, 0o757),
        ("u=rwX,go=rX", 0o644, 0o644),
        ("u=rwX,go=rX", 0o700, 0o755),
        ("+x", 0o644, 0o755),
        ("go=u", 0o741, 0o777),
        ("u+s,g+s", 0o755, 0o6755),
        ("u=rwx", 0o4644, 0o744),
        ("+t", 0o777, 0o1777),
        ("a=r", 0o1777, 0o444),
        ("g+w-x", 0o755, 0o765),
        ("u-s", 0o4755, 0o755),
    ],
)
def test_changes_of_a_file(text: str, before: int, after: int) -> None:
    assert parse_mode(text)(stat.S_IFREG | before) == after


def test_a_directory_counts_as_executable() -> None:
    assert parse_mode("u=rwX,go=rX")(stat.S_IFDIR | 0o600) == 0o755
    assert keep(stat.S_IFDIR | 0o1711) == 0o1711


@pytest.mark.parametrize("text", ["", "8", "99999", "u", "u+z", "x+u", "u=rw,", "+,", "rw", "0o644", "-1", "u+r g+r"])
def test_what_is_no_mode(text: str) -> None:
    with pytest.raises(BuildError, match="invalid mode") as caught:
        parse_mode(text)
    assert caught.value.code == "LA0311"


@given(st.integers(0, 0o7777), st.integers(0, 0o7777))
def test_octal_replaces_all(mode: int, before: int) -> None:
    assert parse_mode(f"{mode:o}")(stat.S_IFREG | before) == mode


@given(st.integers(0, 0o7777), st.sampled_from(["u", "g", "o", "a", "ug"]), st.sampled_from(["r", "w", "x", "rx"]))
def test_minus_undoes_plus(before: int, who: str, what: str) -> None:
    after = parse_mode(f"{who}+{what}")(stat.S_IFREG | before)
    assert after & before == before
    assert parse_mode(f"{who}-{what}")(stat.S_IFREG | after) == parse_mode(f"{who}-{what}")(stat.S_IFREG | before)
