# SPDX-License-Identifier: Apache-2.0
"""Lines for people: what a step printed as harmless text, written so that a closed terminal stops no build."""

from __future__ import annotations

import re
from typing import TextIO

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])")


def printable(line: bytes) -> str:
    """Return a step's line as text.

    Carriage returns keep only what is seen last, colours and escapes that move the cursor go, other control characters
    and bytes that are no UTF-8 become U+FFFD.
    """
    text = line.rstrip(b"\r").rsplit(b"\r", 1)[-1].decode(errors="replace")
    if text.isprintable():
        return text
    text = _ESCAPES.sub("", text)
    return "".join(char if char == "\t" or char.isprintable() else "\ufffd" for char in text)


def one_line(name: str) -> str:
    """Return the name of a step, which a graph from anywhere may hold, as harmless text on one line."""
    return printable(" ".join(name.splitlines()).encode(errors="surrogateescape"))


def write_line(stream: TextIO, line: str) -> None:
    """Write a line and flush; a stream that is closed or full loses it."""
    try:
        stream.write(line + "\n")
        stream.flush()
    except (OSError, ValueError):
        return
