# SPDX-License-Identifier: Apache-2.0
"""Layers laid on what they were not made on: their blobs say what they hold, whatever was exported before."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from ladle import llb
from ladle.llb.wire import decode_definition, encode_definition
from tests.support.command import Ladle
from tests.support.trees import directory_table, tar_table

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


BASE = "mkdir -p /d/sub /e && echo 1 > /d/old && echo 1 > /d/sub/old && echo base > /same && echo x > /gone"
OTHER = "mkdir -p /d/sub /e && echo 1 | tee /d/mine /d/sub/mine /e/kept && echo other > /same && echo x > /gone"
CHANGE = "rm -rf /d && mkdir -p /d/sub && echo 2 > /d/new && rm /gone && chmod 644 /same && mkdir /e/x && rmdir /e/x"
MIXED = ["/d", "/d/mine", "/d/new", "/d/sub", "/d/sub/mine", "/e", "/e/kept"]


def started(ladle: Ladle, busybox: Path, context: Callable[..., Path], place: Path) -> llb.State:
    """Return the base image as a state, as the Dockerfile's frontend names it."""
    files = context({"Dockerfile": "FROM busybox"})
    ladle("compile", f"--build-context=busybox=oci-layout://{busybox}", "-o", place / "base.llb", files)
    return llb.State.from_definition(decode_definition((place / "base.llb").read_bytes()))


def sh(state: llb.State, script: str) -> llb.State:
    """Return the tree after a script."""
    return state.run(["sh", "-c", script]).root


def test_a_step_sees_the_tree_that_the_image_gives(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    """What a layer removed hides nothing of other parents, and what it only opened does not cover theirs."""
    root = started(ladle, busybox, context, tmp_path)
    base, other = sh(root, BASE), sh(root, OTHER)
    merged = llb.merge([other, llb.diff(base, sh(base, CHANGE))])
    laid = sh(merged, "ls /d /d/sub > /seen; cat /same >> /seen")
    (tmp_path / "merged.llb").write_bytes(encode_definition(laid.marshal()))
    flags: list[str | Path] = [
        "build",
        "--llb",
        tmp_path / "merged.llb",
        f"--build-context=busybox=oci-layout://{busybox}",
        "-t",
        "a:b",
    ]
    outputs: list[str | Path] = [
        "-o",
        f"type=oci,tar=false,dest={tmp_path}/image",
        "-o",
        f"type=local,dest={tmp_path}/tree",
    ]
    ladle(*flags, *outputs)
    command = ["umoci", "unpack", "--image", f"{tmp_path}/image:b", str(tmp_path / "bundle")]
    subprocess.run(command, check=True, capture_output=True)
    table = directory_table(tmp_path / "tree", owners=False)
    assert directory_table(tmp_path / "bundle/rootfs", owners=False) == table
    assert [path for path in sorted(table) if path.split("/")[1] in ("d", "e", "gone")] == MIXED
    assert (tmp_path / "tree/seen").read_text() == "/d:\nmine\nnew\nsub\n\n/d/sub:\nmine\nother\n"
