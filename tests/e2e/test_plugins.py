# SPDX-License-Identifier: Apache-2.0
"""Plugins of strangers in whole commands: found, listed with what is wrong, limited, traced, told of builds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle
from tests.support.distributions import SHOUT, install, remove, settle

HOOKS = """
import os
from ladle.core.hookspecs import hookimpl

def note(*words):
    with open(os.environ["NOTES"], "a") as file:
        print(*words, file=file)

class Whisper:
    NAME = "whisper"
    VERSION = "3"

    @classmethod
    def detect(cls, path, head):
        return False

    def compile(self, context):
        from shout import Shout
        return Shout().compile(context)

@hookimpl
def ladle_frontends():
    return [Whisper]

@hookimpl
def ladle_solve_started(vertices):
    note("solving", len(vertices))

@hookimpl
def ladle_vertex_finished(name, seconds):
    note("finished", name, seconds >= 0)

@hookimpl
def ladle_vertex_cached(name):
    note("cached", name)

@hookimpl
def ladle_vertex_failed(name, error):
    note("failed", name, error)

@hookimpl
def ladle_export_finished(exporter, summary):
    note("exported", exporter)
"""
MISSPELLED = "from ladle.core.hookspecs import hookimpl\n@hookimpl\ndef ladle_vertex_finnished(name):\n    pass\n"
WRONG = "from ladle.core.hookspecs import hookimpl\n@hookimpl\ndef ladle_vertex_cached(nmae):\n    pass\n"
CLASSLESS = (
    "from ladle.core.hookspecs import hookimpl\n@hookimpl\ndef ladle_sources():\n    return ['no class']\n"
    "@hookimpl\ndef ladle_vertex_cached():\n    pass\n"
)
RAISING = (
    "from ladle.core.hookspecs import hookimpl\n@hookimpl\ndef ladle_solve_started():\n    raise OSError('mine')\n"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a directory with a working frontend."""
    place = tmp_path / "site"
    install(place, "shouting", "1.2", points={"frontend": {"shout": "shout:Shout"}}, files={"shout.py": SHOUT})
    return place


