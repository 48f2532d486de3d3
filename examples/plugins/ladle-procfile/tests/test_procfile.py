# SPDX-License-Identifier: Apache-2.0
"""What projects become: graphs as text, image configs, errors with their places. Nothing is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ladle_procfile import ProcfileFrontend

from ladle.core.api.frontend import HostBase
from ladle.frontends.testing import FakeContext, FrontendContract, compiled, failure, shown

WEB = "web: gunicorn --bind :$PORT app:app  # the shell's\nworker: python worker.py\n"
FILES = {"requirements.txt": "gunicorn==22.0\n-r more/base.txt\n", "more/base.txt": "flask>=3\n"}
SNAPSHOTS = Path(__file__).parent / "snapshots"


class TestContract(FrontendContract):
    frontend = ProcfileFrontend
    text = WEB
    bad = "web gunicorn\n"
    context: ClassVar[Any] = {"filename": "Procfile", "files": FILES}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("requirements", {**FILES, ".dockerignore": "tests\n"}),
        ("pyproject", {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["flask"]\n[build-system]\n'}),
        ("after-source", {"requirements.txt": "-f vendor\nx\n", "Aptfile": "libpq5\n", "runtime.txt": "python-3.12"}),
        ("empty", {"requirements.txt": ""}),
    ],
)
def test_the_graph_of_a_project(name: str, files: dict[str, str]) -> None:
    context = FakeContext(WEB, filename="Procfile", files=files)
    made = shown(ProcfileFrontend().compile(context))
    said = "".join(f"warning: {each.message}\n" for each in context.warnings)
    assert said + made + "\n" == (SNAPSHOTS / f"{name}.txt").read_text()


def test_a_change_of_the_source_changes_no_earlier_step() -> None:
    def steps(files: dict[str, str]) -> list[str]:
        return shown(compiled(ProcfileFrontend, WEB, filename="Procfile", files=files)).split("\n\n")

    assert steps(FILES) == steps({**FILES, "app.py": "print()"})


def config(text: str = WEB, **more: Any) -> dict[str, Any]:
    result = compiled(ProcfileFrontend, text, **{"filename": "Procfile", "files": FILES, **more})
    found: dict[str, Any] = result.images[0].config["config"]
    return found


def test_the_image_runs_its_process() -> None:
    web = config(labels={"a": "b"})
    assert web["Entrypoint"] == ["/bin/sh", "-c", "exec gunicorn --bind :$PORT app:app  # the shell's"]
    assert web["ExposedPorts"] == {"8080/tcp": {}}
    assert "PORT=8080" in web["Env"]
    assert [text for text in web["Env"] if text.startswith("PATH=/opt/venv/bin:")]
    assert web["User"] == "1000:1000"
    assert web["Labels"] == {"a": "b"}
    worker = config(target="worker")
    assert worker["Entrypoint"][2] == "exec python worker.py"
    assert "ExposedPorts" not in worker
    assert config("clock: tick", arguments=())["Entrypoint"][2] == "exec tick"


def test_the_base_can_be_another() -> None:
    images = {"docker.io/library/python:3.11": {"Env": ["PATH=/x", "LANG=C"], "Cmd": ["python3"]}}
    made = config(images=images, arguments=("base=python:3.11", "port=5000"))
    assert made["Env"][0] == "LANG=C"
    assert "Cmd" not in made
    assert "5000/tcp" in made["ExposedPorts"]
    host = compiled(
        ProcfileFrontend,
        WEB,
        filename="Procfile",
        files=FILES,
        host=HostBase(dirs=("/usr",)),
        arguments=("base=host://",),
    )
    assert "host:///usr" in shown(host)


MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no process": ("# nothing\n", {}, "PROC0003"),
    "not a process": ("web: x\nnonsense\n", {}, "Procfile:2:1"),
    "empty command": ("web:\n", {}, "PROC0001"),
    "twice": ("web: x\nweb: y\n", {}, "there are two processes 'web'"),
    "no target": (WEB, {"target": "wroker"}, "did you mean 'worker'?"),
    "no web": ("a: x\nb: y\n", {}, "name one with --target: a, b"),
    "argument": (WEB, {"arguments": ("bsae=x",)}, "base=VALUE, port=VALUE"),
    "port": (WEB, {"arguments": ("port=x",)}, "PROC0005"),
    "no project": (WEB, {"files": {}}, "PROC0006"),
    "include": (WEB, {"files": {"requirements.txt": "a\n-r b.txt\n"}}, "requirements.txt:2:1"),
    "cycle": (WEB, {"files": {"requirements.txt": "-r b.txt\n", "b.txt": "-r requirements.txt"}}, "PROC0009"),
    "toml": (WEB, {"files": {"pyproject.toml": "[project\n"}}, "pyproject.toml cannot be read"),
    "dependencies": (WEB, {"files": {"pyproject.toml": "[project]\ndependencies = 7\n"}}, "is a list of texts"),
    "apt": (WEB, {"files": {**FILES, "Aptfile": "a-package\n; rm -rf /\n"}}, "'; rm -rf /' in line 2"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_with_their_places(name: str) -> None:
    text, words, expected = MISTAKES[name]
    assert expected in failure(ProcfileFrontend, text, **{"filename": "Procfile", "files": FILES, **words})


def test_the_processes_are_targets() -> None:
    made = ProcfileFrontend().targets(FakeContext(WEB, filename="Procfile"))
    assert [row["name"] for row in made.data["targets"]] == ["web", "worker"]
    assert "worker  python worker.py\n" in made.text


def test_it_is_found_by_name() -> None:
    detect: Callable[[str, bytes], bool] = ProcfileFrontend.detect
    assert [detect(name, b"") for name in ("Procfile", "sub/Procfile", "Procfile.txt")] == [True, True, False]
