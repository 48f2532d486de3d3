# SPDX-License-Identifier: Apache-2.0
"""Archives made to do harm: each is refused or harmless, and nothing outside of the root ever changes."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.apply import Applied, Limits
from ladle.core.layers.pruning import remove_entry
from ladle.core.layers.tarread import META_LIMIT
from ladle.core.layers.tarwriter import REGULAR, TarWriter

pytestmark = pytest.mark.root
Unpack = Callable[..., Applied]


def entry(name: str, kind: bytes = tarfile.REGTYPE, to: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "linkname": to, **more}


def text(name: str) -> dict[str, Any]:
    return entry(name, data=b"evil")


SYM, HARD, DIR, CHR = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE
OUT = "../outside"
REFUSED: dict[str, list[dict[str, Any]]] = {
    "dot-dot": [text("../outside/victim")],
    "dot-dot inside": [text("a/../../outside/victim")],
    "dot-dot alone": [entry("..", DIR, mode=0o777)],
    "dot-dot at the end": [entry("a/..", DIR, mode=0o777)],
    "hard link out by dot-dot": [entry("h", HARD, "../outside/victim")],
    "hard link to nothing": [entry("h", HARD, "nothing")],
    "hard link to the root": [entry("h", HARD, "/")],
    "hard link to a directory": [entry("d", DIR), entry("h", HARD, "d")],
    "hard link through a file": [text("f"), entry("h", HARD, "f/x")],
    "hard link below what it replaces": [text("d/f"), entry("d", HARD, "d/f")],
    "empty whiteout": [text(".wh.")],
    "whiteout of dot": [text("a/.wh..")],
    "whiteout of dot-dot": [text("a/.wh...")],
    "symlink to nothing": [entry("l", SYM, "")],
    "parent is a file": [text("f"), text("f/x")],
    "loop of links": [entry("a", SYM, "b"), entry("b", SYM, "a"), text("a/x")],
    "dangling link with dot-dot": [entry("a", SYM, "../../outside/new"), entry("a/x", DIR)],
    "component too long": [text("n" * 300)],
    "path too long": [text("n/" * 2100)],
}
CONFINED: dict[str, list[dict[str, Any]]] = {
    "absolute": [text("/outside/victim")],
    "through an absolute link": [entry("l", SYM, "{outside}"), text("l/victim")],
    "through a relative link": [entry("l", SYM, OUT + "/existing"), text("l2")],
    "through a chain of links": [entry("a", SYM, "/"), entry("b", SYM, "a/.."), text("b/outside/victim")],
    "write over a link": [entry("l", SYM, "{outside}/victim"), text("l")],
    "chmod through a link": [entry("l", SYM, "{outside}"), entry("l", DIR, mode=0o777, uid=1)],
    "fifo over a link": [entry("l", SYM, "{outside}/victim"), entry("l", tarfile.FIFOTYPE)],
    "hard link to a link": [entry("l", SYM, "{outside}/victim"), entry("h", HARD, "l"), text("h")],
    "whiteout through a link": [entry("l", SYM, "{outside}"), text("l/.wh.victim")],
    "opaque through a link": [entry("l", SYM, "{outside}"), text("l/.wh..wh..opq")],
    "whiteout of a link": [entry("l", SYM, "{outside}"), text(".wh.l")],
    "opaque over links": [entry("d", DIR), text("d/.wh..wh..opq")],
    "proc link": [entry("l", SYM, "/proc/self/root"), entry("k", SYM, "/proc/1/cwd")],
    "forged whiteout": [entry("gone", CHR)],
    "directory swapped for a link": [entry("d", DIR), text("d/a"), entry("d", SYM, "{outside}"), text("d/victim")],
    "link swapped for a directory": [entry("d", SYM, "{outside}"), entry("d", DIR), text("d/victim")],
}


def build(members: list[dict[str, Any]], archive: Callable[..., bytes], outside: Path) -> bytes:
    filled = [
        {key: value.format(outside=outside) if key == "linkname" else value for key, value in member.items()}
        for member in members
    ]
    return archive(*filled)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    (place / "existing").mkdir(parents=True, mode=0o700)
    (place / "victim").write_bytes(b"untouched")
    (place / "victim").chmod(0o600)
    os.utime(place / "victim", ns=(7, 7))
    os.utime(place, ns=(7, 7))
    return place


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    place = tmp_path / "root"
    (place / "d").mkdir(parents=True)
    (place / "d/out").symlink_to(outside)
    return place


@pytest.fixture
def intact(outside: Path, look: Callable[[Path], object]) -> Callable[[], None]:
    before = look(outside), os.lstat(outside)

    def check() -> None:
        assert look(outside) == before[0]
        now, then = os.lstat(outside), before[1]
        assert (now.st_mode, now.st_uid, now.st_mtime_ns) == (then.st_mode, then.st_uid, then.st_mtime_ns)

    return check


@pytest.mark.parametrize("layer", [True, False])
@pytest.mark.parametrize("case", REFUSED)
def test_refused(
    case: str,
    layer: bool,
    unpack: Unpack,
    archive: Callable[..., bytes],
    root: Path,
    outside: Path,
    intact: Callable[[], None],
) -> None:
    data = build(REFUSED[case], archive, outside)
    if not layer and "whiteout" in case:
        unpack(data, root, layer=False)
    else:
        with pytest.raises(BuildError):
            unpack(data, root, layer=layer)
    intact()


@pytest.mark.parametrize("layer", [True, False])
@pytest.mark.parametrize("case", CONFINED)
def test_confined(
    case: str,
    layer: bool,
    unpack: Unpack,
    archive: Callable[..., bytes],
    root: Path,
    outside: Path,
    intact: Callable[[], None],
) -> None:
    with contextlib.suppress(BuildError):
        unpack(build(CONFINED[case], archive, outside), root, layer=layer)
    intact()


def test_a_forged_whiteout_is_left_out(unpack: Unpack, archive: Callable[..., bytes], tmp_path: Path) -> None:
    applied = unpack(archive(*CONFINED["forged whiteout"]), tmp_path / "root")
    assert os.listdir(tmp_path / "root") == []
    assert len(applied.warnings) == 1


def header(size: int, kind: bytes = REGULAR, name: bytes = b"f") -> bytes:
    pieces: list[bytes] = []
    tar = TarWriter(pieces.append)
    tar.add(name, kind, 0o644, 0, 0, 0)
    tar.flush()
    raw = bytearray(pieces[0])
    raw[124:136] = b"%011o\0" % size if size < 1 << 33 else b"\x80" + size.to_bytes(11, "big")
    raw[156:157] = kind
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (header(META_LIMIT + 1, b"x"), "LA0612"),
        (header(7 << 30, b"x"), "LA0612"),
        (header(META_LIMIT + 1, b"L"), "LA0612"),
        (header(1 << 60), "LA0612"),
        (header(1 << 39), "LA0613"),
        (header(100), "LA0610"),
        (header(100) + bytes(50), "LA0610"),
        (header(100)[:300], "LA0610"),
        (header(0)[:148] + b"0000000\0" + header(0)[156:], "LA0610"),
        (header(0, b"Q"), "LA0610"),
        (header(20, b"x") + b"20 path=a\0b\n".ljust(512, b"\0"), "LA0610"),
        (header(11, b"x") + b"11 path=a\0\n".ljust(512, b"\0") + header(0), "LA0611"),
        (header(12, b"x") + b"12 path=abc\n".ljust(512, b"\0"), "LA0610"),
        (header(22, b"x") + b"22 uid=9999999999999\n\n".ljust(512, b"\0"), "LA0610"),
    ],
)
def test_damaged_and_oversized_headers(data: bytes, code: str, unpack: Unpack, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        unpack(data, tmp_path / "root")
    assert caught.value.code == code


def test_negative_sizes(unpack: Unpack, tmp_path: Path) -> None:
    raw = bytearray(header(0))
    raw[124:136] = b"\xff" * 12
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    with pytest.raises(BuildError) as caught:
        unpack(bytes(raw), tmp_path / "root")
    assert caught.value.code == "LA0610"


def test_limits_of_entries_and_bytes(unpack: Unpack, archive: Callable[..., bytes], tmp_path: Path) -> None:
    data = archive(*(text(f"f{number}") for number in range(5)))
    for limits in (Limits(entries=4), Limits(bytes=19)):
        with pytest.raises(BuildError) as caught:
            unpack(data, tmp_path / "root", limits=limits)
        assert caught.value.code == "LA0612"
    unpack(data, tmp_path / "root", limits=Limits(entries=5, bytes=20))


@pytest.mark.parametrize(
    "records",
    [
        {"GNU.sparse.map": "0,5,2,3", "GNU.sparse.size": "100"},
        {"GNU.sparse.map": "0,4", "GNU.sparse.size": "3"},
        {"GNU.sparse.map": "0,99", "GNU.sparse.size": "100"},
        {"GNU.sparse.map": "0,4,9", "GNU.sparse.size": "100"},
        {"GNU.sparse.map": "-1,4", "GNU.sparse.size": "100"},
        {"GNU.sparse.map": "0,4"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "100"},
    ],
)
def test_sparse_maps_that_lie(
    records: dict[str, str], unpack: Unpack, archive: Callable[..., bytes], tmp_path: Path
) -> None:
    with pytest.raises(BuildError) as caught:
        unpack(archive({"name": "f", "data": b"evil", "pax_headers": records}), tmp_path / "root")
    assert caught.value.code == "LA0610"


def test_a_thousand_directories_can_be_made_and_removed(
    unpack: Unpack, archive: Callable[..., bytes], tmp_path: Path
) -> None:
    name = "d/" * 1000
    root = tmp_path / "root"
    unpack(archive(entry(name, DIR, mode=0o755), text(name + "f")), root)
    assert (root / (name + "f")).read_bytes() == b"evil"
    unpack(archive(text(".wh.d")), root)
    assert os.listdir(root) == []


def test_removal_does_not_follow_links(outside: Path, root: Path, intact: Callable[[], None]) -> None:
    fd = os.open(root, os.O_RDONLY)
    try:
        assert remove_entry(fd, b"d")
        assert not remove_entry(fd, b"d")
    finally:
        os.close(fd)
    assert os.listdir(root) == []
    intact()


def test_pax_names_beat_the_fixed_header_before_they_are_checked(
    unpack: Unpack, tmp_path: Path, outside: Path, intact: Callable[[], None]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("innocent")
        info.pax_headers = {"path": "../outside/victim"}
        tar.addfile(info)
    with pytest.raises(BuildError) as caught:
        unpack(buffer.getvalue(), tmp_path / "root")
    assert caught.value.code == "LA0611"
    intact()
