# SPDX-License-Identifier: Apache-2.0
"""The rule of layers: who may import whom, and that the engine knows no plugin, not even by a name in a text."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from ladle.frontends.builtin import BUILTIN
from ladle.plugins.builtin import TABLE
from tests.support.repository import REPOSITORY, tracked

ABOVE = ("core/cli/", "core/testing/", "core/engine.py")
"""What stands above the plugins: it hands their tables to the engine."""


def test_the_layers_are_kept() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 4 kept, 0 broken." in done.stdout


def test_the_engine_names_no_plugin() -> None:
    targets = {target for names in [*TABLE.values(), BUILTIN] for target in names.values()}
    modules = {target.partition(":")[0] for target in targets}
    assert len(modules) > 15
    engine = [path for path in tracked("core/*.py") if not path.startswith(ABOVE)]
    assert len(engine) > 150
    for path in engine:
        for node in ast.walk(ast.parse((REPOSITORY / path).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = node.value.partition(":")[0]
                assert named not in modules, f"{path}:{node.lineno} names {named}"


def test_every_plugin_is_in_its_table() -> None:
    """A module of a plugin folder that has a class of the contract is registered: nothing is found by other ways."""
    attribute = {"source": "SCHEMES", "exporter": "NAME", "executor": "NAME", "snapshotter": "NAME"}
    for kind, wanted in attribute.items():
        registered = {target.partition(":")[2] for target in TABLE[kind].values()}
        for path in sorted(Path(REPOSITORY, f"plugins/{kind}s").glob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and any(
                    isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.target.id == wanted
                    for each in node.body
                ):
                    assert node.name in registered, f"{path}: {node.name} is not in plugins/builtin.py"
