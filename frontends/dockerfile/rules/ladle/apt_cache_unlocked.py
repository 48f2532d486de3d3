# SPDX-License-Identifier: Apache-2.0
"""ladle/AptCacheUnlocked."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile.ast import Run, Word
from ladle.frontends.dockerfile.mounts import parse_mount
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding, is_written

_PLACES = ("/var/cache/apt", "/var/cache/apt/archives", "/var/lib/apt", "/var/lib/apt/lists")
_SHARING = re.compile(r",sharing=(?:shared|private)(?=,|$)")


def check(view: View) -> Iterator[Finding]:
    """Find cache mounts for apt that two steps may write at the same time."""
    for node in view.built():
        for word in node.words_of("mount") if isinstance(node, Run) else ():
            try:
                asked = parse_mount(word, view.facts.text)
            except DiagnosticError:
                continue  # that is an error of its own
            place = posixpath.normpath(asked.target or "/")
            if asked.kind == "cache" and place in _PLACES and asked.sharing != "locked":
                message = f"The cache of apt at {place} should be mounted with sharing=locked"
                yield finding(node, message, word.span, label="two steps may hold it at once", edits=_locked(word))


def _locked(word: Word) -> tuple[Edit, ...]:
    if not is_written(word.span, word.text) or '"' in word.text:
        return ()
    return (Edit(word.span, _SHARING.sub("", word.text) + ",sharing=locked"),)


RULE = Rule(
    name="ladle/AptCacheUnlocked",
    description="Cache mounts of apt should be locked",
    why="apt wants its directories for itself. In a mount with `sharing=shared`, which is the default, two steps at "
    "the same time fail with `Could not get lock`, now and then.",
    bad="FROM debian\nRUN --mount=type=cache,target=/var/cache/apt apt-get install -y git\n",
    good="FROM debian\nRUN --mount=type=cache,target=/var/cache/apt,sharing=locked apt-get install -y git\n",
    check=check,
    mends=True,
    help="add sharing=locked",
)
