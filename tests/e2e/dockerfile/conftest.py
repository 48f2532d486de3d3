# SPDX-License-Identifier: Apache-2.0
"""Fixtures of builds that fetch: a site, a repository, and a shorter way to build a few files into a directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.command import Ladle
from tests.support.servers import Site, make_repository, serving_files, serving_git

DOCKERFILE = "FROM scratch\nCOPY . /all/\n"


class Repository(NamedTuple):
    """A served repository: its address, its directory, and its first commit, which is tagged v1."""

    url: str
    path: Path
    first: str


@pytest.fixture
def site() -> Iterator[Site]:
    """Return files served over HTTP."""
    with serving_files() as served:
        yield served


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Return a repository served by the git protocol."""
    path = tmp_path / "git" / "r.git"
    first = make_repository(path, {"Dockerfile": DOCKERFILE, "a": "a", "sub/Dockerfile": DOCKERFILE, "sub/b": "b"})
    with serving_git(path.parent) as address:
        yield Repository(f"{address}/r.git", path, first)


@pytest.fixture
def built(ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that builds a Dockerfile (with files, and flags) on busybox into a directory."""

    def build(dockerfile: str, *flags: str | Path, **files: str) -> Path:
        directory = context({"Dockerfile": dockerfile, **files})
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        base = f"--build-context=busybox=oci-layout://{busybox}"
        ladle("build", base, *flags, "-o", out, directory)
        return out

    return build
