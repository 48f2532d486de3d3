# SPDX-License-Identifier: Apache-2.0
"""Trees out of tars: unpacked by the worker within their root, once for the same bytes."""

from __future__ import annotations

import asyncio
import io
import tarfile
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.build.tar_layer import tar_layer
from ladle.core.testing import services

pytestmark = pytest.mark.root


def tar(path: Path, files: dict[str, bytes], **fields: int) -> str:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o640
            for field, value in fields.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))
    return str(path)


def test_the_same_bytes_are_unpacked_once(tmp_path: Path) -> None:
    with services(tmp_path / "store") as given:
        first = asyncio.run(tar_layer(given, "x://a", tar(tmp_path / "a", {"d/f": b"1"}, uid=7, gid=8)))
    with services(tmp_path / "store") as given:
        again = asyncio.run(tar_layer(given, "x://b", tar(tmp_path / "b", {"d/f": b"1"}, uid=7, gid=8)))
        other = asyncio.run(tar_layer(given, "x://a", tar(tmp_path / "c", {"d/f": b"2"})))
    assert first == again
    assert first != other
    file = tmp_path / "store/snapshots" / first["layers"][0] / "d/f"
    status = file.stat()
    assert (file.read_bytes(), status.st_uid, status.st_gid, status.st_mode & 0o7777) == (b"1", 7, 8, 0o640)


def test_a_tree_that_was_pruned_is_unpacked_again(tmp_path: Path) -> None:
    import shutil

    path = tar(tmp_path / "a", {"f": b"1"})
    with services(tmp_path / "store") as given:
        first = asyncio.run(tar_layer(given, "x://a", path))
        shutil.rmtree(tmp_path / "store/snapshots" / first["layers"][0])
        second = asyncio.run(tar_layer(given, "x://a", path))
    assert (tmp_path / "store/snapshots" / second["layers"][0] / "f").read_bytes() == b"1"


def test_nothing_lands_outside_of_the_tree(tmp_path: Path) -> None:
    path = tar(tmp_path / "a", {"../../../escaped": b"1"})
    with services(tmp_path / "store") as given, pytest.raises(BuildError, match=r"\.\./escaped"):
        asyncio.run(tar_layer(given, "x://a", path))
    assert not list(tmp_path.rglob("escaped"))


def test_what_is_no_tar_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no tar at all" * 100)
    with services(tmp_path / "store") as given, pytest.raises(BuildError) as caught:
        asyncio.run(tar_layer(given, "x://a", str(tmp_path / "a")))
    assert caught.value.code
    assert not (tmp_path / "store/snapshots/1").exists()
