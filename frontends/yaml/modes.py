# SPDX-License-Identifier: Apache-2.0
"""File modes as they are written: `0755`, `"755"`, `0o755`, `u=rwX,go-w`."""

from __future__ import annotations

import re

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.nodes import Node

_OCTAL = re.compile(r"(?:0o)?[0-7]{1,7}", re.ASCII)
_SYMBOLIC = re.compile(r"[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*", re.ASCII)
_LARGEST = 0o7777


def octal(text: str, node: Node, *, symbolic: bool = False) -> int:
    """Return an octal mode as a number; raises `DiagnosticError`."""
    if not _OCTAL.fullmatch(text) or int(text.removeprefix("0o"), 8) > _LARGEST:
        raise DiagnosticError([errors.bad_mode(text[:80], symbolic, node.span)])
    return int(text.removeprefix("0o"), 8)


def is_symbolic(text: str) -> bool:
    """Say whether a mode changes bits instead of naming them all."""
    return len(text) < 200 and _SYMBOLIC.fullmatch(text) is not None
