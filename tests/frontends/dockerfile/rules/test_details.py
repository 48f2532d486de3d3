# SPDX-License-Identifier: Apache-2.0
"""Where rules fire and where they do not, beyond their own examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladle.frontends.dockerfile.frontend import DockerfileFrontend

Context = Callable[..., Any]

CASES = [
    ('FROM scratch AS a\nSHELL ["/x"]\nFROM a\nCMD run\n', []),
    ("FROM scratch AS a\nWORKDIR /x\nFROM a\nWORKDIR y\n", []),
    ("FROM scratch\nARG P=/x\nWORKDIR $P\n", []),
    ("FROM scratch\nWORKDIR x\nWORKDIR y\n", ['Relative workdir "x" can have']),
    ("FROM scratch\nARG A\nCOPY $A /\n", []),
    ("FROM scratch\nCOPY $A /\n", ["Usage of undefined variable '$A'"]),
    ("FROM scratch\nARG NAME\nCOPY $NAMES /\n", ["Usage of undefined variable '$NAMES' (did you mean $NAME?)"]),
    ("FROM busybox\nRUN echo $A\n", []),
    ("ARG A=busybox\nFROM ${A}\nFROM scratch\nCOPY $A /\n", ["Usage of undefined variable '$A'"]),
    ("FROM busybox:${A:-x}\n", ["FROM argument 'A' is not declared"]),
    ("FROM --platform=$BUILDPLATFORM busybox\n", []),
    ("FROM scratch\nENV PUBLIC_KEY=x TOKEN_FILE=y MONKEY=z\n", []),
    ("FROM scratch\nENV MY_PASSWD=x\n", ['sensitive data (ENV "MY_PASSWD")']),
    ("FROM scratch\nEXPOSE $P:80\n", ["Usage of undefined variable '$P'"]),
    ("from scratch\ncopy a /\n", []),
    ("FROM scratch\nCoPy a /\n", ["Command 'CoPy' should match the case of the command majority (uppercase)"]),
    ("FROM scratch AS x # a\nAS y", None),
    ("FROM scratch\nHEALTHCHECK NONE\nHEALTHCHECK CMD x\n", ["Multiple HEALTHCHECK instructions"]),
    ("FROM busybox\nCOPY package.json .\nRUN npm ci\nCOPY . .\nRUN npm run build\n", []),
    ("FROM busybox\nCOPY . .\nRUN pip install .\n", []),
    (
        "FROM busybox\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\n",
        ["The whole context is copied before"],
    ),
    ("FROM busybox\nCOPY --from=busybox / /\nRUN npm ci\n", []),
    ("FROM busybox\nARG TARGETARCH\nRUN x\nRUN y $TARGETARCH\n", []),
    ("FROM busybox\nARG A\nRUN x\n", []),
    ("FROM busybox\nARG A\nRUN x\nRUN y\nRUN echo $A\n", ["ARG A is declared before 2 RUN steps"]),
]


@pytest.mark.parametrize(("text", "messages"), CASES, ids=[text for text, _ in CASES])
def test_what_is_said(make_context: Context, text: str, messages: list[str] | None) -> None:
    from ladle.core.api.diagnostics import DiagnosticError

    context = make_context(text)
    if messages is None:
        with pytest.raises(DiagnosticError):
            DockerfileFrontend().compile(context)
        return
    DockerfileFrontend().compile(context)
    said = [warning.message for warning in context.warnings]
    assert len(said) == len(messages), said
    assert all(message in one for message, one in zip(messages, said, strict=True)), said


@pytest.mark.parametrize(
    ("name", "text", "fires"),
    [
        (".env", "# SECRET_KEY=\nPORT=80\n", False),
        (".env", "export DB_PASSWORD='x'\n", True),
        (".env", "DB_PASSWORD=\n", False),
        (".npmrc", "registry=https://x\n", False),
        (".npmrc", "//x/:_authToken=abc\n", True),
        (".npmrc", "//x/:_authToken=${TOKEN}\n", False),
        (".netrc", "machine x login y password z\n", True),
        ("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n", True),
    ],
)
def test_secrets_in_the_context(make_context: Context, name: str, text: str, fires: bool) -> None:
    for body, ignore, expected in (
        ("FROM scratch\nCOPY . /\n", "", fires),
        ("FROM scratch\nCOPY src /\n", "", False),
        ("FROM scratch\nCOPY . /\n", name, False),
    ):
        files = {name: text.encode(), ".dockerignore": ignore.encode()}
        context = make_context(body, files=files)
        DockerfileFrontend().compile(context)
        assert [warning.rule for warning in context.warnings] == ["ladle/SecretInContext"] * expected


def test_ignored_files_with_an_exception(make_context: Context) -> None:
    context = make_context("FROM scratch\nCOPY a/b /\nADD https://x/y /\n", files={".dockerignore": b"a\n!a/c\n"})
    DockerfileFrontend().compile(context)
    assert context.warnings == []


def test_a_shell_of_the_image_is_a_choice(make_context: Context) -> None:
    image = {"config": {"Shell": ["/x"]}, "os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}}
    context = make_context("FROM busybox\nCMD run\n", images={"docker.io/library/busybox:latest": image})
    DockerfileFrontend().compile(context)
    assert context.warnings == []
