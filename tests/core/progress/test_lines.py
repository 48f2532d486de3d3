# SPDX-License-Identifier: Apache-2.0
"""What a step prints, as harmless text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.progress.lines import printable


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"plain", "plain"),
        (b"", ""),
        ("grün ✓".encode(), "grün ✓"),
        (b"a\tb", "a\tb"),
        (b"end\r", "end"),
        (b"1%\r50%\r100%", "100%"),
        (b"1%\r100%\r", "100%"),
        (b"\x1b[1;31mred\x1b[0m and \x1b[2Kcleared", "red and cleared"),
        (b"\x1b]0;title\x07shown", "shown"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b(Bset \x1b7saved\x1b8", "set saved"),
        (b"bell\x07", "bell\ufffd"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\x1b", "\ufffd"),
        (b"\x1b[", "\ufffd["),
    ],
)
def test_lines(line: bytes, text: str) -> None:
    assert printable(line) == text


@given(
    st.binary(max_size=40) | st.lists(st.sampled_from([b"\x1b", b"[", b"]", b"0", b";", b"m", b"\x07"])).map(b"".join)
)
def test_nothing_reaches_the_terminal_but_text(line: bytes) -> None:
    assert printable(line).replace("\t", "").isprintable()
