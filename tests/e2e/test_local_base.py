# SPDX-License-Identifier: Apache-2.0
"""A directory as the base of a stage: `--build-context base=DIR` and `FROM base`."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle, steps


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a directory with a shell."""
    (tmp_path / "root/bin").mkdir(parents=True)
    shutil.copy("/bin/busybox", tmp_path / "root/bin/busybox")
    (tmp_path / "root/bin/sh").symlink_to("busybox")
    return tmp_path / "root"


def test_steps_run_on_a_directory(ladle: Ladle, root: Path, tmp_path: Path, context: Callable[..., Path]) -> None:
    where = context({"Dockerfile": "FROM base\nRUN echo made > /made\n"})
    args = ("build", "--build-context", f"base={root}", "-o", tmp_path / "out", where)
    ladle(*args)
    assert (tmp_path / "out/made").read_text() == "made\n"
    assert (tmp_path / "out/bin/sh").is_symlink()
    assert not (root / "made").exists()
    assert steps(ladle(*args), "DONE") == []
    (root / "new").write_text("new")
    ladle(*args)
    assert (tmp_path / "out/new").read_text() == "new"


def test_a_directory_becomes_an_image(ladle: Ladle, root: Path, tmp_path: Path, context: Callable[..., Path]) -> None:
    where = context({"Dockerfile": 'FROM base\nCMD ["sh"]\n'})
    for number in (1, 2):
        out = f"type=oci,tar=false,dest={tmp_path / f'image{number}'}"
        ladle("build", "--build-context", f"base={root}", "-o", out, where)
    blobs = {path.name: path for path in (tmp_path / "image1/blobs/sha256").iterdir()}
    found = set()
    for path in blobs.values():
        if path.read_bytes()[:1] != b"{":
            with tarfile.open(path) as layer:
                found |= set(layer.getnames())
    assert {"bin/busybox", "bin/sh"} <= found
    layers = {name for name, path in blobs.items() if path.read_bytes()[:1] != b"{"}
    assert layers <= {path.name for path in (tmp_path / "image2/blobs/sha256").iterdir()}
