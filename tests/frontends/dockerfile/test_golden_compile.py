# SPDX-License-Identifier: Apache-2.0
"""What the real BuildKit made of some 100 Dockerfiles: the same ops, names, image configs and errors come out here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError
from ladle.core.api.frontend import BuildResult
from ladle.core.api.platforms import parse_platform
from ladle.core.api.snippets import position
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.definition import Definition
from ladle.llb.metadata import OpMetadata
from ladle.llb.ops import ById, ByName, Copy, ExecOp, FileAction, FileOp, MkDir, SourceOp
from ladle.llb.vertex import Vertex

CASES = Path(__file__).parents[2] / "cases"
GOLDEN = CASES / "golden"
BUSYBOX = "docker.io/library/busybox:latest"
DIGEST = "sha256:23750e8a93de90b37b14c98e49a4c40f469ab72bed9a786ad81504099a569e9b"
EPOCH = "1700000000"

STILL_TO_COME = {
    "add-flags": "--link, --exclude",
    "add-git": "ADD of a repository",
    "copy-link": "--link",
    "copy-parents": "--parents",
    "err-lint-as-error": "lint rules",
    "err-secret-required": "RUN --mount",
    "heredoc-copy": "here-documents",
    "heredoc-copy-flags": "here-documents",
    "heredoc-run-shebang": "here-documents",
    "layers-copy-run-mix": "--link",
    "mount-bind": "RUN --mount",
    "mount-secret": "RUN --mount",
    "mount-ssh": "RUN --mount",
    "mount-tmpfs": "RUN --mount",
}
"""Cases that need a part of the language that is not in yet: they fail, and one that does not must leave this list."""

AT_RUN_TIME = {"err-user-unknown"}
"""Errors that only show when a step runs: here they compile."""

NAMES = sorted(path.name for path in GOLDEN.iterdir())

Run = Callable[..., BuildResult]


@pytest.fixture
def compile_case(make_context: Callable[..., Any]) -> Run:
    """Return a compiler of golden cases."""

    def run(name: str, *, epoch: bool) -> BuildResult:
        folder = GOLDEN / name
        opts = json.loads((folder / "case.json").read_text())["opts"]
        build_args = {key.removeprefix("build-arg:"): value for key, value in opts.items() if key.startswith("build-arg:")}
        if epoch:
            build_args["SOURCE_DATE_EPOCH"] = EPOCH
        options: dict[str, Any] = {"target": opts.get("target", ""), "build_args": build_args}
        if "platform" in opts:
            options["platforms"] = (parse_platform(opts["platform"]),)
        files = {path.name: path.read_bytes() for path in (folder / "context").glob("*dockerignore")}
        files |= {path.name: path.read_bytes() for path in (folder / "context").glob(".dockerignore")}
        context = make_context(
            (folder / "context" / "Dockerfile").read_bytes(),
            options=options,
            files=files,
            images={BUSYBOX: json.loads((CASES / "golden-base" / "config.json").read_text())},
            digest=DIGEST,
        )
        return DockerfileFrontend().compile(context)

    return run


@pytest.mark.parametrize("name", NAMES)
def test_equals_buildkit(name: str, compile_case: Run) -> None:
    if name not in STILL_TO_COME:
        _check(name, compile_case)
        return
    with pytest.raises((DiagnosticError, AssertionError)):
        _check(name, compile_case)


def test_the_list_of_what_is_to_come_names_cases() -> None:
    assert set(NAMES) >= set(STILL_TO_COME)


def _check(name: str, compile_case: Run) -> None:
    if (GOLDEN / name / "error.txt").exists() and name not in AT_RUN_TIME:
        _check_error(name, compile_case)
        return
    plain = compile_case(name, epoch=False).images[0]
    definition = plain.state.marshal(platform=plain.platform)
    if name not in AT_RUN_TIME:
        assert _ours(definition) == _golden(name)
    if (GOLDEN / name / "config.json").exists():
        image = compile_case(name, epoch=True).images[0]
        expected = json.loads((GOLDEN / name / "config.json").read_text())
        expected["rootfs"]["diff_ids"] = []
        assert json.dumps(image.config, indent=1) == json.dumps(expected, indent=1)


def _check_error(name: str, compile_case: Run) -> None:
    found = _errors(name, compile_case)
    lines = (GOLDEN / name / "error.txt").read_text().splitlines()
    message = lines[0].removeprefix("error: failed to solve: ").removeprefix("failed to load LLB: ")
    if message.startswith("dockerfile parse error on line"):
        message = message.partition(": ")[2]
    assert message in [diagnostic.message for diagnostic in found]
    diagnostic = next(diagnostic for diagnostic in found if diagnostic.message == message)
    if lines[1].startswith("Dockerfile:"):
        said = {position(label.span)[0] for label in diagnostic.labels}
        assert int(lines[1].removeprefix("Dockerfile:")) in said


def _errors(name: str, compile_case: Run) -> tuple[Diagnostic, ...]:
    try:
        compile_case(name, epoch=False)
    except DiagnosticError as error:
        return error.diagnostics
    return ()


def _golden(name: str) -> dict[str, Any]:
    """Return the ops that BuildKit made, by name, each with its inputs named too."""
    path = GOLDEN / name / "llb.json"
    lines = path.read_text().splitlines() if path.exists() else []
    parsed = [json.loads(line) for line in lines]
    shown = {entry["Digest"]: _shown(entry["OpMetadata"].get("description", {})) for entry in parsed}
    ops = {}
    for entry in parsed:
        op = dict(entry["Op"])
        if not op["Op"]:
            continue
        op.pop("constraints")
        description = entry["OpMetadata"].get("description", {})
        inputs = [(shown[item["digest"]], item.get("index", 0)) for item in op.pop("inputs", [])]
        ops[_shown(description)] = {"inputs": inputs, "description": description, **op}
    return ops


def _shown(description: dict[str, str]) -> str:
    return description.get("llb.customname", "")


def _ours(definition: Definition) -> dict[str, Any]:
    ops = {}
    for vertex in definition.vertices:
        description = dict(definition.metadata_of(vertex).description)
        inputs = [(_shown(dict(_metadata(definition, edge.vertex).description)), edge.index) for edge in vertex.inputs]
        op: dict[str, Any] = {"inputs": inputs, "description": description, "Op": _op(vertex)}
        if vertex.platform is not None:
            platform = {"Architecture": vertex.platform.architecture, "OS": vertex.platform.os}
            op["platform"] = platform | ({"Variant": vertex.platform.variant} if vertex.platform.variant else {})
        ops[_shown(description)] = op
    return ops


def _metadata(definition: Definition, vertex: Vertex) -> OpMetadata:
    return definition.metadata_of(vertex)


def _op(vertex: Vertex) -> dict[str, Any]:
    """Return an op as BuildKit's JSON: lower camel case, empty values left out."""
    op = vertex.op
    if isinstance(op, SourceOp):
        return {"source": {"identifier": op.identifier} | ({"attrs": dict(op.attrs)} if op.attrs else {})}
    if isinstance(op, ExecOp):
        return {"exec": _json(op)}
    assert isinstance(op, FileOp)
    return {"file": {"actions": [_action(action) for action in op.actions]}}


def _action(action: FileAction) -> dict[str, Any]:
    kinds = {Copy: "copy", MkDir: "mkdir"}
    made = _json(action.action)
    if "attemptUnpack" in made:
        made["attemptUnpackDockerCompatibility"] = made.pop("attemptUnpack")
    return {
        "input": action.input,
        "secondaryInput": action.secondary_input,
        "output": action.output,
        "Action": {kinds[type(action.action)]: made},  # type: ignore[index]
    }


def _json(value: Any) -> Any:
    if isinstance(value, ById):
        return {"User": {"byId": value.id}}
    if isinstance(value, ByName):
        named = {"name": value.name} | ({"input": value.input} if value.input else {})
        return {"User": {"byName": named}}
    if is_dataclass(value):
        pairs = ((_camel(item.name), getattr(value, item.name)) for item in fields(value))
        return {name: _json(item) for name, item in pairs if item or (isinstance(item, ById))}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return int(value) if isinstance(value, IntEnum) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
