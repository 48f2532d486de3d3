# SPDX-License-Identifier: Apache-2.0
"""Frontends that are images: from an OCI layout, a registry, by a named context; and what is none."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.support.command import Ladle
from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer
from tests.support.registry import push

Write = Callable[..., Path]
PROGRAM = """
from ladle.frontends.sdk import frontend, llb
import words

@frontend
def compile(context):
    name, data = context.build_file()
    said = words.WORD + context.asset("asset.txt").decode() + " ".join(context.options.arguments)
    return llb.scratch().mkfile("/said", said)
"""
ANSWER = msgpack.packb({"done": {"graph": {"results": [["linux/amd64"]]}, "images": [{"platform": "linux/amd64"}]}})
SHELL = """#!/bin/sh
# The frame of the answer is all that it has to say.
printf '{frame}' >&$LADLE_FRONTEND_FD
"""


def archive(files: dict[str, str]) -> bytes:
    """Return a layer of files, executable ones where they begin with `#!`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text.encode()), 0o755 if text.startswith("#!") else 0o644
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def configured(**config: Any) -> dict[str, Any]:
    """Return an image config."""
    return {**BUSYBOX_CONFIG, "config": {**BUSYBOX_CONFIG["config"], "Cmd": [], **config}}


@pytest.fixture
def python_image(tmp_path: Path) -> Path:
    """Return an OCI layout with a frontend in Python, a helper module and an asset."""
    layer = archive({"frontend.py": PROGRAM, "words.py": "WORD = 'hello '\n", "asset.txt": "asset "})
    Layout(tmp_path / "fe").image("1", configured(), [layer])
    return tmp_path / "fe"


@pytest.fixture
def shell_image(tmp_path: Path) -> Path:
    """Return an OCI layout with a frontend that is a shell script in an image of its own."""
    frame = len(ANSWER).to_bytes(4) + ANSWER
    script = SHELL.replace("{frame}", "".join(f"\\{byte:03o}" for byte in frame))
    config = configured(Labels={"dev.ladle.frontend": "1"}, Entrypoint=["fe"], Env=["PATH=/opt:/bin"])
    Layout(tmp_path / "sh").image("1", config, [busybox_layer(), archive({"opt/fe": script})])
    return tmp_path / "sh"


def said_by(done: Any) -> str:
    """Return what the frontend wrote into the result."""
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        member = tar.extractfile("said")
        assert member is not None
        return member.read().decode()


def test_one_layer_with_a_file_from_a_layout(ladle: Ladle, context: Write, python_image: Path) -> None:
    directory = context({"Dockerfile": f"# syntax=oci-layout://{python_image}:1 one two\n"})
    assert said_by(ladle("build", "-o", "-", directory)) == "hello asset one two"


def test_from_a_registry_by_tag_and_digest_and_offline(
    ladle: Ladle, context: Write, python_image: Path, registry: str
) -> None:
    push(python_image, "1", f"{registry}/fe/python:1")
    directory = context({"Dockerfile": f"# syntax={registry}/fe/python:1 x\n"})
    assert said_by(ladle("build", "-o", "-", directory)) == "hello asset x"
    (directory / "Dockerfile").write_text(f"# syntax={registry}/fe/python:1 y\n")
    assert said_by(ladle("build", "--offline", "-o", "-", directory)) == "hello asset y"


def test_an_image_with_a_program_of_its_own(ladle: Ladle, context: Write, shell_image: Path) -> None:
    directory = context({"Dockerfile": f"# syntax=oci-layout://{shell_image}\n"})
    done = ladle("build", "-o", "-", directory)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        assert tar.getnames() == []


def test_a_named_context_takes_the_place_of_a_frontend(ladle: Ladle, context: Write, python_image: Path) -> None:
    directory = context({"Dockerfile": "# syntax=docker/dockerfile:1 z\n"})
    given = f"docker/dockerfile:1=oci-layout://{python_image}:1"
    assert said_by(ladle("build", "--build-context", given, "-o", "-", directory)) == "hello asset z"
    beside = context({"frontend.py": PROGRAM, "words.py": "WORD = 'bye '\n", "asset.txt": ""}, name="beside")
    assert said_by(ladle("build", "--build-context", f"docker/dockerfile:1={beside}", "-o", "-", directory)) == "bye z"


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "gateway": ({"Entrypoint": ["/bin/dockerfile-frontend"]}, 2, "a frontend of BuildKit's gateway"),
    "labelled gateway": ({"Labels": {"moby.buildkit.frontend.caps": "x"}}, 1, "a frontend of BuildKit's gateway"),
    "no frontend": ({}, 1, "is not a frontend"),
    "another protocol": (
        {"Labels": {"dev.ladle.frontend": "7"}, "Entrypoint": ["x"]},
        1,
        "version '7' of the protocol",
    ),
    "no command": ({"Labels": {"dev.ladle.frontend": "1"}}, 1, "neither an entrypoint nor a command"),
    "no such program": (
        {"Labels": {"dev.ladle.frontend": "1"}, "Cmd": ["nix"]},
        1,
        "No such file or directory (/bin/nix)",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_run_is_told(name: str, ladle: Ladle, context: Write, tmp_path: Path) -> None:
    config, layers, expected = REFUSED[name]
    Layout(tmp_path / "x").image("1", configured(**config), [archive({str(n): ""}) for n in range(layers)])
    directory = context({"Dockerfile": f"# syntax=oci-layout://{tmp_path}/x\n"})
    done = ladle("build", directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert expected in said
    assert "help: " in said


def test_every_candidate_is_named(ladle: Ladle, context: Write, registry: str) -> None:
    directory = context({"Dockerfile": f"# syntax={registry}/none:1\n"})
    said = ladle("build", directory, check=False).stderr.decode()
    assert "error[LA0140]: there is no frontend" in said
    assert f"tried: the image {registry}/none:1: " in said
    (directory / "Dockerfile").write_text("# syntax=oci-layout://./none\n")
    said = ladle("build", directory, check=False).stderr.decode()
    assert "tried: the OCI layout " in said
    assert "no such directory" in said


@pytest.mark.parametrize("given", ["target:x", "https://example.org/x.git", "empty"])
def test_a_context_that_is_no_frontend(given: str, ladle: Ladle, context: Write) -> None:
    directory = context({"Dockerfile": "# syntax=my/frontend\n", "empty/file": ""})
    done = ladle("build", "--build-context", f"my/frontend={given}", directory, check=False, cwd=directory)
    assert "error[FE0017]" in done.stderr.decode()


HOST = """
from ladle.frontends.sdk import frontend, llb

CALLED = '''
from ladle import llb
from ladle.frontends.python import target

@target
def app():
    llb.host().run(["true"]).root.solve()
    return llb.scratch()
'''

@frontend
def compile(context):
    words = context.options.arguments
    if "ask" in words:
        context.resolve_host()
    if "solve" in words:
        context.solve(llb.host().run(["true"]).root)
    if "call" in words:
        context.call("ladle/python", data=CALLED.encode())
        return llb.scratch()
    return llb.host().mkfile("/x", "")
"""


def test_a_frontend_from_elsewhere_needs_leave_for_the_machine(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    Layout(tmp_path / "fe").image("1", configured(), [archive({"frontend.py": HOST})])
    for words in ("", " ask", " solve", " call"):
        directory = context({"Dockerfile": f"# syntax=oci-layout://{tmp_path}/fe{words}\n"})
        assert "error[FE0018]" in ladle("build", directory, check=False).stderr.decode()
        ladle("build", "--allow", "host", directory)
