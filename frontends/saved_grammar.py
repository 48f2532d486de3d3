# SPDX-License-Identifier: Apache-2.0
"""Lark parsers kept as Python keeps bytecode: making one takes 60 ms, loading it 5.

The parser of a grammar lies in the `__pycache__` of its folder, under the rules and with the trust of the bytecode
there (`PYTHONDONTWRITEBYTECODE`, `PYTHONPYCACHEPREFIX`). Its file says what it was made from; what is stale, damaged
or cannot be written is made anew.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Lark

_DIGEST_SIZE = 32


def parser(grammar: Path, text: str, variant: str = "") -> Lark:
    """Return the parser (LALR, contextual lexer) for `text`, which is the file `grammar` or a `variant` of it."""
    import lark

    digest = sha256(f"{lark.__version__}\0{sys.version}\0{text}".encode()).digest()
    saved = Path(cache_from_source(str(grammar.with_suffix(".py")))).with_suffix(f".{variant}lark")
    return _saved(saved, digest) or _made(text, saved, digest)


def _saved(path: Path, digest: bytes) -> Lark | None:
    import io

    from lark import Lark

    try:
        data = path.read_bytes()
    except OSError:
        return None
    body = data[2 * _DIGEST_SIZE :]
    if data[: 2 * _DIGEST_SIZE] != digest + sha256(body).digest():
        return None
    return Lark.load(io.BytesIO(body))


def _made(text: str, path: Path, digest: bytes) -> Lark:
    import io

    from lark import Lark

    made = Lark(text, parser="lalr", lexer="contextual", maybe_placeholders=True)
    if sys.dont_write_bytecode:
        return made
    file = io.BytesIO()
    made.save(file)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(digest + sha256(file.getvalue()).digest() + file.getvalue())
        temporary.replace(path)
    except OSError:
        return made  # a folder that only its owner writes to
    return made
