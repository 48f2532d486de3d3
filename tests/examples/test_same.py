# SPDX-License-Identifier: Apache-2.0
"""One application three ways: Dockerfile, YAML and Python make the same graph and the same image config."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.frontend import BuildResult, NamedContext
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.python.frontend import PythonFrontend
from ladle.frontends.testing import compiled, graph_of, same_graph
from ladle.frontends.yaml.frontend import YamlFrontend

SAME = Path(__file__).parents[2] / "examples" / "same"
WAYS = {"Dockerfile": DockerfileFrontend, "ladle.yaml": YamlFrontend, "ladle.py": PythonFrontend}
PYTHON = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"], "Cmd": ["python3"]}
IMAGES: dict[str, dict[str, Any]] = {
    "busybox:1.36": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"]},
    "gcc:13": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "GCC_VERSION=13.2.0"], "Cmd": ["bash"]},
    "debian:bookworm-slim": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["bash"]},
    "python:3.12-slim": PYTHON,
    "golang:1.22": {"Env": ["PATH=/go/bin:/usr/local/go/bin:/usr/bin:/bin", "GOPATH=/go"], "WorkingDir": "/go"},
    "golang:1.23": {"Env": ["PATH=/go/bin:/usr/bin:/bin"], "WorkingDir": "/go"},
    "node:22-slim": {
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["node"],
    },
}
ASKED: list[tuple[str, dict[str, Any]]] = [
    ("page", {}),
    ("page", {"build_args": {"SOURCE_DATE_EPOCH": "1700000000"}}),
    ("tool", {}),
    ("tool", {"build_args": {"version": "2.1"}, "target": "build"}),
    ("web", {}),
    ("web", {"labels": {"team": "kitchen"}, "network": "none", "shm_size": 1 << 20}),
    ("cross", {}),
    ("cross", {"target": "server", "platforms": ("linux/arm64",)}),
    ("cross", {"platforms": ("linux/amd64", "linux/arm64"), "build_args": {"go": "1.23"}}),
    ("report", {"contexts": {"data": NamedContext(name="data", kind="local", local="context:data")}}),
    ("service", {}),
    ("service", {"target": "tests"}),
    ("service", {"no_cache": ()}),
]


def three(name: str, asked: dict[str, Any]) -> list[BuildResult]:
    """Return what the three build files of an application make."""
    made = []
    for file, frontend in WAYS.items():
        text = (SAME / name / file).read_bytes()
        made.append(compiled(frontend, text, filename=file, images=IMAGES, **asked))
    return made


def config_of(result: BuildResult) -> list[dict[str, Any]]:
    """Return the image configs of a result; of the histories how many layers there are: their texts are the file's."""
    configs = []
    for image in result.images:
        config = json.loads(json.dumps(image.config))
        history = config.pop("history") or []
        layers = [entry.get("created", "") for entry in history if not entry.get("empty_layer")]
        configs.append({**config, "layers": layers})
    return configs


@pytest.mark.parametrize(("name", "asked"), ASKED)
def test_three_ways_make_the_same_graph(name: str, asked: dict[str, Any]) -> None:
    dockerfile, yaml, python = three(name, asked)
    assert len(graph_of(dockerfile).vertices) > 1
    same_graph(dockerfile, yaml, python)


@pytest.mark.parametrize(("name", "asked"), ASKED)
def test_three_ways_make_the_same_image_config(name: str, asked: dict[str, Any]) -> None:
    dockerfile, yaml, python = (config_of(each) for each in three(name, asked))
    assert yaml == dockerfile
    assert python == dockerfile


def test_every_example_is_compared() -> None:
    assert {path.name for path in SAME.iterdir() if path.is_dir()} == {name for name, _ in ASKED}
    for name, _ in ASKED:
        assert {path.name for path in (SAME / name).iterdir() if path.is_file()} >= WAYS.keys()


def test_a_difference_is_said_with_its_place() -> None:
    one, other = three("tool", {})[0], three("tool", {"build_args": {"version": "2"}})[1]
    with pytest.raises(AssertionError) as caught:
        same_graph(one, other)
    said = str(caught.value)
    assert "made for Dockerfile:6" in said
    assert "-    env version=1.0" in said
    assert "+    env version=2" in said
