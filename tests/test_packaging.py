# SPDX-License-Identifier: Apache-2.0
"""What is published: the wheel holds the five folders, whole and once, and nothing else; the sdist builds the same."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.support.repository import FOLDERS, REPOSITORY, copy_repository, tracked

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
SHIPPED = (".py", ".lark", ".json", "py.typed")
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Return a function that builds `wheel` or `sdist` of a source directory; the only thing fetched is the backend."""
    needed = tmp_path_factory.mktemp("backend")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
    subprocess.run([*pip, "--target", needed, *PROJECT["build-system"]["requires"]], check=True, capture_output=True)

    def build(kind: str, source: Path) -> Path:
        out = tmp_path_factory.mktemp(kind)
        command = [sys.executable, "-W", "error::UserWarning:setuptools", "-c", BUILD, f"build_{kind}", str(out)]
        done = subprocess.run(command, cwd=source, env={"PYTHONPATH": str(needed)}, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        (made,) = out.iterdir()
        return made

    return build


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clean copy of the repository."""
    target = tmp_path_factory.mktemp("source")
    copy_repository(target)
    return target


@pytest.fixture(scope="module")
def wheel(backend: Callable[[str, Path], Path], source: Path) -> Path:
    """Return the wheel."""
    return backend("wheel", source)


@pytest.fixture(scope="module")
def sdist(backend: Callable[[str, Path], Path], source: Path) -> Path:
    """Return the source archive."""
    return backend("sdist", source)


def wheel_names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def expected() -> set[str]:
    return {f"ladle/{name}" for name in tracked(*FOLDERS) if name.endswith(SHIPPED)}


def test_the_wheel_holds_the_five_folders_once(wheel: Path) -> None:
    names = wheel_names(wheel)
    assert not [name for name, count in Counter(names).items() if count > 1]
    shipped = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert shipped == expected()
    assert {f"ladle/{folder}/__init__.py" for folder in FOLDERS} <= shipped
    assert "ladle/grammars/dockerfile.lark" in shipped


def test_nothing_else_is_at_the_top(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in wheel_names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"ladle"}
    assert "ladle/__init__.py" not in wheel_names(wheel)


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            name.partition("/")[2]: archive.read(name).decode() for name in archive.namelist() if "dist-info" in name
        }
    scripts = ConfigParser()
    scripts.read_string(texts["entry_points.txt"])
    assert dict(scripts["console_scripts"]) == {"ladle": "ladle.core.cli.main:main"}
    assert dict(scripts["pytest11"]) == {"ladle": "ladle.frontends.testing.plugin"}
    assert "License-Expression: Apache-2.0" in texts["METADATA"]
    assert texts["licenses/LICENSE"] == (REPOSITORY / "LICENSE").read_text()
    assert "py3-none-any" in wheel.name


def test_the_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from ladle.core.cli.main import main; main(['--version'])"
    done = subprocess.run([sys.executable, "-S", "-c", code, tmp_path], capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith(b"ladle ")
    assert done.stdout.decode().split()[1] in wheel.name


def test_the_sdist_builds_the_same_wheel(
    sdist: Path, wheel: Path, backend: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert sorted(wheel_names(backend("wheel", unpacked))) == sorted(wheel_names(wheel))
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= {path.name for path in unpacked.iterdir()}