@pytest.fixture
def ladle(tmp_path: Path, site: Path) -> Ladle:
    """Return a `ladle` that finds what is in that directory."""
    environment = {"PYTHONPATH": str(site), "NOTES": str(tmp_path / "notes"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return Ladle([sys.executable, "-m", "ladle.core.cli"], tmp_path / "store", environment)


def listed(ladle: Ladle, **env: str) -> dict[tuple[str, str, str], Any]:
    found = json.loads(ladle("plugins", "--format", "json", env=env).stdout)
    return {(each["kind"], each["name"], each["distribution"]): each for each in found}


def add(site: Path, name: str, text: str, **points: str) -> None:
    install(site, name, points={kind: {name: target} for kind, target in points.items()}, files={f"{name}.py": text})


def test_every_plugin_is_listed_and_what_is_wrong_with_it(ladle: Ladle, site: Path) -> None:
    add(site, "exploding", "raise RuntimeError('at import')", source="exploding:Source")
    add(site, "leaving", "raise SystemExit(3)", exporter="leaving:Exporter")
    add(site, "hollow", "class Hollow:\n    NAME = 'hollow'\n    VERSION = '1'\n", frontend="hollow:Hollow")
    install(site, "rival", points={"frontend": {"shout": "shout:Shout", "dockerfile": "shout:Shout"}}, files={})
    add(site, "misspelled", MISSPELLED, hooks="misspelled")
    add(site, "wrong", WRONG, hooks="wrong")
    add(site, "classless", CLASSLESS, hooks="classless")
    found = listed(ladle)
    own = {key: each for key, each in found.items() if each["builtin"]}
    assert {kind for kind, _, _ in own} == {"frontend", "source", "exporter", "executor", "snapshotter"}
    assert {each["state"] for each in own.values()} == {"ok"}
    for key, state, reason in [
        (("source", "exploding", "exploding"), "broken", "RuntimeError: at import"),
        (("exporter", "leaving", "leaving"), "broken", "SystemExit: 3"),
        (("frontend", "hollow", "hollow"), "broken", "it has no method detect; it has no method compile"),
        (("frontend", "shout", "shouting"), "twice", "rival 1.0"),
        (("frontend", "shout", "rival"), "twice", "shouting 1.2"),
        (("frontend", "dockerfile", "rival"), "hidden", "ladle has one of its own"),
        (("hooks", "misspelled", "misspelled"), "partly", "did you mean 'ladle_vertex_finished'?"),
        (("hooks", "wrong", "wrong"), "broken", "nmae"),
        (("hooks", "classless", "classless"), "partly", "'no class' is no class"),
    ]:
        assert found[key]["state"] == state, key
        assert reason in found[key]["reason"]
        assert not found[key]["usable"]
    table = ladle("plugins").stdout.decode()
    assert ["frontend", "hollow", "1.0", "hollow", "1.0", "broken"] in [line.split() for line in table.splitlines()]
    assert "RuntimeError: at import" in table


def test_a_broken_plugin_stops_nothing_else(ladle: Ladle, site: Path, context: Callable[..., Path]) -> None:
    add(site, "exploding", "raise RuntimeError('at import')", source="exploding:Source", frontend="exploding:Frontend")
    add(site, "wrong", WRONG, hooks="wrong")
    add(site, "misspelled", MISSPELLED, hooks="misspelled")
    project = context({"x.shout": "hello", "Dockerfile": "FROM scratch\nCOPY x.shout /\n"})
    done = ladle("build", project, "-f", project / "x.shout", "--syntax", "shout")
    said = done.stderr.decode()
    assert "the hooks 'wrong' of wrong 1.0 are not as ladle calls them" in said
    assert "have 'ladle_vertex_finnished', which ladle never calls" in said
    done = ladle("build", project, "--syntax", "exploding", check=False)
    assert done.returncode == 1
    assert b"error[LA0112]: the frontend 'exploding' of exploding 1.0 cannot be loaded" in done.stderr
    assert b"upgrade or uninstall exploding" in done.stderr


def test_two_plugins_of_one_name(ladle: Ladle, site: Path, context: Callable[..., Path]) -> None:
    install(site, "rival", points={"frontend": {"shout": "shout:Shout"}}, files={})
    project = context({"x": "# syntax=shout\nhello"})
    done = ladle("build", project, "-f", project / "x", check=False)
    assert done.returncode == 1
    assert b"error[LA0110]: two frontend plugins are called 'shout'" in done.stderr
    assert b"name the distributions that you want in LADLE_PLUGINS" in done.stderr
    ladle("build", project, "-f", project / "x", env={"LADLE_PLUGINS": "shouting"})


def test_a_variable_limits_them(ladle: Ladle, context: Callable[..., Path]) -> None:
    project = context({"x": "# syntax=shout\nhello"})
    ladle("build", project, "-f", project / "x")
    done = ladle("build", project, "-f", project / "x", env={"LADLE_PLUGINS": ""}, check=False)
    assert done.returncode == 2
    assert b"shout" in done.stderr
    off = listed(ladle, LADLE_PLUGINS="")["frontend", "shout", "shouting"]
    assert (off["state"], off["reason"]) == ("off", "LADLE_PLUGINS does not name it")
    assert listed(ladle, LADLE_PLUGINS="frontend/shout")["frontend", "shout", "shouting"]["state"] == "ok"


def test_observers_are_told_of_a_build_and_register_plugins(
    ladle: Ladle, site: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    add(site, "noting", HOOKS, hooks="noting")
    assert listed(ladle)["frontend", "whisper", "noting"]["state"] == "ok"
    project = context({"x": "# syntax=whisper\nhello", "Dockerfile": "FROM scratch\nCOPY x /\n"})
    flags = ("build", project, "-f", project / "x", "-o", f"type=local,dest={tmp_path}/out")
    ladle(*flags)
    assert (tmp_path / "out/said").read_text() == "# SYNTAX=WHISPER\nHELLO"
    notes = (tmp_path / "notes").read_text().splitlines()
    assert notes[0] == "solving 1"
    assert notes[-1] == "exported local"
    assert any(line.startswith("finished ") and line.endswith(" True") for line in notes)
    (project / "Dockerfile").write_text("FROM scratch\nCOPY x /\nCOPY absent /\n")
    (tmp_path / "notes").unlink()
    assert ladle("build", project, check=False).returncode == 1
    assert "failed " in (tmp_path / "notes").read_text()


def test_an_observer_that_fails_is_told_once_and_the_build_goes_on(
    ladle: Ladle, site: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    add(site, "raising", RAISING, hooks="raising")
    project = context({"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    done = ladle("build", project, "-o", f"type=local,dest={tmp_path}/out")
    said = done.stderr.decode()
    assert said.count("the hook ladle_solve_started of raising 1.0 failed: OSError: mine") == 1
    assert (tmp_path / "out/Dockerfile").exists()


def test_what_is_done_with_plugins_can_be_followed(ladle: Ladle, site: Path, context: Callable[..., Path]) -> None:
    add(site, "noting", HOOKS, hooks="noting")
    project, env = context({"x": "# syntax=shout\nhello"}), {"LADLE_TRACE_PLUGINS": "1"}
    said = ladle("build", project, "-f", project / "x", env=env).stderr.decode()
    for text in (
        "plugins: scanned ",
        "plugins: loaded frontend/shout of shouting 1.2 from shout:Shout, ",
        "plugins: loaded the hooks noting of noting 1.0 from noting, ",
        "plugins: called ladle_solve_started of noting 1.0, ",
    ):
        assert text in said
    settle(site)  # the first import has left bytecode there
    ladle("plugins", env=env)
    again = ladle("plugins", env=env).stderr.decode()
    assert "plugins: read what an earlier scan of" in again
    assert "plugins: scanned" not in again
    assert "plugins:" not in ladle("build", project, "-f", project / "x", "--no-cache").stderr.decode()


def test_a_cached_build_looks_for_no_plugin_and_has_no_pluggy(
    ladle: Ladle, site: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    add(site, "noting", HOOKS, hooks="noting")
    project = context({"x": "# syntax=shout\nhello"})
    ladle("build", project, "-f", project / "x")
    (tmp_path / "notes").unlink()
    env = {"LADLE_TRACE_PLUGINS": "1", "PYTHONPROFILEIMPORTTIME": "1"}
    said = ladle("build", project, "-f", project / "x", env=env).stderr.decode()
    assert "1 steps, 1 cached" in said
    assert "plugins:" not in said
    assert "ladle.core.cli.fast" in said
    assert "pluggy" not in said
    assert "shout" not in [line.split()[-1] for line in said.splitlines() if line.startswith("import time:")]
    assert not (tmp_path / "notes").exists()
    remove(site, "shouting")
    done = ladle("build", project, "-f", project / "x", check=False)
    assert done.returncode == 2, "what is no longer installed is not in the cache either"
