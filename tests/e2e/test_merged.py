# SPDX-License-Identifier: Apache-2.0
"""Layers laid on what they were not made on: their blobs say what they hold, whatever was exported before."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

from tests.support.command import Ladle
from tests.support.trees import tar_table

DOCKERFILE = """\
FROM busybox AS base
RUN mkdir -p /d/sub && chmod 700 /d && echo 1 > /d/f
FROM base AS linked
COPY --link f /d/f
FROM scratch AS alone
COPY --link f /d/f
"""


def layer_names(path: Path) -> list[str]:
    """Return the names in the top layer of an exported image."""
    with tarfile.open(path) as image:
        import json

        def blob(digest: str) -> bytes:
            file = image.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert file is not None
            return file.read()

        index = image.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(json.load(index)["manifests"][0]["digest"]))
        return sorted(tar_table(io.BytesIO(blob(manifest["layers"][-1]["digest"]))))


def test_a_linked_copy_is_the_same_layer_wherever_it_lies(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": DOCKERFILE, "f": "2"})
    for target in ("linked", "alone"):
        flags = (f"--target={target}", f"--build-context=busybox=oci-layout://{busybox}")
        ladle("build", *flags, "-o", f"type=oci,dest={tmp_path}/{target}.tar", "-o", tmp_path / target, files)
    assert layer_names(tmp_path / "linked.tar") == layer_names(tmp_path / "alone.tar") == ["/d", "/d/f"]
    assert (tmp_path / "linked" / "d" / "f").read_text() == "2"
    assert (tmp_path / "linked" / "d" / "sub").is_dir()
