# SPDX-License-Identifier: Apache-2.0
"""What the real BuildKit made of some 100 Dockerfiles: the same ops, names, image configs and errors come out here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.diagnostics import Diagnostic, DiagnosticError
from ladle.core.api.frontend import BuildResult
from ladle.core.api.platforms import parse_platform
from ladle.core.api.snippets import position
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.protobuf import to_json_llb

CASES = Path(__file__).parents[2] / "cases"
GOLDEN = CASES / "golden"
BUSYBOX = "docker.io/library/busybox:latest"
DIGEST = "sha256:23750e8a93de90b37b14c98e49a4c40f469ab72bed9a786ad81504099a569e9b"
EPOCH = "1700000000"

STILL_TO_COME: dict[str, str] = {}
"""Cases that need a part of the language that is not in yet: they fail, and one that does not must leave this list."""

AT_RUN_TIME = {"err-secret-required", "err-security-insecure", "err-user-unknown"}
"""Errors that only show when a step runs: here they compile."""

NAMES = sorted(path.name for path in GOLDEN.iterdir())

Run = Callable[..., BuildResult]


@pytest.fixture
def compile_case(make_context: Callable[..., Any]) -> Run:
    """Return a compiler of golden cases."""

    def run(name: str, *, epoch: bool) -> BuildResult:
        folder = GOLDEN / name
        opts = json.loads((folder / "case.json").read_text())["opts"]
        build_args = {
            key.removeprefix("build-arg:"): value for key, value in opts.items() if key.startswith("build-arg:")
        }
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


@pytest.mark.row("DF-12", "DF-13", "DF-23", *(f"DF-{number}" for number in range(25, 43)), "DF-88", "CK-31")
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
        assert _plain(to_json_llb(definition)) == _plain(_golden(name))
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


def _golden(name: str) -> list[dict[str, Any]]:
    """Return the ops that BuildKit made."""
    return [json.loads(line) for line in (GOLDEN / name / "llb.json").read_text().splitlines()]


def _plain(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return ops without what ladle does not say (caps) and, where the files of the caller take part, without digests:
    the recording took the session's name out of them after they were computed. Their order is nobody's business."""
    shown = {entry["Digest"]: _shown(entry) for entry in entries}
    local = any("local://" in json.dumps(entry["Op"]) for entry in entries)
    out = []
    for entry in entries:
        op, metadata = dict(entry["Op"]), dict(entry["OpMetadata"])
        metadata.pop("caps", None)
        op["inputs"] = [{**edge, "digest": shown[edge["digest"]]} for edge in op.get("inputs", [])]
        out.append({"op": op, "metadata": metadata, "digest": "" if local else entry["Digest"]})
    return sorted(out, key=lambda entry: json.dumps(entry, sort_keys=True))


def _shown(entry: dict[str, Any]) -> str:
    return str(entry["OpMetadata"].get("description", {}).get("llb.customname", ""))
