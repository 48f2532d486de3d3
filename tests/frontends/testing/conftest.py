# SPDX-License-Identifier: Apache-2.0
"""Frontends in files, and pytest run on tests of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LINES = '''"""Each line of the build file is a step."""
from ladle.frontends.sdk import Image, error, frontend, llb, warning


@frontend(files=["*.lines"])
def compile(context):
    state = llb.image("busybox")
    for number, line in enumerate(context.build_file()[1].decode().splitlines(), 1):
        if line.startswith("!"):
            raise error(context, "a line may not begin with !", line=number, code="LN0001")
        if line.startswith("?"):
            warning(context, "what?", line=number, code="LN0002")
        state = state.run(["sh", "-c", line]).root
    return Image(state, cmd=["sh"])
'''


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Return a frontend of which each line is a step."""
    path = tmp_path / "lines.py"
    path.write_text(LINES)
    return path


@pytest.fixture
def run_pytest(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs pytest on a test file with ladle's plugin and, if wanted, others."""

    def run(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        more = [] if "syrupy" in arguments else ["-p", "no:syrupy"]
        plugin = ["-p", "ladle.frontends.testing.plugin"] if not registered() else []
        rest = [argument for argument in arguments if argument != "syrupy"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(
            [*command, *more, *plugin, *rest],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "INTERNALERROR" not in done.stdout + done.stderr, done.stderr
        return done

    return run


def registered() -> bool:
    """Say whether this installation knows the plugin by its entry point."""
    from importlib.metadata import entry_points

    return any(entry.name == "ladle" for entry in entry_points(group="pytest11"))
