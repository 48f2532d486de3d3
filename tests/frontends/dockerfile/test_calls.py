# SPDX-License-Identifier: Apache-2.0
"""What a file is asked without a build: checks, outline, targets, and what can be mended."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile.frontend import DockerfileFrontend

Context = Callable[..., Any]
FILE = """\
# VERSION what to build
ARG VERSION=1
ARG UNUSED
# base everything else stands on it
FROM busybox:${VERSION} AS base
ARG LEVEL=3
RUN --mount=type=secret,id=token,required=true --mount=type=ssh x
FROM --platform=linux/amd64 base AS out
# NAME who it is for
ARG NAME
RUN --mount=type=cache,target=/c --mount=type=secret,target=/run/x make
FROM scratch AS other
ARG ELSEWHERE
"""


def line(number: int) -> dict[str, Any]:
    return {"ranges": [{"start": {"line": number}, "end": {"line": number}}]}


@pytest.mark.row("CK-29")
def test_lint_has_buildkits_shape(make_context: Context) -> None:
    text = "FROM scratch\nMAINTAINER me\n"
    answer = DockerfileFrontend().lint(make_context(text))
    assert answer.status == 1
    assert answer.data == {
        "warnings": [
            {
                "ruleName": "MaintainerDeprecated",
                "description": "The MAINTAINER instruction is deprecated, "
                "use a label instead to define an image author",
                "url": "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
                "detail": "Maintainer instruction is deprecated in favor of using label",
                "location": line(2),
            }
        ],
        "sources": [
            {"filename": "Dockerfile", "language": "Dockerfile", "data": base64.b64encode(text.encode()).decode()}
        ],
    }
    assert answer.text.startswith("warning MaintainerDeprecated: Maintainer instruction")
    assert answer.text.endswith("Check complete, 1 warning has been found!\n")


@pytest.mark.row("CK-26", "CK-29")
def test_lint_looks_at_all_stages(make_context: Context) -> None:
    text = "FROM busybox AS one\nCMD run\nFROM busybox AS two\nCMD run\nFROM missing AS three\n"
    answer = DockerfileFrontend().lint(make_context(text))
    assert [each["location"] for each in answer.data["warnings"]] == [line(2), line(4)]
    assert answer.data["buildError"]["location"] == line(5)
    answer = DockerfileFrontend().lint(make_context(text, options={"target": "two"}))
    assert [each["location"] for each in answer.data["warnings"]] == [line(4)]
    assert "buildError" not in answer.data


def test_lint_of_a_good_file(make_context: Context) -> None:
    answer = DockerfileFrontend().lint(make_context("FROM scratch\nCOPY a /\n"))
    assert (answer.status, answer.data["warnings"]) == (0, [])
    assert answer.text == "Check complete, no warnings found.\n"


def test_information_is_no_failure(make_context: Context) -> None:
    text = "# check=experimental=ladle/UnpinnedBase\nFROM busybox\n"
    answer = DockerfileFrontend().lint(make_context(text))
    assert (answer.status, len(answer.data["warnings"])) == (0, 1)


@pytest.mark.row("CK-26")
@pytest.mark.parametrize("text", ["FORM x\n", "FROM scratch\nCOPY --from=9 a b\n", "# check=x\nFROM scratch\n", ""])
def test_lint_of_a_file_that_does_not_compile(make_context: Context, text: str) -> None:
    answer = DockerfileFrontend().lint(make_context(text))
    assert answer.status == 1
    assert answer.data["buildError"]["message"]
    assert answer.text.endswith("Check complete, 1 mistake has been found!\n")


def test_checks_of_the_tree_when_stages_do_not_fit(make_context: Context) -> None:
    answer = DockerfileFrontend().lint(make_context("FROM scratch\nMAINTAINER me\nCOPY --from=9 a b\n"))
    assert [each["ruleName"] for each in answer.data["warnings"]] == ["MaintainerDeprecated"]


@pytest.mark.row("CK-27", "DF-09")
def test_outline(make_context: Context) -> None:
    answer = DockerfileFrontend().outline(make_context(FILE, options={"target": "out", "build_args": {"NAME": "me"}}))
    assert answer.data == {
        "name": "out",
        "args": [
            {"name": "VERSION", "description": "what to build", "value": "1", "location": line(2)},
            {"name": "LEVEL", "value": "3", "location": line(6)},
            {"name": "NAME", "description": "who it is for", "value": "me", "location": line(10)},
        ],
        "secrets": [
            {"name": "token", "required": True, "location": line(7)},
            {"name": "x", "location": line(11)},
        ],
        "ssh": [{"name": "default", "location": line(7)}],
        "cache": [{"ID": "/c", "location": line(11)}],
        "sources": [base64.b64encode(FILE.encode()).decode()],
    }
    for word in ("TARGET:", "BUILD ARG", "SECRET", "SSH", "CACHE MOUNT"):
        assert word in answer.text


def test_outline_of_what_does_not_compile(make_context: Context) -> None:
    with pytest.raises(DiagnosticError, match="not found"):
        DockerfileFrontend().outline(make_context("FROM missing\n"))


@pytest.mark.row("CK-28", "DF-09")
def test_targets(make_context: Context) -> None:
    answer = DockerfileFrontend().targets(make_context(FILE))
    assert answer.data["targets"] == [
        {"name": "base", "description": "everything else stands on it", "base": "busybox:1", "location": line(5)},
        {"name": "out", "base": "base", "platform": "linux/amd64", "location": line(8)},
        {"name": "other", "default": True, "base": "scratch", "location": line(12)},
    ]
    assert "other (default)" in answer.text


@pytest.mark.row("CK-30")
def test_describe(make_context: Context) -> None:
    answer = DockerfileFrontend().describe(make_context(""))
    names = [each["name"] for each in answer.data]
    assert names == ["frontend.outline", "frontend.targets", "frontend.lint", "frontend.subrequests.describe"]
    assert {(each["version"], each["type"]) for each in answer.data} == {("1.0.0", "rpc")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from scratch as Up\nCOPY a /\nLABEL a b\n", "FROM scratch AS up\nCOPY a /\nLABEL a=b\n"),
        ("FROM scratch\nENV a b c\n", 'FROM scratch\nENV a="b c"\n'),
        ('FROM scratch\nENV a "b c"\n', 'FROM scratch\nENV a="b c"\n'),
        ("FROM scratch\nENV a b\\ c\n", "FROM scratch\nENV a b\\ c\n"),
        ("FROM scratch\nENV a $PATH:x\n", "FROM scratch\nENV a=$PATH:x\n"),
        ('FROM scratch\nMAINTAINER "me"\n', 'FROM scratch\nMAINTAINER "me"\n'),
        ("FROM scratch\r\nMAINTAINER a b\r\n", 'FROM scratch\r\nLABEL org.opencontainers.image.authors="a b"\r\n'),
        ("FROM busybox\nRUN a \\\n\n\n  b\n", "FROM busybox\nRUN a \\\n  b\n"),
        ("FROM scratch\nEXPOSE 1.2.3.4:80:81/UDP\n", "FROM scratch\nEXPOSE 81/udp\n"),
        ("FROM --platform=${TARGETPLATFORM} busybox\n", "FROM busybox\n"),
        ("FROM scratch\n# check=skip=MaintainerDeprecated\nMAINTAINER me\n", None),
        ("\ufefffrom scratch\nCOPY a /\nCOPY b /\n", "\ufeffFROM scratch\nCOPY a /\nCOPY b /\n"),
        (
            "FROM busybox\nRUN --mount=type=cache,target=/var/lib/apt,sharing=shared x\n",
            "FROM busybox\nRUN --mount=type=cache,target=/var/lib/apt,sharing=locked x\n",
        ),
    ],
)
def test_what_is_mended(make_context: Context, before: str, after: str | None) -> None:
    fixed = DockerfileFrontend().fix(make_context(before))
    assert fixed.after.decode() == (before if after is None else after)
    assert bool(fixed.mended) == (fixed.after != fixed.before)


LINES = st.sampled_from(
    ["from busybox", "FROM busybox as X", "ENV a b", 'ENV c "d e"', "LABEL x y z", "MAINTAINER m", "expose 1:80/TCP",
     "RUN a \\\n\n b", "Workdir x", "ENV q=$w", "CMD x", "copy . /", "FROM --platform=$TARGETPLATFORM busybox AS z"]
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=8))
def test_a_mended_file_has_nothing_left_to_mend(make_context: Context, lines: list[str]) -> None:
    text = "\n".join(["FROM scratch", *lines, ""])
    fixed = DockerfileFrontend().fix(make_context(text))
    again = DockerfileFrontend().fix(make_context(fixed.after.decode()))
    assert again.mended == ()
    assert again.after == fixed.after
