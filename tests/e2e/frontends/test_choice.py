# SPDX-License-Identifier: Apache-2.0
"""Which frontend a build gets, of all that ask for one; what an allow-list refuses; what stands after the name."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle

Write = Callable[..., Path]


def saying(word: str) -> str:
    """Return a frontend whose result says a word and what stood after its name."""
    return (
        "from ladle.frontends.sdk import frontend, llb\n\n\n@frontend\ndef compile(context):\n"
        f"    said = ' '.join([{word!r}, *context.options.arguments])\n"
        "    return llb.scratch().mkfile('/said', said)\n"
    )


def said_by(done: Any) -> str:
    """Return what the frontend wrote into the result."""
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        member = tar.extractfile("said")
        assert member is not None
        return member.read().decode()


@pytest.fixture
def build(ladle: Ladle, context: Write) -> Callable[..., str]:
    """Return a function that builds one context by some flags and says who answered."""
    files = {
        "sub/Dockerfile": "# syntax=./directive.py one\nFROM scratch\nCOPY who /said\n",
        "sub/plain.Dockerfile": "FROM scratch\nCOPY who /said\n",
        "sub/directive.py": saying("beside the build file"),
        "directive.py": saying("in the context"),
        "flag.py": saying("flag"),
        "argument.py": saying("argument"),
        "context/frontend.py": saying("named context"),
        "who": "dockerfile",
    }
    directory = context(files)

    def run(*flags: str, file: str = "sub/Dockerfile") -> str:
        return said_by(ladle("build", *flags, "-f", file, "-o", "-", ".", cwd=directory))

    return run


def test_precedence(build: Callable[..., str]) -> None:
    argument = ("--build-arg", "BUILDKIT_SYNTAX=./argument.py two")
    assert build(file="sub/plain.Dockerfile") == "dockerfile"
    assert build() == "beside the build file one"
    assert build(*argument) == "argument two"
    assert build(*argument, "--syntax", "./flag.py three") == "flag three"
    assert build(*argument, "--syntax", "dockerfile") == "dockerfile"
    assert build(*argument, "--syntax", "docker/dockerfile:1.7-labs") == "dockerfile"
    assert build("--syntax", "ladle/dockerfile", "--build-context", "other=./context") == "dockerfile"


def test_a_named_context_comes_before_what_is_installed_but_not_before_files(build: Callable[..., str]) -> None:
    named = ("--build-context", "dockerfile=./context", "--build-context", "./flag.py=./context")
    assert build(*named, "--syntax", "dockerfile four") == "named context four"
    assert build(*named, "--syntax", "./flag.py") == "flag"
    assert build(*named, file="sub/plain.Dockerfile") == "dockerfile"


def test_the_words_after_the_name_are_of_the_cache_s_key(build: Callable[..., str]) -> None:
    assert [build("--syntax", f"./flag.py {word}") for word in ("a", "b", "a")] == ["flag a", "flag b", "flag a"]


def test_every_place_of_a_file_is_named(ladle: Ladle, context: Write) -> None:
    directory = context({"sub/Dockerfile": "# syntax=./it.py\n"})
    said = ladle("build", "-f", "sub/Dockerfile", ".", check=False, cwd=directory)
    lines = said.stderr.decode().splitlines()
    assert said.returncode == 2
    assert "  note: tried: the file sub/it.py" in lines
    assert "  note: tried: the file it.py" in lines


ALLOWED: dict[str, tuple[list[str], str]] = {
    "a file by its name": (["./flag.py"], "./flag.py"),
    "files of a directory": (["./tools/*"], "./tools/x.py"),
    "an installed one": (["dockerfile"], "docker/dockerfile:1"),
    "an image": (["REGISTRY/good/*"], "REGISTRY/good/it:1"),
    "a context in the place of one": (["dockerfile", "*/context"], "dockerfile"),
}
REFUSED: dict[str, tuple[list[str], str]] = {
    "nothing": ([], "dockerfile"),
    "another file": (["./flag.py"], "./argument.py"),
    "a detour": (["./tools/*"], "./tools/../flag.py"),
    "outside": (["./*.py"], "../flag.py"),
    "an image": (["docker/*"], "REGISTRY/good/it:1"),
    "a context in the place of one": (["dockerfile"], "dockerfile"),
}


@pytest.fixture
def allowing(
    ladle: Ladle, context: Write, tmp_path: Path, registry: str
) -> Callable[[list[str], str, bool], tuple[int, str]]:
    """Return a function that builds by a frontend under an allow-list: exit code and what was printed."""
    files = {"flag.py": saying("f"), "argument.py": saying("a"), "tools/x.py": saying("x")}
    directory = context({**files, "context/frontend.py": saying("c"), "Dockerfile": "FROM scratch\n"})
    (tmp_path / "flag.py").write_text(saying("outside"))

    def run(allow: list[str], wanted: str, replaced: bool) -> tuple[int, str]:
        listed = ", ".join(f'"{each.replace("REGISTRY", registry)}"' for each in allow)
        (tmp_path / "config.toml").write_text(f"[frontends]\nallow = [{listed}]\n")
        flags = ["--build-context", "dockerfile=./context"] if replaced else []
        wanted = wanted.replace("REGISTRY", registry)
        config = {"LADLE_CONFIG": str(tmp_path / "config.toml")}
        done = ladle("build", "--syntax", wanted, *flags, ".", check=False, cwd=directory, env=config)
        return done.returncode, done.stderr.decode()

    return run


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_allowed(name: str, allowing: Callable[[list[str], str, bool], tuple[int, str]]) -> None:
    allow, wanted = ALLOWED[name]
    code, said = allowing(allow, wanted, "context" in name)
    assert "LA0141" not in said
    assert code == 0 or "LA0140" in said  # an image that is allowed need not be there


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused(name: str, allowing: Callable[[list[str], str, bool], tuple[int, str]]) -> None:
    allow, wanted = REFUSED[name]
    code, said = allowing(allow, wanted, "context" in name)
    assert code == 1
    assert "error[LA0141]: the frontend " in said
    assert f"allowed are: {', '.join(allow) or 'none'}" in said


def test_an_allow_list_that_comes_later_counts_for_what_is_cached_too(
    allowing: Callable[[list[str], str, bool], tuple[int, str]],
) -> None:
    assert allowing(["./flag.py"], "./flag.py", False)[0] == 0
    assert allowing(["./other.py"], "./flag.py", False)[0] == 1
