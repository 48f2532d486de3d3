# SPDX-License-Identifier: Apache-2.0
"""Which rules run: `# check=skip=A,B;error=true;experimental=C`, the same as a build argument, and single skips."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules import errors
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ladle.frontends.dockerfile.ast import Dockerfile, Instruction
    from ladle.frontends.dockerfile.rules.base import Rule

ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK"
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_COMMENT = re.compile(r"check\s*=\s*(.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What was asked of the checks; `all` among names stands for every rule."""

    skip: frozenset[str] = frozenset()
    experimental: frozenset[str] = frozenset()
    error: bool = False

    def runs(self, rule: Rule) -> bool:
        """Say whether a rule runs."""
        if rule.name in self.skip or "all" in self.skip:
            return False
        return not rule.experimental or rule.name in self.experimental or "all" in self.experimental


def parse_config(text: str) -> Config:
    """Return the options of a text; raises `ValueError` with BuildKit's words."""
    text = text.strip()
    if text in ("", "none"):
        return Config()
    names: dict[str, frozenset[str]] = {}
    error = False
    for part in text.split(";", 2):
        key, equals, value = part.partition("=")
        key, value = key.strip(), value.strip()
        if not equals:
            raise ValueError(f"invalid check option {quote(part)}")
        if key in ("skip", "experimental"):
            names[key] = frozenset(name.strip() for name in value.split(","))
        elif key == "error" and value in (*_TRUE, *_FALSE):
            error = value in _TRUE
        elif key == "error":
            raise ValueError(f"failed to parse check option {quote(part)}: not a yes or no")
        else:
            raise ValueError(f"invalid check option {quote(key)}")
    return Config(skip=names.get("skip", frozenset()), experimental=names.get("experimental", frozenset()), error=error)


def config_of(file: Dockerfile, build_args: Mapping[str, str]) -> Config:
    """Return the options of a build: the argument's, else the directive's; raises `DiagnosticError`."""
    directive = next((directive for directive in file.directives if directive.name == "check"), None)
    given = build_args.get(ARGUMENT)
    text = given if given is not None else directive.value if directive is not None else ""
    try:
        return parse_config(text)
    except ValueError as error:
        span = None if given is not None or directive is None else directive.span
        raise DiagnosticError([errors.bad_check_option(str(error), span)]) from None


def skipped(node: Instruction) -> frozenset[str]:
    """Return the rules that remarks above an instruction turn off for it."""
    found: frozenset[str] = frozenset()
    for comment in node.comments:
        match = _COMMENT.fullmatch(comment)
        if match:
            try:
                found |= parse_config(match[1]).skip
            except ValueError:
                continue  # a remark that only looks like an option
    return found
