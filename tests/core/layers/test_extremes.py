# SPDX-License-Identifier: Apache-2.0
"""Layers of many, long and odd names: made, applied and described again as they were.

A directory has 3,000 files, a sparse file 300 MiB; with `LADLE_SLOW=1` 50,000 and 10 GiB.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.layers import jobs
from ladle.core.layers.apply import Applied

pytestmark = pytest.mark.root
Look = Callable[[Path], dict[str, tuple[object, ...]]]
Layer = Callable[..., bytes]
Unpack = Callable[..., Applied]
MANY = 50_000 if os.environ.get("LADLE_SLOW") else 3_000
SPARSE = 10 << 30 if os.environ.get("LADLE_SLOW") else 300 << 20
CAPABILITY_OF_A_NAMESPACE = bytes.fromhex("0100000300040000000000000000000000000000a0860100")


def test_a_directory_of_many_files(upper_layer: Layer, unpack: Unpack, tmp_path: Path) -> None:
    folder = tmp_path / "upper/d"
    folder.mkdir(parents=True)
    fd = os.open(folder, os.O_RDONLY)
    for number in range(MANY):
        os.close(os.open(f"f{number}", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd))
    os.close(fd)
    layer = upper_layer(tmp_path / "upper", None)
    assert len(layer) == 512 * (MANY + 1) + 1024
    assert unpack(layer, tmp_path / "root").entries == MANY + 1
    assert sorted(os.listdir(tmp_path / "root/d")) == sorted(os.listdir(folder))
    os.mkdir(tmp_path / "over")
    os.mknod(tmp_path / "over/d", 0o020000, 0)
    assert unpack(upper_layer(tmp_path / "over", tmp_path / "root"), tmp_path / "root").entries == 1
    assert os.listdir(tmp_path / "root") == []


def test_names_and_targets_of_two_thousand_characters(
    upper_layer: Layer, unpack: Unpack, look: Look, tmp_path: Path
) -> None:
    upper = tmp_path / "upper"
    deep = upper / "/".join([letter * 249 for letter in "abcdefgh"])
    deep.mkdir(parents=True)
    assert len(str(deep.relative_to(upper))) == 1999
    (deep / "f").write_bytes(b"deep")
    os.symlink("ü" * 1000, deep / "link")
    os.symlink("t" * 2000, upper / "link")
    os.link(deep / "f", upper / "hard")
    unpack(upper_layer(upper, None), tmp_path / "root")
    found = look(tmp_path / "root")
    assert {name: (row[0], row[3], row[4]) for name, row in found.items()} == {
        name: (row[0], row[3], row[4]) for name, row in look(upper).items()
    }
    assert len(os.readlink(tmp_path / "root/link")) == 2000
    removed = tmp_path / "removed"
    (removed / deep.relative_to(upper)).mkdir(parents=True)
    os.mknod(removed / deep.relative_to(upper) / "f", 0o020000, 0)
    unpack(upper_layer(removed, upper), tmp_path / "root")
    assert found.keys() - look(tmp_path / "root").keys() == {str(deep.relative_to(upper) / "f")}


def test_names_that_are_no_text(upper_layer: Layer, unpack: Unpack, look: Look, tmp_path: Path) -> None:
    upper = os.fsencode(tmp_path / "upper")
    for name in (b"\xff\xfe", b"new\nline", b"\xc3\xbc" * 60, b"tab\t \x01", b"n" * 150 + b"\xff"):
        os.makedirs(upper + b"/" + name)
        with open(upper + b"/" + name + b"/" + name, "xb") as file:
            file.write(name)
        os.symlink(name, upper + b"/" + name + b"/l")
    unpack(upper_layer(tmp_path / "upper", None), tmp_path / "root")
    found = look(tmp_path / "root")
    assert {name: row[3] for name, row in found.items()} == {
        name: row[3] for name, row in look(tmp_path / "upper").items()
    }
    assert len(found) == 15


def test_a_capability_of_a_user_namespace(upper_layer: Layer, unpack: Unpack, tmp_path: Path) -> None:
    """Version 3 names the namespace's root; it goes through as it is, as in BuildKit."""
    (tmp_path / "upper").mkdir()
    (tmp_path / "upper/f").touch()
    os.setxattr(tmp_path / "upper/f", "security.capability", CAPABILITY_OF_A_NAMESPACE)
    layer = upper_layer(tmp_path / "upper", None)
    with tarfile.open(fileobj=io.BytesIO(layer), encoding="latin-1") as tar:
        record = tar.getmembers()[0].pax_headers["SCHILY.xattr.security.capability"]
    assert CAPABILITY_OF_A_NAMESPACE.endswith(record.encode("latin-1", "surrogateescape")[-4:])
    unpack(layer, tmp_path / "root")
    assert os.getxattr(tmp_path / "root/f", "security.capability") == CAPABILITY_OF_A_NAMESPACE


def test_a_sparse_file_stays_sparse(run_job: Callable[..., dict[str, Any]], store: Path, tmp_path: Path) -> None:
    upper = store / "snapshots/1"
    upper.mkdir()
    with (upper / "f").open("wb") as file:
        for place in (0, SPARSE // 2 - 7, SPARSE - 4):
            file.seek(place)
            file.write(b"data")
    made = run_job(
        jobs.diff, parents=[], snapshot="1", compression="gzip", level=None, epoch=None, out=str(tmp_path / "blob")
    )
    assert made["uncompressed_size"] == SPARSE + (2 if SPARSE < 8 << 30 else 4) * 512 + 512
    promised = {key: made[key] for key in ("media_type", "digest", "size", "diff_id")}
    run_job(jobs.apply, parents=[], snapshot="2", blob=str(tmp_path / "blob"), **promised)
    status = (store / "snapshots/2/f").stat()
    assert (status.st_size, status.st_blocks * 512 <= 4 << 20) == (SPARSE, True)
    with (store / "snapshots/2/f").open("rb") as file:
        for place in (0, SPARSE // 2 - 7, SPARSE - 4):
            file.seek(place)
            assert file.read(4) == b"data"
