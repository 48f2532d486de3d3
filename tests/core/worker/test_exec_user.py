# SPDX-License-Identifier: Apache-2.0
"""The rules of USER over the files of a root that is not trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker import exec_user
from ladle.core.worker.exec_user import Identity, resolve_user

PASSWD = """root:x:0:0:r:/root:/bin/sh

  app:x:7:8::/app:/bin/sh\x20
app:x:9:9::/second:
empty:x:5:6:::
bad:x:zero:0::/:
short
"""
GROUP = "root:x:0:app,other\napp:x:8:\nwheel:x:10:root,app\nagain:x:8:app\nbad:x:ten:app\nnum:x:77:"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text(PASSWD)
    (tmp_path / "etc" / "group").write_text(GROUP)
    fd = os.open(tmp_path, os.O_PATH)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", Identity(0, 0, (0, 10), "/root")),
        ("root", Identity(0, 0, (0, 10), "/root")),
        ("app", Identity(7, 8, (0, 10, 8), "/app")),
        ("7", Identity(7, 8, (0, 10, 8), "/app")),
        ("app:wheel", Identity(7, 10, (10,), "/app")),
        ("app:99", Identity(7, 99, (99,), "/app")),
        ("7:8", Identity(7, 8, (8,), "/app")),
        ("1234", Identity(1234, 0, (0,), "/")),
        ("1234:5678", Identity(1234, 5678, (5678,), "/")),
        ("1234:num", Identity(1234, 77, (77,), "/")),
        (":wheel", Identity(0, 10, (10,), "/root")),
        ("empty", Identity(5, 6, (6,), "/")),
    ],
)
def test_specifications(root: int, spec: str, expected: Identity) -> None:
    assert resolve_user(root, spec) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("ghost", "unable to find user ghost: no matching entries in passwd file"),
        ("bad", "unable to find user bad: no matching entries in passwd file"),
        ("app:ghosts", "unable to find group ghosts: no matching entries in group file"),
        ("-1", "unable to find user -1: no matching entries in passwd file"),
        ("²", "unable to find user ²: no matching entries in passwd file"),
        ("2147483648", "uids and gids must be in range 0-2147483647: 2147483648"),
        ("0:99999999999999999999", "uids and gids must be in range 0-2147483647: 99999999999999999999"),
    ],
)
def test_mistakes(root: int, spec: str, message: str) -> None:
    with pytest.raises(BuildError) as caught:
        resolve_user(root, spec)
    assert caught.value.message == message


def test_without_files_only_numbers_and_root_are_known(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_PATH)
    try:
        assert resolve_user(fd, "") == Identity(0, 0, (0,), "/")
        assert resolve_user(fd, "5") == Identity(5, 0, (0,), "/")
        with pytest.raises(BuildError, match="unable to find user root"):
            resolve_user(fd, "root")
    finally:
        os.close(fd)


def test_links_stay_inside_the_root(root: int, tmp_path: Path) -> None:
    (tmp_path / "etc" / "passwd").unlink()
    (tmp_path / "etc" / "passwd").symlink_to("/etc/../../../real")
    (tmp_path / "real").write_text("inside:x:3:4::/h:\n")
    assert resolve_user(root, "inside").uid == 3


@pytest.mark.parametrize("kind", ["fifo", "directory", "huge"])
def test_what_is_no_plain_small_file_is_refused(
    root: int, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "etc" / "passwd"
    if kind == "huge":
        monkeypatch.setattr(exec_user, "MAX_FILE", 10)
    else:
        path.unlink()
        os.mkfifo(path) if kind == "fifo" else path.mkdir()
    with pytest.raises(BuildError) as caught:
        resolve_user(root, "app")
    assert caught.value.code == "EX0003"


def test_names_need_not_be_text(root: int, tmp_path: Path) -> None:
    (tmp_path / "etc" / "passwd").write_bytes(b"caf\xe9:x:3:4::/h\xff:\n")
    assert resolve_user(root, "caf\udce9") == Identity(3, 4, (4,), "/h\udcff")
