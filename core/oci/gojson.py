# SPDX-License-Identifier: Apache-2.0
"""JSON in the bytes that Go's `encoding/json` writes: BuildKit's digests are over these."""

from __future__ import annotations

import json
import re
from typing import Any

_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def go_json(value: Any, *, indent: bool = False) -> bytes:
    """Return a value as Go encodes it: keys in the given order, `<`, `>`, `&`, U+2028, U+2029 escaped, the rest UTF-8.

    `indent`: as `json.MarshalIndent` with two spaces.
    """
    if indent:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text = _ESCAPED.sub(_escape, text)
    return text.encode()


def _escape(match: re.Match[str]) -> str:
    """Return the escape of a character; half a surrogate pair (a byte that was not UTF-8) becomes U+FFFD, as in Go."""
    code = ord(match[0])
    return "\\ufffd" if 0xD800 <= code < 0xE000 else f"\\u{code:04x}"


def read_json(data: bytes) -> Any:
    """Return the value of JSON bytes; raises `ValueError` for anything else, a too deep nesting included."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
