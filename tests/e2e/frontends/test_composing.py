# SPDX-License-Identifier: Apache-2.0
"""Frontends that call frontends and have graphs solved while they compile: results, what is recorded, where it ends."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.command import Ladle, steps

Write = Callable[..., Path]
HEAD = "from ladle.frontends.sdk import Image, frontend, llb\n\n\n@frontend\ndef compile(context):\n"


def program(body: str) -> str:
    """Return a frontend with this body."""
    return HEAD + "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))


def files_of(done: Any) -> dict[str, str]:
    """Return the files of a result on stdout."""
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        return {each.name: tar.extractfile(each).read().decode() for each in tar if each.isfile()}  # type: ignore[union-attr]


CALLING = program("""
made = context.call("dockerfile", file="base.Dockerfile", target="one", build_args={"WORD": "given"})
inner = context.call("dockerfile", data=b"FROM scratch\\nCOPY b /b\\n")
tree = made.images[0].state.copy(inner.images[0].state, "/b", "/")
return Image(tree, config=made.images[0].config["config"])
""")
BASE = """FROM scratch AS one
ARG WORD=none
ARG OTHER=unset
ENV X=$WORD-$OTHER
COPY a /$WORD
FROM scratch
"""


def test_another_frontend_s_result_is_an_input(ladle: Ladle, context: Write) -> None:
    directory = context(
        {"Dockerfile": "# syntax=./it.py\n", "it.py": CALLING, "base.Dockerfile": BASE, "a": "1", "b": "2"}
    )
    args = ("build", "--build-arg", "OTHER=caller", "-o", "-", directory)
    assert files_of(ladle(*args)) == {"given": "1", "b": "2"}
    (directory / "base.Dockerfile").write_text(BASE.replace("COPY a /$WORD", "COPY a /changed"))
    assert files_of(ladle(*args)) == {"changed": "1", "b": "2"}


def test_an_error_of_the_called_one_is_shown_as_its_own(ladle: Ladle, context: Write) -> None:
    body = 'return context.call("dockerfile", file="sub/bad.Dockerfile").images[0].state'
    files = {
        "Dockerfile": "# syntax=./it.py\n",
        "it.py": program(body),
        "sub/bad.Dockerfile": "FROM scratch\nCOPI a b\n",
    }
    done = ladle("build", context(files), check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "--> sub/bad.Dockerfile:2:1" in said
    assert "COPY" in said


def test_frontends_that_call_each_other_end(ladle: Ladle, context: Write) -> None:
    files = {"Dockerfile": "# syntax=./it.py\n", "it.py": program("return context.call('').images[0].state")}
    done = ladle("build", context(files), check=False)
    said = done.stderr.decode()
    assert "error[LA0175]: frontends call each other more than 8 deep" in said
    assert "./it.py for Dockerfile -> ./it.py for Dockerfile" in said


def test_a_called_file_frontend_obeys_the_allow_list(ladle: Ladle, context: Write, tmp_path: Path) -> None:
    files = {
        "Dockerfile": "# syntax=./it.py\n",
        "it.py": program("return context.call('./other.py').images[0].state"),
        "other.py": program("return llb.scratch()"),
    }
    config = tmp_path / "config.toml"
    config.write_text('[frontends]\nallow = ["./it.py"]\n')
    done = ladle("build", context(files), check=False, env={"LADLE_CONFIG": str(config)})
    assert "error[LA0141]: the frontend './other.py' (a file) is not allowed" in done.stderr.decode()


SOLVING = program("""
_, data = context.build_file()
generator = llb.scratch().copy(llb.local("context", include_patterns=["list"]), "/list", "/")
generator = generator.mkdir("/d").mkfile("/d/x", "1").symlink("/list", "/d/link")
tree = context.solve(generator)
assert tree.read("/none") is None and tree.list("/none") is None and tree.read("/d") is None
assert tree.list("/d") == ("link", "x"), tree.list("/d")
assert tree.list("/") == ("d/", "list"), tree.list()
state = llb.scratch()
for name in tree.read("d/link").decode().split():
    state = state.mkfile("/" + name, name)
return state
""")


def test_a_graph_is_solved_while_the_build_file_is_compiled(ladle: Ladle, context: Write) -> None:
    directory = context({"Dockerfile": "# syntax=./it.py\n", "it.py": SOLVING, "list": "a b", "other": "1"})
    args = ("build", "-o", "-", directory)
    assert files_of(ladle(*args)) == {"a": "a", "b": "b"}
    (directory / "other").write_text("2")
    (directory / "it.py").touch()
    again = ladle(*args)
    assert steps(again, "DONE") == []
    (directory / "list").write_text("a c")
    assert files_of(ladle(*args)) == {"a": "a", "c": "c"}


def test_a_solved_step_that_fails_is_shown_as_a_step(ladle: Ladle, context: Write, busybox: Path) -> None:
    body = """
image = context.named_context("base", platform=context.options.platforms[0]).image
base = llb.source("oci-layout://" + image.pinned, dict(image.attrs))
context.solve(base.run(["sh", "-c", "echo broken pipe dream; exit 3"]).root)
"""
    directory = context({"Dockerfile": "# syntax=./it.py\n", "it.py": program(body)})
    done = ladle("build", "--build-context", f"base=oci-layout://{busybox}", directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert "broken pipe dream" in said
    assert "exit code: 3" in said or "code 3" in said
    assert "FE00" not in said


def test_solves_have_a_number(ladle: Ladle, context: Write) -> None:
    body = "for number in range(200): context.solve(llb.scratch())"
    done = ladle("build", context({"Dockerfile": "# syntax=./it.py\n", "it.py": program(body)}), check=False)
    assert "error[LA0174]: the compile has had 100 graphs solved already" in done.stderr.decode()


def test_a_source_alone_is_nothing_to_solve(ladle: Ladle, context: Write) -> None:
    body = "context.solve(llb.local('context')).read('/secret')"
    done = ladle("build", context({"Dockerfile": "# syntax=./it.py\n", "it.py": program(body)}), check=False)
    assert "error[LA0170]: there is nothing to solve" in done.stderr.decode()
