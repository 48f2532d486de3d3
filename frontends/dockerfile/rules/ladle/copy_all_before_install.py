# SPDX-License-Identifier: Apache-2.0
"""ladle/CopyAllBeforeInstall."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.core.api.patterns import clean
from ladle.frontends.dockerfile.ast import Copy, Instruction, Run
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding, run_text

_INSTALL = re.compile(
    r"\b(?:npm (?:ci|install|i)\b(?! +-g)|yarn install|pnpm (?:i|install|fetch)\b|bun install|"
    r"pip3? install (?:\S+ )*(?:-r|--requirement)|poetry install|"
    r"uv (?:sync|pip install (?:\S+ )*-r)|pdm (?:sync|install)|"
    r"pipenv (?:sync|install)|bundle install|composer install|go mod (?:download|vendor)|cargo (?:fetch|vendor)|"
    r"mvn (?:\S+ )*dependency:|gradlew? (?:\S+ )*dependencies|mix deps\.get|dotnet restore)"
)


def check(view: View) -> Iterator[Finding]:
    """Find a copy of the whole context before the first step that installs what others have written."""
    whole = {id(node): node for node, _, path in view.copied() if clean("/" + path) == "/"}
    for stage in view.reached:
        copy: Copy | None = None
        for node in view.nodes(stage):
            found = _install(node)
            if found and copy is not None:
                yield finding(
                    copy,
                    f"The whole context is copied before `{found}`: every change of a file installs everything again",
                    label="copy only what names the dependencies",
                )
            if found:
                break
            copy = copy or whole.get(id(node))


def _install(node: Instruction) -> str:
    found = _INSTALL.search(run_text(node)) if isinstance(node, Run) else None
    return found[0] if found else ""


RULE = Rule(
    name="ladle/CopyAllBeforeInstall",
    description="Dependencies should be installed before the whole context is copied",
    why="A step runs again when anything that was copied before it has changed. Copy the files that name the "
    "dependencies, install, then copy the rest.",
    bad="FROM node\nCOPY . .\nRUN npm ci\n",
    good="FROM node\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n",
    check=check,
    help="copy the files that name the dependencies first, then install, then copy the rest",
)
