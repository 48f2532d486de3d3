# SPDX-License-Identifier: Apache-2.0
"""Commits of real repositories, by the real git."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services
from ladle.llb.ops import SourceOp
from ladle.plugins.sources import git_process
from ladle.plugins.sources.git import GitSource


def git(repository: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    environment = {**identity, "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(repository)}
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with two commits, a tag and a branch."""
    path = tmp_path / "repository"
    (path / "sub").mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / "sub" / "f").write_text("one")
    (path / "link").symlink_to("sub")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "one")
    git(path, "tag", "-a", "v1", "-m", "v1")
    (path / "sub" / "f").write_text("two")
    git(path, "commit", "--quiet", "-am", "two")
    return path


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


def fetch(services: Services, repository: Path, fragment: str = "", **attrs: str) -> Path:
    """Return the tree of a fragment."""
    every = {"git.fullurl": f"file://{repository}", **{f"git.{name}": value for name, value in attrs.items()}}
    op = SourceOp(identifier=f"git://example.invalid/r.git{fragment}", attrs=tuple(sorted(every.items())))
    source = GitSource(services)
    return Path(asyncio.run(source.fetch(op, None, source.pin(op, None)))["root"])


def test_the_default_branch(repository: Path, services: Services) -> None:
    tree = fetch(services, repository)
    assert (tree / "sub" / "f").read_text() == "two"
    assert (tree / "link").readlink() == Path("sub")
    assert not (tree / ".git").exists()


@pytest.mark.parametrize(("fragment", "text"), [("#main", "two"), ("#v1", "one")])
def test_a_branch_and_an_annotated_tag(repository: Path, services: Services, fragment: str, text: str) -> None:
    assert (fetch(services, repository, fragment) / "sub" / "f").read_text() == text


def test_a_commit_needs_no_network_the_second_time(repository: Path, services: Services) -> None:
    commit = git(repository, "rev-parse", "v1^{commit}")
    first = fetch(services, repository, f"#{commit}")
    assert (first / "sub" / "f").read_text() == "one"
    repository.rename(repository.with_name("away"))
    assert fetch(replace(services, offline=True), repository, f"#{commit}") == first


def test_a_folder(repository: Path, services: Services) -> None:
    assert [path.name for path in fetch(services, repository, "#v1:sub").iterdir()] == ["f"]


def test_the_git_folder_can_be_kept(repository: Path, services: Services) -> None:
    assert (fetch(services, repository, "#main", keepgitdir="true") / ".git" / "HEAD").exists()


def test_a_moved_branch_is_noticed(repository: Path, services: Services) -> None:
    before = fetch(services, repository, "#main")
    (repository / "sub" / "f").write_text("three")
    git(repository, "commit", "--quiet", "-am", "three")
    assert fetch(services, repository, "#main") != before


def test_a_checksum(repository: Path, services: Services) -> None:
    commit = git(repository, "rev-parse", "main")
    fetch(services, repository, "#main", checksum=commit[:12])
    with pytest.raises(BuildError, match=f"expected checksum to match 0000, got {commit}"):
        fetch(services, repository, "#main", checksum="0000")


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("#nothing", "no branch or tag"),
        ("#main:nowhere", "no folder"),
        ("#main:link", "no folder"),
        ("#main:../x", "leads out"),
    ],
)
def test_what_is_not_there(repository: Path, services: Services, fragment: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        fetch(services, repository, fragment)


def test_an_option_is_no_branch(repository: Path, services: Services, tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        fetch(services, repository, f"#--upload-pack=touch {tmp_path}/owned")
    assert not (tmp_path / "owned").exists()


def test_no_repository(tmp_path: Path, services: Services) -> None:
    with pytest.raises(BuildError, match="git could not read"):
        fetch(services, tmp_path / "nothing")


def fake_git(directory: Path, script: str) -> dict[str, str]:
    """Return an environment in which git is a shell script."""
    directory.mkdir()
    (directory / "git").write_text(f"#!/bin/sh\n{script}\n")
    (directory / "git").chmod(0o755)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


@pytest.mark.parametrize("where", ["", " >&2"])
def test_what_git_prints_has_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    environment = fake_git(tmp_path / "bin", f"exec yes{where}")
    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.setattr(git_process, "MAX_OUTPUT", 100_000)
    with pytest.raises(BuildError, match="printed more than 100000 bytes") as caught:
        git_process.run_git(["ls-remote"], environment)
    assert caught.value.code == "LA0233"


@pytest.mark.parametrize("script", ["exec sleep 60", "while :; do echo a; sleep 0.05; done"])
def test_git_has_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    environment = fake_git(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.setattr(git_process, "GIT_SECONDS", 0.2)
    with pytest.raises(BuildError, match="did not end within") as caught:
        git_process.run_git(["ls-remote"], environment)
    assert caught.value.code == "LA0233"
