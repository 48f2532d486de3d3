# SPDX-License-Identifier: Apache-2.0
"""The nearest name for a mistyped one."""

from __future__ import annotations

import pytest

from ladle.frontends.suggest import nearest

KNOWN = ["chown", "chmod", "from", "link"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("chmode", "chmod"),
        ("CHOWN", "chown"),
        ("form", "from"),
        ("lnk", "link"),
        ("parents", ""),
        ("", ""),
        ("link", ""),
    ],
)
def test_nearest(word: str, expected: str) -> None:
    assert nearest(word, KNOWN) == expected
