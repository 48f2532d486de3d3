# SPDX-License-Identifier: Apache-2.0
"""Files taken out of builds: the examples of docs/extract.md, mirrors, receipts, metadata."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle

DOCUMENT = (Path(__file__).parents[2] / "docs/extract.md").read_text()
TREE = re.findall(r"^/(.+)$", DOCUMENT.split("```tree")[1].split("```")[0], re.MULTILINE)
EXAMPLES = re.findall(r"^\| `(/[^`]*)` \| (.+) \|$", DOCUMENT, re.MULTILINE)


@pytest.fixture
def project(context: Callable[..., Path]) -> Path:
    """Return a build of the tree that the document shows."""
    return context({"Dockerfile": "FROM scratch\nCOPY tree/ /\n", **{f"tree/{name}": name for name in TREE}})


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def times(root: Path) -> dict[str, tuple[int, int]]:
    return {name: ((root / name).stat().st_ino, (root / name).stat().st_mtime_ns) for name in files(root)}


def test_the_examples_of_the_document(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    assert len(EXAMPLES) == 10
    for number, (src, expected) in enumerate(EXAMPLES):
        done = ladle("build", "-o", f"type=local,dest=out{number},src={src}", project, cwd=tmp_path, check=False)
        if expected.startswith("error"):
            assert done.returncode == 1
            assert expected.split()[1].strip(":") in done.stderr.decode()
            continue
        assert done.returncode == 0, done.stderr.decode()
        assert files(tmp_path / f"out{number}") == re.findall("`([^`]+)`", expected), src
        tar = ladle("build", "-o", f"type=tar,src={src}", project, cwd=tmp_path).stdout
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            assert sorted(member.name for member in archive if member.isfile()) == files(tmp_path / f"out{number}")


def test_nothing_matches(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    done = ladle("build", "-o", "type=local,dest=out,src=/out/ap", project, cwd=tmp_path, check=False)
    assert done.returncode == 1
    for text in (
        "error[LA0634]: src=/out/ap matches nothing",
        "/out holds app, app-1.0.whl, lib",
        "did you mean /out/app?",
    ):
        assert text in done.stderr.decode()


def test_an_unchanged_file_keeps_its_time(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    command = ("build", "-o", "type=local,dest=out,src=/out/**", project)
    ladle(*command, cwd=tmp_path)
    before = times(tmp_path / "out")
    (project / "tree/out/app").write_text("new")
    assert "5 files, 4 of them as before to out" in ladle(*command, cwd=tmp_path).stderr.decode()
    after = times(tmp_path / "out")
    assert [name for name in before if before[name] != after[name]] == ["app"]


def test_a_mirror_stays_one(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    """Whatever is added to a mirror goes with the next build, although nothing in the build has changed."""
    command = ("build", "-o", "type=local,dest=out,mode=delete,src=/out/**", project)
    ladle(*command, cwd=tmp_path)
    expected = files(tmp_path / "out")
    assert "CACHED" in ladle(*command, cwd=tmp_path).stderr.decode()
    for name in ("extra", "lib/extra", "lib/deep/extra"):
        (tmp_path / "out" / name).touch()
        assert "1 others removed" in ladle(*command, cwd=tmp_path).stderr.decode()
        assert files(tmp_path / "out") == expected
    (tmp_path / "out/lib/a.so").unlink()
    ladle(*command, cwd=tmp_path)
    assert files(tmp_path / "out") == expected


def test_what_is_added_beside_copies_is_no_change(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    command = ("build", "-o", "type=local,dest=out", project)
    ladle(*command, cwd=tmp_path)
    (tmp_path / "out/mine").touch()
    ladle(*command, cwd=tmp_path)
    assert (tmp_path / "out/mine").exists()


def test_delete_elsewhere_needs_leave(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    command: list[str | Path] = ["build", "-o", f"type=local,dest={tmp_path}/out,mode=delete", project]
    done = ladle(*command, cwd=tmp_path / "here", check=False)
    assert done.returncode == 2
    assert "LA0228" in done.stderr.decode()
    assert not (tmp_path / "store/snapshots").exists() or not any((tmp_path / "store/snapshots").glob("[0-9]*"))
    assert (tmp_path / "out/mine").exists()
    ladle(*command, "--allow=local.delete", cwd=tmp_path / "here")
    assert not (tmp_path / "out/mine").exists()


def test_platforms_in_one_mirror(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    (tmp_path / "out/linux_s390x").mkdir(parents=True)
    (tmp_path / "out/linux_amd64").symlink_to("/")
    output = "type=local,dest=out,mode=delete,src=/out/app"
    command: list[str | Path] = ["build", "--platform=linux/amd64,linux/arm64", "-o", output]
    ladle(*command, project, cwd=tmp_path)
    assert files(tmp_path / "out") == ["linux_amd64/app", "linux_arm64/app"]
    ladle(*command[:2], "-o", "type=tar,dest=x.tar,src=/out/app", project, cwd=tmp_path)
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == ["linux_amd64", "linux_amd64/app", "linux_arm64", "linux_arm64/app"]


def test_metadata_lists_the_files(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    outputs = ["-o", "type=local,dest=out,src=/out/**", "-o", "type=tar,dest=x.tar,src=/out/app"]
    for unchanged in (0, 5):
        ladle("build", *outputs, "--metadata-file=m.json", project, cwd=tmp_path)
        first, second = json.loads((tmp_path / "m.json").read_text())["ladle.export.files"]
        assert (first["count"], first["unchanged"], first["removed"], first["omitted"]) == (5, unchanged, 0, 0)
        assert {item["path"]: item["sha256"] for item in first["files"]} == {
            name: hashlib.sha256(f"out/{name}".encode()).hexdigest() for name in files(tmp_path / "out")
        }
        assert second["files"][0]["sha256"] == hashlib.sha256((tmp_path / "x.tar").read_bytes()).hexdigest()


@pytest.mark.root
def test_an_ordinary_user(user_ladle: Ladle, user_home: Path, user: str, context: Callable[..., Path]) -> None:
    made = context({"Dockerfile": "FROM scratch\nCOPY --chown=5:6 a /out/a\n", "a": "1"}, base=user_home)
    done = user_ladle("build", "-o", "type=local,dest=out,owner=keep", made, cwd=user_home, check=False)
    assert (done.returncode, "LA0227" in done.stderr.decode()) == (2, True)
    os.chown(user_home, made.parent.stat().st_uid, -1)
    user_ladle("build", "-o", "type=local,dest=out,mode=delete", made, cwd=user_home)
    assert (user_home / "out/out/a").owner() == user
