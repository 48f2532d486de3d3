# SPDX-License-Identifier: Apache-2.0
"""What is imported at the start: next to nothing for `--version`, nothing heavy until the fast path has answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"asyncio", "click", "dataclasses", "enum", "httpx", "importlib.metadata", "inspect", "json", "lark"}
HEAVY |= {"logging", "msgpack", "pathlib", "pluggy", "re", "subprocess", "tempfile", "threading", "typing"}
PROBE = """
import sys
before = set(sys.modules)
from ladle.core.cli.main import main
code = main(sys.argv[1:]) if len(sys.argv) > 1 else 0
after = set(sys.modules) - before
import json
print(json.dumps([code, sorted(after)]))
"""


def imported(*argv: str, root: Path, code: str = PROBE) -> tuple[int, set[str]]:
    """Return exit code and modules that a command imports, beyond those of the interpreter."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *argv],
        env={"LADLE_ROOT": str(root)},
        cwd=root.parent,
        capture_output=True,
        check=True,
    )
    found, names = json.loads(done.stdout.splitlines()[-1])
    return found, set(names)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_costs_nothing(tmp_path: Path, flag: str) -> None:
    code, names = imported(flag, root=tmp_path / "store")
    assert code == 0
    assert {name for name in names if name.startswith("ladle")} <= {
        "ladle",
        "ladle.core",
        "ladle.core.cli",
        "ladle.core.cli.main",
        "ladle.core.version",
    }
    assert not names & HEAVY


def test_the_fast_path_is_light(tmp_path: Path) -> None:
    code = PROBE.replace("code = main(sys.argv[1:])", "from ladle.core.cli.fast import try_cached as code; code = 0")
    _, names = imported("build", root=tmp_path / "store", code=code)
    assert "ladle.core.cli.fast" in names
    assert not names & HEAVY
    assert not [name for name in names if name.startswith(("ladle.plugins", "ladle.frontends", "ladle.llb"))]


def test_a_store_is_opened_without_anything_heavy(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "ladle.db").touch()
    code = PROBE.replace(
        "code = main(sys.argv[1:])", "from ladle.core.cli.fast import try_cached; code = try_cached(sys.argv[1:]) or 7"
    )
    asked, names = imported(".", root=tmp_path / "store", code=code)
    assert asked == 7
    assert {"ladle.core.store.store", "ladle.core.build.memo"} <= names
    assert not names & HEAVY - {"re", "enum", "typing"}


CACHED_MODULES = 60
FULL_MODULES, COMPILE_MODULES = 310, 335
"""What a start may import beyond the interpreter's own, in modules: time differs by the machine, this does not."""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """Return a context whose build needs no worker's step but a COPY."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    (context / "a").write_text("a")
    return context


def test_the_modules_of_cached_and_full_builds_are_counted(tmp_path: Path, context: Path) -> None:
    root = tmp_path / "store"
    assert imported("build", str(context), root=root)[0] == 0
    code, names = imported("build", str(context), root=root)
    assert code == 0
    assert not [name for name in names if name.startswith(("click", "asyncio", "dataclasses", "ladle.frontends"))]
    assert len(names) <= CACHED_MODULES
    code, names = imported("build", "-o", f"type=oci,dest={tmp_path / 'out.tar'}", str(context), root=root)
    assert code == 0
    assert "ladle.plugins.exporters.oci" in names
    assert not [name for name in names if name.startswith(("click", "lark", "httpx", "ladle.core.cli.frontend"))]
    assert {name for name in names if name.startswith("ladle.frontends.dockerfile.")} == {
        "ladle.frontends.dockerfile.frontend"
    }
    assert len(names) <= FULL_MODULES


def test_the_modules_of_a_compile_are_counted(tmp_path: Path, context: Path) -> None:
    graph = str(tmp_path / "graph")
    imported("compile", str(context), "-o", graph, root=tmp_path / "store")
    (context / "Dockerfile").write_text("FROM scratch\nCOPY a /b\n")
    code, names = imported("compile", str(context), "-o", graph, root=tmp_path / "store")
    assert code == 0
    assert "lark" in names
    assert not names & {"click", "asyncio", "httpx", "ladle.core.worker.client", "ssl"}
    assert len(names) <= COMPILE_MODULES
    again, cached = imported("compile", str(context), "-o", graph, root=tmp_path / "store")
    assert again == 0
    assert not cached & {"lark", "click", "asyncio", "ladle.frontends.dockerfile.parse"}


def test_the_core_alone_names_no_plugin(tmp_path: Path) -> None:
    code = "import sys, json, ladle.core.build.build; print(json.dumps([0, sorted(sys.modules)]))"
    _, names = imported(root=tmp_path / "store", code=code)
    assert not [name for name in names if name.startswith(("ladle.plugins", "ladle.frontends", "click"))]
