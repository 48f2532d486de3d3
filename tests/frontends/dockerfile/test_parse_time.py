# SPDX-License-Identifier: Apache-2.0
"""Reading takes a time that is linear in the size of the file, whatever the file."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ladle.core.api.diagnostics import DiagnosticError, SourceText
from ladle.frontends.dockerfile.parse import parse

GROWTH = 8
ALLOWED = 4 * GROWTH
"""Times that the bigger file may take; a quadratic reader takes 64."""

INPUTS: dict[str, Callable[[int], str]] = {
    "instructions": lambda n: "RUN b\n" * n,
    "remarks": lambda n: "# b\n" * n * 8 + "RUN b",
    "remarks in a line": lambda n: "RUN b \\\n" + "# b\n" * n * 8 + "c",
    "continued text": lambda n: "RUN b" + " \\\n c" * n,
    "continued words": lambda n: "COPY " + "b \\\n" * n + "c",
    "continued pairs": lambda n: "ENV " + "b=c \\\n" * n,
    "pairs that are none": lambda n: "ENV " + "b=c \\\n" * n + " d",
    "flags": lambda n: "RUN " + "--mount=type=tmpfs,target=/x \\\n" * n + "x",
    "unknown flags": lambda n: "RUN " + "--munt=x \\\n" * n + "x",
    "flags given twice": lambda n: "COPY " + "--chown=1 \\\n" * n + "x y",
    "open quotes": lambda n: "RUN --mount=" + "'\" \\\n" * n * 8 + "x",
    "JSON": lambda n: "CMD [" + '"b", \\\n' * n + '"c"]',
    "JSON without an end": lambda n: "COPY [" + '"b", \\\n' * n + '"c"',
    "brackets": lambda n: "CMD " + "[\\\n" * n * 8,
    "here-documents": lambda n: (
        "COPY " + " \\\n".join(f"<<x{i}" for i in range(n)) + " /\n" + "".join(f"x{i}\n" for i in range(n))
    ),
    "open here-documents": lambda n: "RUN " + "<<x \\\n" * n + "\ny\n",
    "mistakes": lambda n: "FORM\n" * n,
    "bytes that are no text": lambda n: "RUN \udcff\n" * n,
    "blanks": lambda n: "ENV b" + " \\\n" * n * 8 + "c",
    "escapes": lambda n: "ENV b=" + "\\ \\x\\\n" * n * 4 + "c",
}


def seconds(text: str) -> float:
    """Return the CPU time of a parse, the least of three."""
    source = SourceText("Dockerfile", text)
    best = 60.0
    for _ in range(3):
        start = time.process_time()
        try:
            tree = parse(source)
        except DiagnosticError as error:
            assert error.diagnostics  # noqa: PT017
        else:
            assert tree.instructions
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.row("DF-04")
@pytest.mark.parametrize("name", INPUTS)
def test_eight_times_the_text_takes_about_eight_times_the_time(name: str) -> None:
    make = INPUTS[name]
    small = max(seconds("FROM a\n" + make(100)), 0.0005)
    large = seconds("FROM a\n" + make(100 * GROWTH))
    assert large < small * ALLOWED
