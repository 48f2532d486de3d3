# SPDX-License-Identifier: Apache-2.0
"""Which rules run: directive, build argument, remarks above instructions, and warnings as errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError, Severity
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.rules.config import Config, parse_config

Context = Callable[..., Any]
BODY = "FROM scratch AS Up\nMAINTAINER me\nCMD run\n"
ALL = ["JSONArgsRecommended", "MaintainerDeprecated", "StageNameCasing"]


def warned(make_context: Context, text: str, check: str | None = None) -> list[str]:
    build_args = {} if check is None else {"BUILDKIT_DOCKERFILE_CHECK": check}
    context = make_context(text, options={"build_args": build_args})
    DockerfileFrontend().compile(context)
    return sorted(warning.rule for warning in context.warnings)


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", Config()),
        ("none", Config()),
        ("skip=all", Config(skip=frozenset({"all"}))),
        (" skip = A , B ; error = 1", Config(skip=frozenset({"A", "B"}), error=True)),
        ("experimental=A;error=F", Config(experimental=frozenset({"A"}))),
    ],
)
def test_options(text: str, config: Config) -> None:
    assert parse_config(text) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("skip", 'invalid check option "skip"'),
        ("warn=all", 'invalid check option "warn"'),
        ("error=perhaps", 'failed to parse check option "error=perhaps": not a yes or no'),
    ],
)
def test_wrong_options(make_context: Context, text: str, message: str) -> None:
    for check, body in ((None, f"# check={text}\n{BODY}"), (text, BODY)):
        with pytest.raises(DiagnosticError) as caught:
            warned(make_context, body, check)
        assert (caught.value.code, caught.value.message) == ("DF0091", message)
        assert bool(caught.value.diagnostics[0].labels) == (check is None)


@pytest.mark.row("CK-23", "CK-24", "DF-66")
@pytest.mark.parametrize(
    ("text", "check", "rules"),
    [
        (BODY, None, ALL),
        ("# check=skip=all\n" + BODY, None, []),
        ("# check=skip=JSONArgsRecommended,StageNameCasing\n" + BODY, None, ["MaintainerDeprecated"]),
        ("# check=skip=jsonargsrecommended\n" + BODY, None, ALL),
        ("# check=skip=all\n\n" + BODY, "skip=StageNameCasing", ALL[:2]),
        ("# check=skip=all\n\n" + BODY, "", ALL),
        (BODY.replace("MAIN", "# check=skip=MaintainerDeprecated\nMAIN"), None, [ALL[0], ALL[2]]),
        (BODY.replace("MAIN", "# check=skip=MaintainerDeprecated\n\nMAIN"), None, ALL),
        (BODY.replace("MAIN", "# check=skip=StageNameCasing\nMAIN"), None, ALL),
        (BODY.replace("MAIN", "# check=skip=all\nMAIN"), None, [ALL[0], ALL[2]]),
        (BODY.replace("MAIN", "# check=what\nMAIN"), None, ALL),
    ],
)
def test_what_is_skipped(make_context: Context, text: str, check: str | None, rules: list[str]) -> None:
    assert warned(make_context, text, check) == rules


@pytest.mark.row("CK-23", "CK-25")
def test_warnings_as_errors(make_context: Context) -> None:
    with pytest.raises(DiagnosticError) as caught:
        warned(make_context, "# check=error=true\n" + BODY)
    first, *rest = caught.value.diagnostics
    names = "StageNameCasing, MaintainerDeprecated, JSONArgsRecommended"
    assert (first.code, first.message) == ("DF0090", f"lint violation found for rules: {names}")
    assert [each.rule for each in rest] == names.split(", ")
    assert all(each.severity is Severity.WARNING for each in rest)
    assert first.labels[0].span == rest[0].labels[0].span


def test_nothing_to_say_is_no_error(make_context: Context) -> None:
    assert warned(make_context, "# check=error=true\nFROM scratch\nCOPY a /\n") == []


@pytest.mark.row("CK-26", "DF-58")
def test_only_what_is_built_is_checked(make_context: Context) -> None:
    text = "FROM busybox AS one\nCMD run\nFROM busybox AS two\nCMD run\n"
    context = make_context(text, options={"target": "one"})
    DockerfileFrontend().compile(context)
    assert [warning.labels[0].span.start for warning in context.warnings] == [text.index("CMD")]


def test_each_warning_once_for_many_platforms(make_context: Context) -> None:
    from ladle.core.api.platforms import parse_platform

    platforms = (parse_platform("linux/amd64"), parse_platform("linux/arm64"))
    context = make_context("FROM busybox\nCMD run\n", options={"platforms": platforms})
    DockerfileFrontend().compile(context)
    assert [warning.rule for warning in context.warnings] == ["InvalidBaseImagePlatform", "JSONArgsRecommended"]
