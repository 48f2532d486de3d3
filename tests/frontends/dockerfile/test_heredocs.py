# SPDX-License-Identifier: Apache-2.0
"""Which words of an instruction open a here-document."""

from __future__ import annotations

import pytest

from ladle.frontends.dockerfile.heredocs import openings


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RUN <<EOF", ["EOF"]),
        ("run cat <<A <<B", ["A", "B"]),
        ("COPY <<one.txt <<'two' /dest", ["one.txt", "two"]),
        ("ONBUILD RUN <<EOF", ["EOF"]),
        ("RUN 3<<EOF cat", ["EOF"]),
        ("RUN cat <<< text", []),
        ("RUN x=$((1<<2))", []),
        ('RUN echo "<<EOF"', []),
        ("RUN echo \\<<EOF", []),
        ("RUN <<", []),
        ('RUN ["cat", "<<EOF"]', []),
        ("LABEL a=<<EOF", []),
        ("RUNX <<EOF", []),
    ],
)
def test_which_words_open_one(text: str, names: list[str]) -> None:
    assert [found.name for found in openings(text, "\\")] == names


def test_where_and_how() -> None:
    (found,) = openings('ADD 12<<-"E F" /x', "\\")
    assert (found.start, found.end) == (4, 14)
    assert (found.descriptor, found.chomp, found.expand, found.name) == (12, True, False, "E F")
