# SPDX-License-Identifier: Apache-2.0
"""Texts as Go's standard library writes and reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.frontends.dockerfile.gotext import duration, parse_duration, plain_list, quote, quoted_list

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", '""'), ("a b", '"a b"'), ('"\\', r'"\"\\"'), ("\n\t\x00\x7f", r'"\n\t\x00\x7f"'), ("é\u200b", r'"é\u200b"')],
)
def test_quote(text: str, expected: str) -> None:
    assert quote(text) == expected


def test_lists() -> None:
    assert quoted_list(["a", 'b"']) == r'["a" "b\""]'
    assert plain_list(["a", "b c"]) == "[a b c]"
    assert plain_list([]) == "[]"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("30s", 30 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1.5s", 1_500_000_000),
        (".5ms", 500_000),
        ("100us", 100_000),
        ("1µs", 1_000),
        ("-2m", -120 * SECOND),
        ("+1ns", 1),
    ],
)
def test_durations_are_read(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "5", "s", "1x", "1 s", "-", "9999999999h", "1s2", "1..5s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        parse_duration(text)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_000_000, "2ms"),
        (999_999_999, "999.999999ms"),
        (SECOND, "1s"),
        (90 * SECOND, "1m30s"),
        (3600 * SECOND, "1h0m0s"),
        (-SECOND // 2, "-500ms"),
        (3661 * SECOND + 10**8, "1h1m1.1s"),
    ],
)
def test_durations_are_written(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


@given(st.integers(-(2**62), 2**62))
def test_a_written_duration_reads_the_same(nanoseconds: int) -> None:
    assert parse_duration(duration(nanoseconds)) == nanoseconds
