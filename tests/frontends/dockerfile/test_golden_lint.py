# SPDX-License-Identifier: Apache-2.0
"""What the real BuildKit's checks said of the golden cases: the same is said here, rule, line and text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.platforms import parse_platform
from ladle.frontends.dockerfile.lines import decode
from ladle.frontends.dockerfile.lower import lower
from ladle.frontends.dockerfile.parse import parse
from ladle.frontends.dockerfile.rules.config import config_of
from ladle.frontends.dockerfile.rules.look import view_of
from ladle.frontends.dockerfile.rules.run import run_rules

CASES = Path(__file__).parents[2] / "cases"
GOLDEN = CASES / "golden"
NAMES = sorted(path.name for path in GOLDEN.iterdir())
BUSYBOX = "docker.io/library/busybox:latest"

DIFFERENT = {
    "err-from-args": "BuildKit takes the second word of a FROM of three words for a badly written AS; a file that does "
    "not parse has no tree to check: the mistake alone is told",
}
"""Cases in which we say something else on purpose."""


def expected(name: str) -> list[str]:
    path = GOLDEN / name / "warnings.txt"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def found(name: str, make_context: Callable[..., Any]) -> list[str]:
    """Return what the checks say in a build, in the form of the recordings."""
    folder = GOLDEN / name
    opts = json.loads((folder / "case.json").read_text())["opts"]
    build_args = {key.removeprefix("build-arg:"): value for key, value in opts.items() if key.startswith("build-arg:")}
    options: dict[str, Any] = {"target": opts.get("target", ""), "build_args": build_args}
    if "platform" in opts:
        options["platforms"] = (parse_platform(opts["platform"]),)
    within = folder / "context"
    context = make_context(
        (within / "Dockerfile").read_bytes(),
        options=options,
        files={
            str(path.relative_to(within)): path.read_bytes()
            for path in within.rglob("*")
            if path.is_file() and not path.is_symlink()
        },
        images={BUSYBOX: json.loads((CASES / "golden-base" / "config.json").read_text())},
    )
    try:
        file = parse(decode("Dockerfile", context.text))
        made = lower(file, context, context.options.platforms[0])
    except DiagnosticError:
        return []
    said = run_rules(view_of(file, context, made.build, made.graph), config_of(file, build_args))
    return sorted(
        f"{one.rule.name}\t{_lines(one.finding.lines)}\t{one.text}"
        for one in said
        if not one.rule.name.startswith("ladle/")
    )


def _lines(lines: tuple[int, int]) -> str:
    return str(lines[0]) if lines[0] == lines[1] else f"{lines[0]}-{lines[1]}"


@pytest.mark.row(*(f"CK-{number:02}" for number in range(1, 23)), "CK-26")
@pytest.mark.parametrize("name", NAMES)
def test_equals_buildkit(name: str, make_context: Callable[..., Any]) -> None:
    ours = found(name, make_context)
    if name in DIFFERENT:
        assert ours != expected(name)
    else:
        assert ours == expected(name)
