# SPDX-License-Identifier: Apache-2.0
"""Build files in Python by the command: found by name, arguments, helpers, failing steps, programs that misbehave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle

Write = Callable[..., Path]
HEAD = "from ladle.frontends.python import llb, machine, sh, target\n"
APP = """from typing import Literal
from greeting import text

from ladle.frontends.python import Image, llb, target


@target
def app(word: str = "hi", how: Literal["loud", "soft"] = "soft") -> Image:
    \"\"\"Says a word.\"\"\"
    return Image(llb.scratch().mkfile("/said", text(word, how)), cmd=["/said"])


@target
def other() -> Image:
    \"\"\"Something else.\"\"\"
    return Image(llb.scratch().mkfile("/other", "x"))
"""
GREETING = "def text(word, how):\n    return word.upper() if how == 'loud' else word\n"
MISBEHAVING = {
    "name": ("@target\ndef app():\n    return nothing\n", "NameError", "ladle.py:4"),
    "import": ("import not_there\n@target\ndef app(): return llb.scratch()\n", "not_there", "ladle.py:2"),
    "engine": (
        "from ladle.core.engine import Engine\n@target\ndef app(): return llb.scratch()\n",
        'under `if __name__ == "__main__":`',
        "ladle.py:2",
    ),
    "syntax": ("def app(:\n", "syntax", "ladle.py:2"),
    "assertion": ("@target\ndef app():\n    assert 1 == 2, 'sums'\n", "sums", "ladle.py:4"),
    "recursion": ("def f(): return f()\n@target\ndef app(): return f()\n", "RecursionError", "ladle.py:2"),
    "exit": ("import sys\n@target\ndef app(): sys.exit(0)\n", "SystemExit", "ladle.py:4"),
    "memory": ("@target\ndef app():\n    return [bytes(1 << 30) for _ in range(64)]\n", "MemoryError", "ladle.py:4"),
    "os-exit": ("import os\n@target\ndef app(): os._exit(0)\n", "FE0011", "'python'"),
}


def failed(ladle: Ladle, *words: str | Path) -> str:
    """Return what a build says that the build file made fail."""
    done = ladle("build", *words, check=False)
    assert done.returncode == 1
    text = done.stderr.decode()
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(("program", "said", "where"), MISBEHAVING.values(), ids=MISBEHAVING)
def test_a_program_that_misbehaves_is_told(ladle: Ladle, context: Write, program: str, said: str, where: str) -> None:
    text = failed(ladle, context({"ladle.py": HEAD + program}))
    assert said in text
    assert where in text


def test_arguments_targets_and_helpers(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    directory = context({"ladle.py": APP, "greeting.py": GREETING, "unrelated.txt": "1"})
    out = tmp_path / "out"
    command: list[str | Path] = ["build", directory, "--target", "app", "--build-arg", "word=ho", "-o", out]
    ladle(*command)
    assert (out / "said").read_text() == "ho"
    ladle(*command, "--build-arg", "how=loud")
    assert (out / "said").read_text() == "HO"
    directory.joinpath("greeting.py").write_text(GREETING.replace("word.upper()", "word + '!'"))
    ladle(*command, "--build-arg", "how=loud")
    assert (out / "said").read_text() == "ho!"


def test_a_wrong_argument_points_at_its_parameter(ladle: Ladle, context: Write) -> None:
    directory = context({"ladle.py": APP, "greeting.py": GREETING})
    text = failed(ladle, directory, "--target", "app", "--build-arg", "how=lowd")
    assert "ladle.py:8" in text
    assert "loud" in text


@pytest.mark.root
def test_a_failing_step_names_the_line_of_the_helper(ladle: Ladle, context: Write) -> None:
    helper = HEAD + "def broken(base):\n    return base.run(sh('exit 3')).root\n"
    program = HEAD + "import parts\n@target\ndef app():\n    return parts.broken(machine())\n"
    text = failed(ladle, context({"ladle.py": program, "parts.py": helper}))
    assert "parts.py:3" in text
    assert "exit 3" in text
