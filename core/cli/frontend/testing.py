# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend test`: the author's own tests, then the conformance suite over a build file."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

from ladle.core.cli.frontend import errors

_PLUGIN = "ladle.frontends.testing.plugin"
_NOTHING_COLLECTED = 5


def run_test(frontend: str, file: str) -> int:
    """Run both and print what they say; returns 1 if one failed. Raises `UsageError` for what cannot be found."""
    path = frontend or the_frontend(".")
    if not os.path.isfile(path):
        raise errors.no_program(path)
    directory, name = os.path.split(os.path.abspath(path))
    tests = os.path.join(directory, f"test_{name}")
    own = 0
    if os.path.isfile(tests):
        own = _run_pytest(tests)
    elif frontend and not file:
        raise errors.no_test(os.path.relpath(tests))
    from ladle.core.cli.frontend.table import run_conformance

    suite = run_conformance([path], file or sample_beside(path))
    return 1 if own or suite else 0


def the_frontend(directory: str) -> str:
    """Return the one file of a directory that holds a frontend of the SDK; raises `UsageError` for none or several."""
    found = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".py") and not name.startswith("test_") and name != "conftest.py":
            with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                if "@frontend" in file.read():
                    found.append(name)
    if len(found) != 1:
        raise errors.which_file(found)
    return found[0]


def sample_beside(path: str) -> str:
    """Return the `sample.NAME` beside a frontend `NAME.py`, "" without one."""
    directory, name = os.path.split(path)
    sample = os.path.join(directory, f"sample.{name.removesuffix('.py')}")
    return sample if os.path.isfile(sample) else ""


def _run_pytest(tests: str) -> int:
    """Run a test file; a snapshot that is not there yet is written, as the first run of an author has none."""
    if importlib.util.find_spec("pytest") is None:
        raise errors.no_pytest()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    if not _registered():
        command += ["-p", _PLUGIN]
    first = importlib.util.find_spec("syrupy") and not os.path.isdir(f"{os.path.dirname(tests)}/__snapshots__")
    code = subprocess.run([*command, "--snapshot-update"] if first else command, check=False).returncode
    return 0 if code == _NOTHING_COLLECTED else code


def _registered() -> bool:
    """Say whether pytest finds ladle's plugin by itself."""
    from importlib.metadata import entry_points

    return any(entry.value == _PLUGIN for entry in entry_points(group="pytest11"))
