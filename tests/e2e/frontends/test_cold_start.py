# SPDX-License-Identifier: Apache-2.0
"""What is imported inside the sandbox of a frontend in one file: the time of its cold start is spent on that."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.support.command import Ladle

HEAVY = {"lark", "yaml", "asyncio", "click", "httpx", "ssl", "logging", "subprocess", "pluggy", "ladle.core.build"}
PROGRAM = """
import sys
from ladle.frontends.sdk import frontend, lines, llb

@frontend
def compile(context):
    state = llb.scratch()
    for line in lines(context):
        state = state.mkfile("/" + line.words[0], line.text)
    return state.mkfile("/modules", "\\n".join(sys.modules))
"""


def test_few_modules_are_imported(ladle: Ladle, context: Callable[..., Path]) -> None:
    directory = context({"Dockerfile": "# syntax=./it.py\nhello\n", "it.py": PROGRAM})
    done = ladle("build", "-o", "-", directory)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        modules = tar.extractfile("modules").read().decode().split("\n")  # type: ignore[union-attr]
    assert "ladle.frontends.process.serve" in modules
    assert sorted(HEAVY.intersection(modules)) == []
    assert len(modules) <= 180, sorted(modules)
