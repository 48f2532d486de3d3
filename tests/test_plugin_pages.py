# SPDX-License-Identifier: Apache-2.0
"""docs/plugins.md: its package is installed and every plugin in it used; docs/configuration.md: every key is real."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core import hookspecs
from ladle.core.api.contracts import METHODS
from ladle.core.entrypoints import HOOKS, KINDS
from tests.support.command import Ladle
from tests.support.distributions import install
from tests.support.fixtures import context
from tests.support.repository import REPOSITORY, tracked

__all__ = ["context"]

PLUGINS = (REPOSITORY / "docs/plugins.md").read_text()
CONFIGURATION = (REPOSITORY / "docs/configuration.md").read_text()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory with the page's package installed in it."""
    project = tomllib.loads(blocks(PLUGINS, "toml")[0])["project"]
    points = {group.removeprefix("ladle."): names for group, names in project["entry-points"].items()}
    text = "\n\n".join(blocks(PLUGINS, "python"))
    place = tmp_path / "site"
    install(place, project["name"], project["version"], points=points, files={"ladle_example.py": text})
    return place


@pytest.fixture
def ladle(tmp_path: Path, site: Path) -> Ladle:
    """Return a `ladle` that finds the package."""
    return Ladle([sys.executable, "-m", "ladle.core.cli"], tmp_path / "store", {"PYTHONPATH": str(site)})


def test_every_kind_is_there_and_usable(ladle: Ladle) -> None:
    found = json.loads(ladle("plugins", "--format", "json").stdout)
    own = {each["kind"]: each for each in found if each["distribution"] == "ladle-example"}
    assert own.keys() == {*KINDS, HOOKS}
    assert {each["state"]: each["reason"] for each in own.values()} == {"ok": ""}


@pytest.mark.root
def test_every_plugin_does_what_the_page_says(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    project = context({"it.shout": "hello", "Dockerfile": "FROM base\nCOPY it.shout /c\n"})
    out = tmp_path / "out"
    ladle("build", project, "-f", project / "it.shout", "-o", f"type=local,dest={out}")
    assert (out / "said").read_text() == "HELLO"
    count = tmp_path / "count"
    flags = ("--build-context", "base=words://a,b", "-o", f"type=count,dest={count}")
    done = ladle("build", project, *flags)
    assert count.read_text() == "3\n"
    assert b"count: 3 files counted" in done.stdout, "the hook has said so"
    (project / "Dockerfile").write_text(
        "FROM host://\nRUN echo $((6*7)) > /said\nFROM scratch\nCOPY --from=0 /said /\n"
    )
    env = {"LADLE_SNAPSHOTTER": "layered"}
    ladle("build", project, "--executor", "patient", "-o", f"type=local,dest={out}", env=env)
    assert (out / "said").read_text() == "42\n"


@pytest.mark.root
def test_the_tests_of_the_page_pass(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(blocks(PLUGINS, "py")[0])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull]
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", f"--basetemp={tmp_path}/own", tmp_path / "test_it.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 15


def test_everything_is_named() -> None:
    for kind in KINDS:
        assert f'"ladle.{kind}"' in PLUGINS
        for method in METHODS[kind]:
            assert f"`{method}`" in PLUGINS or f"def {method}" in PLUGINS or kind in ("executor", "snapshotter"), method
    for name in (name for name in vars(hookspecs) if name.startswith("ladle_")):
        assert f"`{name}`" in PLUGINS
    for state in ("OK", "PARTLY", "BROKEN", "HIDDEN", "TWICE", "OFF"):
        from ladle.core import inventory

        assert f"| `{getattr(inventory, state)}` |" in PLUGINS


def test_every_key_of_the_configuration_is_listed_and_no_other() -> None:
    shown = set(re.findall(r"^\| `\[(\w+)\] (\w+)` \|", CONFIGURATION, re.MULTILINE))
    asked = set()
    for path in tracked("core/*.py", "plugins/*.py", "frontends/*.py"):
        for node in ast.walk(ast.parse((REPOSITORY / path).read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "texts"
                and len(node.args) == 2
                and all(isinstance(each, ast.Constant) for each in node.args)
            ):
                asked.add(tuple(ast.literal_eval(each) for each in node.args))
    assert shown == asked
    example = tomllib.loads(blocks(CONFIGURATION, "toml")[0])
    assert {(section, key) for section, keys in example.items() for key in keys} == shown


def test_the_example_configuration_does_what_the_page_says(
    ladle: Ladle, context: Callable[..., Path], tmp_path: Path
) -> None:
    configuration = tmp_path / "config.toml"
    configuration.write_text(blocks(CONFIGURATION, "toml")[0])
    env = {"LADLE_CONFIG": str(configuration)}
    project = context({"Dockerfile": "FROM scratch\nCOPY it.shout /\n", "it.shout": "x"})
    ladle("build", project, env=env)
    done = ladle("build", project, "-f", project / "it.shout", env=env, check=False)
    assert done.returncode != 0
    assert b"is not allowed by the configuration" in done.stderr


def test_every_variable_is_listed() -> None:
    named = set()
    for path in tracked("core/*.py", "plugins/*.py", "frontends/*.py"):
        if not path.startswith("core/testing/"):
            named |= set(re.findall(r"[\"'](LADLE_[A-Z_]+)[\"']", (REPOSITORY / path).read_text()))
    assert len(named) > 5
    missing = sorted(name for name in named if f"| `{name}` |" not in CONFIGURATION)
    assert not missing
