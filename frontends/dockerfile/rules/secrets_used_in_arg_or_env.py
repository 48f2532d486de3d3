# SPDX-License-Identifier: Apache-2.0
"""SecretsUsedInArgOrEnv."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Arg, Env
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)", re.IGNORECASE
)
_HARMLESS = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Say whether a variable's name sounds as if its value were secret."""
    return _SECRET.search(name) is not None and _HARMLESS.search(name) is None


def check(view: View) -> Iterator[Finding]:
    """Find variables whose names promise a secret."""
    for node in view.built():
        if isinstance(node, Arg | Env):
            for pair in node.pairs:
                if is_secret_name(pair.name.text):
                    name = quote(pair.name.text)
                    message = f"Do not use ARG or ENV instructions for sensitive data ({node.name} {name})"
                    yield finding(node, message, pair.name.span)


RULE = Rule(
    name="SecretsUsedInArgOrEnv",
    description="Sensitive data should not be used in the ARG or ENV commands",
    why="Values of ARG and ENV are in the image's history and config for all who have the image. A step gets a secret "
    "with `RUN --mount=type=secret`.",
    bad="FROM scratch\nARG AWS_SECRET\nCOPY a /\n",
    good="FROM scratch\nARG AWS_REGION\nCOPY a /\n",
    check=check,
)
