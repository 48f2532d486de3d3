# SPDX-License-Identifier: Apache-2.0
"""What the graph of a frontend that comes with a build may have: what the user granted to this build, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle

Write = Callable[..., Path]
HEAD = """from ladle.frontends.sdk import frontend, llb
from ladle.llb.mounts import secret, ssh
from ladle.llb.ops.exec import NetMode, SecurityMode


@frontend
def compile(context):
"""
PYTHON = """from ladle.frontends.python import llb, target
from ladle.llb.mounts import secret, ssh
from ladle.llb.ops.exec import NetMode, SecurityMode


@target
def app():
"""
STEPS = {
    "secret": ('.run(["sh", "-c", "wc -c < /run/secrets/key"], mounts=[secret("key")]).root', "key", "--secret"),
    "ssh": ('.run(["true"], mounts=[ssh("/agent", id="mine")]).root', "mine", ""),
    "network": ('.run(["true"], network=NetMode.HOST).root', "network.host", "--allow=network.host"),
    "insecure": (
        '.run(["true"], security=SecurityMode.INSECURE).root',
        "security.insecure",
        "--allow=security.insecure",
    ),
}


def files(kind: str, result: str) -> dict[str, str]:
    """Return a build by a file frontend, or by a Python program."""
    if kind == "python":
        return {"ladle.py": f"{PYTHON}    return {result}\n"}
    return {"Dockerfile": "# syntax=./it.py\n", "it.py": f"{HEAD}    return {result}\n"}


@pytest.mark.root
@pytest.mark.parametrize("kind", ["file", "python"])
@pytest.mark.parametrize("what", STEPS)
def test_only_what_was_granted(kind: str, what: str, ladle: Ladle, context: Write, tmp_path: Path) -> None:
    step, name, flag = STEPS[what]
    directory = context(files(kind, f"llb.host(){step}"))
    refused = ladle("build", directory, check=False)
    said = refused.stderr.decode()
    assert refused.returncode == 1
    assert name in said
    assert "Traceback" not in said
    if what == "secret":
        (tmp_path / "key").write_text("hidden")
        ladle("build", f"--secret=id=key,src={tmp_path}/key", directory)
        other = ladle("build", f"--secret=id=other,src={tmp_path}/key", "--no-cache", directory, check=False)
        assert (other.returncode, "key" in other.stderr.decode()) == (1, True)
    elif flag:
        ladle("build", flag, directory)


@pytest.mark.parametrize("kind", ["file", "python"])
def test_a_secret_is_not_read_by_way_of_a_solved_step(kind: str, ladle: Ladle, context: Write, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden")
    step = 'llb.host().run(["sh", "-c", "cp /run/secrets/key /leak"], mounts=[secret("key")]).root'
    read = f"context.solve({step}).read('/leak')" if kind == "file" else f"({step}).solve().read('/leak')"
    directory = context(files(kind, f"llb.scratch().mkfile('/leak', {read})"))
    done = ladle("build", f"--secret=id=key,src={tmp_path}/key", "-o", tmp_path / "out", directory, check=False)
    assert done.returncode == 1
    assert "error[FE0021]" in done.stderr.decode()
    assert not (tmp_path / "out").exists()


def test_a_graph_that_a_step_makes_is_not_solved_for_a_frontend(ladle: Ladle, context: Write) -> None:
    graph = "llb.build(llb.scratch().mkfile('/graph', b''), filename='graph')"
    done = ladle("build", context(files("file", f"context.solve({graph}) and llb.scratch()")), check=False)
    assert (done.returncode, "error[FE0022]" in done.stderr.decode()) == (1, True)


def test_local_directories_are_those_of_the_build(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/x").write_text("other")
    directory = context(files("file", "llb.scratch().copy(llb.local('other'), '/x', '/x')"))
    done = ladle("build", directory, check=False)
    assert (done.returncode, "other" in done.stderr.decode()) == (1, True)
    assert "Traceback" not in done.stderr.decode()


def test_two_builds_with_one_frontend_at_once(ladle: Ladle, context: Write) -> None:
    directory = context(files("file", "llb.scratch().mkfile('/a', 'x')"))
    running = [ladle.start("build", "--no-cache", directory) for _ in range(3)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
