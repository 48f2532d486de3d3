# SPDX-License-Identifier: Apache-2.0
"""ADD when it runs: downloads, repositories, archives (DF-28, DF-56, DF-57)."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.e2e.dockerfile.conftest import Repository
from tests.support.command import Ladle, steps
from tests.support.servers import Site, archive

Built = Callable[..., Path]
MODIFIED = "Tue, 14 Nov 2023 22:13:20 GMT"


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.mark.row("DF-56")
def test_a_download_keeps_its_name_and_time(built: Built, site: Site) -> None:
    url = site.put("/d/my%20file.txt", b"data", Last_Modified=MODIFIED, content_disposition="attachment; filename=no")
    site.put("/", b"root")
    out = built(f"FROM scratch\nADD {url} /x/\nADD --chmod=0755 {url} /y\nADD {site.url}/?a=b /z/\n")
    assert names(out / "x") == {"my file.txt"}
    found = (out / "x" / "my file.txt").stat()
    assert (found.st_mode & 0o7777, found.st_mtime, found.st_size) == (0o600, 1700000000, 4)
    assert (out / "y").stat().st_mode & 0o7777 == 0o755
    assert names(out / "z") == {"__unnamed__"}


@pytest.mark.row("DF-56")
def test_a_download_is_asked_for_anew_but_sent_once(
    ladle: Ladle, context: Callable[..., Path], site: Site, tmp_path: Path
) -> None:
    url = site.put("/x", b"1")
    directory = context({"Dockerfile": f"FROM scratch\nADD {url} {url} /\nADD {url} /again\n"})
    build = ("build", "-o", tmp_path / "out", directory)
    ladle(*build)
    assert steps(ladle(*build), "DONE") == []
    assert [status for _, status in site.answers] == [200, 304]
    site.put("/x", b"2")
    ladle(*build)
    assert (tmp_path / "out" / "again").read_text() == "2"


@pytest.mark.row("DF-57")
def test_a_checksum_needs_no_network_the_second_time(
    ladle: Ladle, context: Callable[..., Path], site: Site, tmp_path: Path
) -> None:
    url, digest = site.put("/x", b"1"), hashlib.sha256(b"1").hexdigest()
    directory = context({"Dockerfile": f"FROM scratch\nADD --checksum=sha256:{digest} {url} /\n"})
    ladle("build", "-o", tmp_path / "out", directory)
    ladle("build", "--offline", "--no-cache", "-o", tmp_path / "out", directory)
    assert len(site.answers) == 1
    site.put("/y", b"2")
    directory = context({"Dockerfile": f"FROM scratch\nADD --checksum=sha256:{digest} {site.url}/y /\n"})
    done = ladle("build", directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert f"digest mismatch for {site.url}/y" in said
    assert f"(expected: sha256:{digest})" in said
    assert "Traceback" not in said


@pytest.mark.row("DF-56")
def test_a_download_that_is_not_there(ladle: Ladle, context: Callable[..., Path], site: Site) -> None:
    directory = context({"Dockerfile": f"FROM scratch\nADD {site.url}/none /\n"})
    done = ladle("build", directory, check=False)
    assert done.returncode == 1
    assert b"/none: the server answered 404" in done.stderr


@pytest.mark.row("DF-28", "DF-56")
@pytest.mark.parametrize(
    ("flag", "expected"), [("", {"pack.tgz"}), ("--unpack=false", {"pack.tgz"}), ("--unpack=true", {"inside"})]
)
def test_a_downloaded_archive_is_unpacked_where_that_is_asked_for(
    built: Built, site: Site, flag: str, expected: set[str]
) -> None:
    url = site.put("/pack.tgz", archive({"inside": "1"}, "w:gz"))
    assert names(built(f"FROM scratch\nADD {flag} {url} /x/\n") / "x") == expected


@pytest.mark.row("DF-28", "DF-49", "DF-56")
def test_local_archives_of_every_kind(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    data = archive({"dir/inside": "1"})
    kinds = {
        "tar": data,
        "gz": gzip.compress(data),
        "bz2": bz2.compress(data),
        "xz": lzma.compress(data),
        "zst": zstandard.compress(data),
        "txt": b"no archive",
    }
    adds = [f"ADD pack.{kind} /{kind}/" for kind in kinds] + ["ADD --unpack=false pack.gz /kept/"]
    directory = context({"Dockerfile": "\n".join(["FROM scratch", *adds, "COPY pack.gz /copied/", ""])})
    for kind, packed in kinds.items():
        (directory / f"pack.{kind}").write_bytes(packed)
    ladle("build", "-o", tmp_path / "out", directory)
    for kind in ("tar", "gz", "bz2", "xz", "zst"):
        assert (tmp_path / "out" / kind / "dir" / "inside").read_text() == "1"
    assert names(tmp_path / "out" / "txt") == {"pack.txt"}
    assert names(tmp_path / "out" / "kept") == names(tmp_path / "out" / "copied") == {"pack.gz"}


@pytest.mark.row("DF-57", "DF-80")
@pytest.mark.parametrize(
    ("flags", "suffix", "expected"),
    [
        ("", "", {"Dockerfile", "a", "sub", "later"}),
        ("--keep-git-dir", "#v1", {".git", "Dockerfile", "a", "sub"}),
        ("--keep-git-dir=false", "#v1", {"Dockerfile", "a", "sub"}),
        ("--checksum={short}", "#v1:sub", {"Dockerfile", "b"}),
        ("", "?ref=v1&subdir=sub&checksum={first}", {"Dockerfile", "b"}),
        ("", "?checksum={first}", {"Dockerfile", "a", "sub"}),
        ("--exclude=*r*", "#v1", {"a", "sub"}),
    ],
)
def test_a_repository(built: Built, repository: Repository, flags: str, suffix: str, expected: set[str]) -> None:
    known = {"first": repository.first, "short": repository.first[:12]}
    out = built(f"FROM scratch\nADD {flags.format(**known)} {repository.url}{suffix.format(**known)} /x\n")
    assert names(out / "x") == expected


@pytest.mark.row("DF-57", "DF-80")
def test_a_repository_with_the_times_of_its_commits(built: Built, repository: Repository) -> None:
    out = built(f"FROM scratch\nADD {repository.url}?mtime=commit /x\n")
    assert (out / "x" / "sub" / "b").stat().st_mtime == 1_650_000_000


@pytest.mark.row("DF-57", "DF-80")
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("--checksum=0000 {url}#v1", "expected checksum to match 0000, got {first}"),
        ("{url}?ref=v1&checksum=0000", "expected checksum to match 0000, got {first}"),
        ("{url}#nowhere", "has no branch or tag 'nowhere'"),
        ("{url}?tag=main", "has no branch or tag 'refs/tags/main'"),
        ("{url}#v1:none", "has no folder 'none'"),
        ("--checksum=sha256:00 a", "checksum"),
        ("--keep-git-dir {url}?keep-git-dir=false", "inconsistent keep-git-dir"),
    ],
)
def test_repositories_that_are_not_as_asked_for(
    ladle: Ladle, context: Callable[..., Path], repository: Repository, source: str, said: str
) -> None:
    known = {"first": repository.first, "url": repository.url}
    directory = context({"Dockerfile": f"FROM scratch\nADD {source.format(**known)} /x\n", "a": ""})
    done = ladle("build", directory, check=False)
    assert done.returncode == 1
    assert said.format(**known) in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.row("DF-57")
@pytest.mark.parametrize("place", ["deploy@host.invalid:team/r.git", "ssh://deploy@host.invalid/team/r.git"])
def test_a_repository_by_ssh(
    ladle: Ladle, context: Callable[..., Path], repository: Repository, tmp_path: Path, place: str
) -> None:
    stub = tmp_path / "stub"
    stub.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexec git-upload-pack {repository.path}\n')
    stub.chmod(0o755)
    env = {"GIT_SSH_COMMAND": str(stub)}
    directory = context({"Dockerfile": f"FROM scratch\nADD {place}#v1:sub /x\n"})
    ladle("build", "-o", tmp_path / "out", directory, env=env)
    assert names(tmp_path / "out" / "x") == {"Dockerfile", "b"}
    ladle("build", "-o", tmp_path / "main", f"{place}#v1", env=env)
    assert names(tmp_path / "main" / "all") == {"Dockerfile", "a", "sub"}
    asked = (tmp_path / "asked").read_text()
    assert "deploy@host.invalid" in asked
    assert "team/r.git" in asked


@pytest.mark.row("DF-57")
def test_submodules_never_lie_on_this_machine(
    ladle: Ladle, context: Callable[..., Path], repository: Repository, tmp_path: Path
) -> None:
    from tests.support.servers import git, make_repository

    make_repository(tmp_path / "private", {"secret": "1"})
    git(
        repository.path, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", f"file://{tmp_path}/private"
    )
    git(repository.path, "commit", "--quiet", "-m", "steal")
    directory = context({"Dockerfile": f"FROM scratch\nADD {repository.url} /x\n"})
    done = ladle("build", "-o", tmp_path / "out", directory, check=False)
    assert done.returncode == 1
    assert not list(tmp_path.glob("out/**/secret"))
    directory = context({"Dockerfile": f"FROM scratch\nADD {repository.url}?submodules=false /x\n"})
    ladle("build", "-o", tmp_path / "out", directory)
    assert list((tmp_path / "out" / "x" / "private").iterdir()) == []
