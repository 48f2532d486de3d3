# SPDX-License-Identifier: Apache-2.0
"""A frontend that is not deterministic is caught, and the op that differs is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.sdk import FunctionFrontend
from ladle.frontends.testing import check_deterministic

HEAD = "import os, time\nfrom ladle.frontends.sdk import Image, frontend, llb\n\n@frontend\ndef compile(context):\n"
SETS = HEAD + (
    "    packages = set(context.build_file()[1].decode().split())\n"
    "    return llb.image('debian').run(['apt-get', 'install', *packages]).root.run('make').root\n"
)
WRONG = {
    "v1 `exec ": "    return llb.scratch().run([*context.options.build_args]).root.run('make').root\n",
    "v1 `file mkfile /cwd": "    return llb.scratch().mkfile('/cwd', os.getcwd())\n",
    "v2 `file mkfile /zone": "    return llb.image('a').mkfile('/zone', time.tzname[0])\n",
    "the image config of linux/amd64": "    return Image(llb.scratch(), labels=dict.fromkeys(set('abcdefgh'), ''))\n",
}
"""What is said to differ, by what makes it: the order of a dict, the directory, the time zone, the order of a set."""
ARGS = dict.fromkeys("abcdefgh", "1")


def test_a_set_in_hash_order_is_caught_and_the_op_named(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(SETS)
    with pytest.raises(AssertionError) as caught:
        check_deterministic(tmp_path / "it.py", "gcc make git curl bash perl")
    said = str(caught.value)
    assert said.startswith("the frontend is not deterministic (PYTHONHASHSEED=1 against ")
    assert "v2 `exec apt-get install " in said
    assert "goes through a set or a dict" in said


@pytest.mark.parametrize("named", sorted(WRONG))
def test_whatever_else_may_differ_is_caught_and_named(named: str, tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(HEAD + WRONG[named])
    with pytest.raises(AssertionError) as caught:
        check_deterministic(tmp_path / "it.py", "", runs=3, build_args=ARGS)
    assert str(caught.value).startswith("the frontend is not deterministic (PYTHONHASHSEED=1 against ")
    assert named in str(caught.value)


def test_one_that_sorts_passes(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(SETS.replace("*packages", "*sorted(packages)"))
    check_deterministic(tmp_path / "it.py", "gcc make git curl bash perl", runs=3)


def test_classes_of_ladle_are_checked_too() -> None:
    check_deterministic(DockerfileFrontend, "FROM busybox\nARG b\nRUN make\n", runs=2, build_args=ARGS)


def test_errors_are_compared_as_well(lines: Path, tmp_path: Path) -> None:
    check_deterministic(lines, "!", runs=2)
    body = "    from ladle.frontends.sdk import error\n    raise error(context, ' '.join(set('abcdefgh')))\n"
    (tmp_path / "it.py").write_text(HEAD + body)
    with pytest.raises(AssertionError, match="and then"):
        check_deterministic(tmp_path / "it.py", "x", runs=3)


def test_what_another_process_cannot_load_is_an_error() -> None:
    def local(context: object) -> object:
        return context

    with pytest.raises(BuildError, match="cannot be loaded by another process"):
        check_deterministic(FunctionFrontend(local, name="x", version="1", files=()), "")
    with pytest.raises(BuildError, match="a value of the context"):
        check_deterministic(DockerfileFrontend, "", solved=lambda state: state)


def test_one_that_raises_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text(HEAD + "    return 1 / 0\n")
    with pytest.raises(BuildError, match="ZeroDivisionError: division by zero"):
        check_deterministic(tmp_path / "it.py", "", runs=1)
