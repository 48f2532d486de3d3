# SPDX-License-Identifier: Apache-2.0
"""Places in a file in the JSON form that BuildKit's clients read."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from ladle.core.api.diagnostics import SourceText


def location(first: int, last: int) -> dict[str, Any]:
    """Return lines as a place in the first source."""
    return {"ranges": [{"start": {"line": first}, "end": {"line": last}}]}


def encoded(text: SourceText) -> str:
    """Return the bytes of a file in base 64."""
    return b64encode(text.text.encode("utf-8", "surrogateescape")).decode()


def source(text: SourceText) -> dict[str, Any]:
    """Return a file as a source that places refer to."""
    return {"filename": text.name, "language": "Dockerfile", "data": encoded(text)}
