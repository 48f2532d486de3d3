# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin, as an author meets it: pytest is run on a test of a frontend."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

INLINE = '''
def test_steps(lowers_to):
    lowers_to("lines.py", "make", """
        v1 source docker-image://docker.io/library/busybox:latest
           platform linux/amd64
        v2 exec sh -c make
           platform linux/amd64
           on v1
        result linux/amd64: v2
        config linux/amd64 {"Cmd": ["sh"]}
    """)
'''
SNAPSHOT = 'def test_steps(lowers_to):\n    lowers_to("lines.py", "? make\\n!\\n")\n'
CONTRACT = """
from ladle.frontends.testing import FrontendContract


class TestContract(FrontendContract):
    frontend = "lines.py"
    text = "make"
    bad = "!"
"""


@pytest.mark.usefixtures("lines")
def test_a_graph_is_compared_with_a_text(run_pytest: Run) -> None:
    passed = run_pytest(INLINE)
    assert passed.returncode == 0, passed.stdout
    failed = run_pytest(INLINE.replace("sh -c make", "sh -c test"))
    assert failed.returncode == 1
    assert "-v2 exec sh -c test" in failed.stdout
    assert "+v2 exec sh -c make" in failed.stdout


@pytest.mark.usefixtures("lines")
def test_a_snapshot_is_written_compared_and_readable(run_pytest: Run, tmp_path: Path) -> None:
    assert run_pytest(SNAPSHOT, "syrupy").returncode == 1
    assert run_pytest(SNAPSHOT, "syrupy", "--snapshot-update").returncode == 0
    assert run_pytest(SNAPSHOT, "syrupy").returncode == 0
    (kept,) = (tmp_path / "__snapshots__" / "test_it").iterdir()
    assert "warning[LN0002]: what?" in kept.read_text()
    assert "error[LN0001]: a line may not begin with !" in kept.read_text()
    missing = run_pytest(SNAPSHOT)
    assert missing.returncode == 1


def test_the_contract_is_a_suite(run_pytest: Run, lines: Path) -> None:
    passed = run_pytest(CONTRACT)
    assert passed.returncode == 0, passed.stdout
    assert "5 passed" in passed.stdout
    lines.write_text(lines.read_text().replace('["sh", "-c", line]', '["sh", "-c", *set("abcdefgh")]'))
    failed = run_pytest(CONTRACT.replace('bad = "!"', 'bad = "fine"'))
    assert "2 failed, 3 passed" in failed.stdout
    assert "the bad build file compiles" in failed.stdout


def test_it_costs_a_run_of_pytest_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import ladle.frontends.testing.plugin; "
        "heavy = ('ladle.llb', 'ladle.core', 'msgpack', 'syrupy'); "
        "print(len(set(sys.modules) - before), [name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, _, modules = done.stdout.partition(" ")
    assert int(count) <= 5
    assert modules.strip() == "[]"
