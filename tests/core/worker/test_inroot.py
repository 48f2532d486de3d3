# SPDX-License-Identifier: Apache-2.0
"""Paths inside a root: openat2 and the walk without it give the same answers, and none leaves the root."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.worker import inroot

Opener = Callable[[int, str, int, int], int]


@pytest.fixture(params=["kernel", "walk"])
def opener(request: pytest.FixtureRequest) -> Opener:
    return inroot.open_in_root if request.param == "kernel" else inroot.walk_in_root


@pytest.fixture
def root_fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "secret").write_text("outside")
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "secret").write_text("inside")
    (root / "a/file").write_text("file")
    links = {
        "abs": "/secret",
        "up": "../../../secret",
        "a/up": "../../../../secret",
        "dir": "/a/b/..",
        "loop": "loop",
        "first": "second",
        "second": "a/file",
        "dangling": "/a/new",
        "root": "/",
        "slashed": "a/file/",
        "magic": f"/proc/{os.getpid()}/root",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("secret", "inside"),
        ("/secret", "inside"),
        ("//a/./../secret", "inside"),
        ("../../secret", "inside"),
        ("abs", "inside"),
        ("up", "inside"),
        ("a/up", "inside"),
        ("dir/file", "file"),
        ("first", "file"),
        ("root/root/a/file", "file"),
        ("a/b/../../../a/file", "file"),
    ],
)
def test_paths_resolve_inside(opener: Opener, root_fd: int, path: str, content: str) -> None:
    fd = opener(root_fd, path, os.O_RDONLY, 0)
    assert os.pread(fd, 100, 0).decode() == content
    assert not os.get_inheritable(fd)
    os.close(fd)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("loop", errno.ELOOP),
        ("loop/x", errno.ELOOP),
        ("missing", errno.ENOENT),
        ("missing/x", errno.ENOENT),
        ("a/file/x", errno.ENOTDIR),
        ("a/file/", errno.ENOTDIR),
        ("slashed", errno.ENOTDIR),
        ("dangling", errno.ENOENT),
        ("magic/secret", errno.ENOENT),
    ],
)
def test_failures_have_the_errno_of_the_kernel(opener: Opener, root_fd: int, path: str, number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        opener(root_fd, path, os.O_RDONLY, 0)
    assert caught.value.filename == path


@pytest.mark.parametrize("path", ["/", ".", "", "a/..", "root", "..", "root/"])
def test_the_root_itself(opener: Opener, root_fd: int, path: str) -> None:
    fd = opener(root_fd, path or "/", os.O_PATH | os.O_DIRECTORY, 0)
    assert os.path.samestat(os.fstat(fd), os.fstat(root_fd))
    os.close(fd)


def test_an_empty_path_is_the_root(root_fd: int) -> None:
    fd = inroot.open_in_root(root_fd, b"", os.O_PATH)
    assert os.path.samestat(os.fstat(fd), os.fstat(root_fd))
    os.close(fd)


def test_without_following_the_last_link_is_itself(opener: Opener, root_fd: int) -> None:
    fd = opener(root_fd, "abs", os.O_PATH | os.O_NOFOLLOW, 0)
    assert os.readlink("", dir_fd=fd) == "/secret"
    os.close(fd)
    with pytest.raises(OSError, match="Too many levels"):
        opener(root_fd, "abs", os.O_RDONLY | os.O_NOFOLLOW, 0)


def test_creating_goes_through_a_dangling_link_unless_exclusive(opener: Opener, root_fd: int) -> None:
    with pytest.raises(FileExistsError):
        opener(root_fd, "dangling", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(opener(root_fd, "dangling", os.O_WRONLY | os.O_CREAT, 0o600))
    os.close(os.open("a/new", os.O_RDONLY, dir_fd=root_fd))


def test_creating_a_file_gives_it_the_mode(opener: Opener, root_fd: int) -> None:
    fd = opener(root_fd, "dir/made", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(fd)
    status = os.stat("a/made", dir_fd=root_fd)
    assert status.st_mode & 0o7777 == 0o600


def test_the_walk_leaks_no_descriptor(root_fd: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    os.close(inroot.walk_in_root(root_fd, "a/b/../../dir/file", os.O_RDONLY))
    with pytest.raises(FileNotFoundError):
        inroot.walk_in_root(root_fd, "a/b/missing/x", os.O_RDONLY)
    assert len(os.listdir("/proc/self/fd")) == before


def test_where_openat2_is_missing_the_walk_takes_over(root_fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inroot, "_NR_OPENAT2", 100_000)
    monkeypatch.setattr(inroot, "_supported", None)
    fd = inroot.open_in_root(root_fd, "abs", os.O_RDONLY)
    assert os.read(fd, 10) == b"inside"
    os.close(fd)
