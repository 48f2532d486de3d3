# SPDX-License-Identifier: Apache-2.0
"""Sources and exporters on the real store and worker: an image comes in, its trees and layers go out again."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.exporter import Solved, SolvedImage
from ladle.core.api.refs import layers_ref
from ladle.core.api.services import Services
from ladle.core.build.worker_thread import LazyWorker
from ladle.core.store.store import Store
from ladle.llb.ops import Platform, SourceOp
from ladle.plugins.builtin import TABLE
from ladle.plugins.exporters.docker import DockerExporter
from ladle.plugins.exporters.local import LocalExporter
from ladle.plugins.exporters.oci import OciExporter
from ladle.plugins.exporters.tar import TarExporter
from ladle.plugins.sources.docker_image import DockerImageSource
from ladle.plugins.sources.host import HostSource
from ladle.plugins.sources.oci_layout import OciLayoutSource

AMD64 = Platform(os="linux", architecture="amd64")
Row = tuple[str, str, int, int, int, str]


@pytest.fixture
def engine(tmp_path: Path, make_services: Callable[..., Services]) -> Iterator[Services]:
    """Services over a real store and a real worker."""
    root = tmp_path / "real"
    root.mkdir()
    store = Store.open(str(root))
    worker = LazyWorker(store, lambda: {"snapshotter": TABLE["snapshotter"]["overlay"], "executors": []})
    yield replace(
        make_services(),
        root=str(root),
        blobs=store.blobs,
        snapshots=store.snapshots,
        facts=store.facts,
        worker=worker,
        single_flight=store.single_flight,
        hold=store.pins.hold,
    )
    worker.close()
    store.close()


def add(archive: tarfile.TarFile, name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"", **fields: Any) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, len(data), 1600000000
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def layers() -> list[bytes]:
    """Two layers with modes, owners, links, odd names, and a whiteout."""
    lower, upper = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=lower, mode="w") as archive:
        add(archive, "bin", tarfile.DIRTYPE)
        add(archive, "bin/su", data=b"su", mode=0o4755)
        add(archive, "bin/hard", tarfile.LNKTYPE, linkname="bin/su")
        add(archive, "bin/soft", tarfile.SYMTYPE, linkname="../bin/su")
        add(archive, "gone", data=b"gone")
        add(archive, "home", tarfile.DIRTYPE, uid=1000, gid=1000, mode=0o700)
        add(archive, "home/a b\nü", data=b"odd", uid=1000, gid=1000)
    with tarfile.open(fileobj=upper, mode="w") as archive:
        add(archive, ".wh.gone")
        add(archive, "home/new", data=b"new", mode=0o600)
    return [lower.getvalue(), upper.getvalue()]


def rows(top: Path) -> set[Row]:
    """Return path, kind, mode, owner and content of everything below a directory."""
    found = set()
    for path in top.rglob("*"):
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        kind = oct(status.st_mode)
        links = status.st_nlink if path.is_file() and not path.is_symlink() else 0
        found.add((str(path.relative_to(top)), kind, status.st_uid, status.st_gid, links, content))
    return found


def solved(engine: Services, layout: Any) -> Solved:
    """Fetch an image from a layout and solve to it."""
    layout.tag(layout.image(layers()), "v1")
    engine.session.layouts["base"] = str(layout.path)  # type: ignore[attr-defined]
    source = OciLayoutSource(engine)
    op = SourceOp(identifier="oci-layout://base:v1")
    ref = asyncio.run(source.fetch(op, AMD64, source.pin(op, AMD64)))
    config = json.loads(source.resolve("base:v1", platform=AMD64, scheme="oci-layout").config)
    image = SolvedImage(platform=AMD64, ref=ref, config=config, base_history=2)
    return Solved(images=(image,), tags=("docker.io/library/app:v1",), created="2026-01-02T03:04:05Z")


@pytest.mark.root
def test_an_image_goes_out_as_it_came_in(engine: Services, layout: Any, tmp_path: Path) -> None:
    result = solved(engine, layout)
    tree, again = tmp_path / "tree", tmp_path / "again"
    again.mkdir()
    asyncio.run(OciExporter.parse({"dest": str(tmp_path / "out"), "tar": "false"}).export(engine, result))
    command = ["umoci", "raw", "unpack", "--image", f"{tmp_path}/out:v1", str(tree)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    asyncio.run(TarExporter.parse({"dest": str(tmp_path / "flat.tar")}).export(engine, result))
    subprocess.run(["tar", "-C", again, "--numeric-owner", "-xpf", tmp_path / "flat.tar"], check=True, timeout=60)
    assert rows(tree) == rows(again)
    assert {row[0] for row in rows(tree)} == {
        *("bin", "bin/su", "bin/hard", "bin/soft", "home", "home/a b\nü", "home/new"),
    }
    asyncio.run(LocalExporter.parse({"dest": str(tmp_path / "local")}).export(engine, result))
    names = {(path, content) for path, *_, content in rows(tmp_path / "local")}
    assert names == {(path, content) for path, *_, content in rows(tree)}


@pytest.mark.root
def test_base_layers_leave_as_the_blobs_that_they_came_as(engine: Services, layout: Any, tmp_path: Path) -> None:
    result = solved(engine, layout)
    asyncio.run(DockerExporter.parse({"dest": str(tmp_path / "x.tar")}).export(engine, result))
    with tarfile.open(tmp_path / "x.tar") as archive:
        blobs = {Path(name).name for name in archive.getnames() if name.startswith("blobs/sha256/")}
    came = {path.name for path in (layout.path / "blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b"}
    assert len(came) == 2
    assert came <= blobs
    for source in ("docker-archive", "oci-archive"):
        copied = [
            "skopeo",
            "copy",
            "-q",
            "--insecure-policy",
            f"{source}:{tmp_path}/x.tar",
            f"oci:{tmp_path}/{source}:t",
        ]
        subprocess.run(copied, check=True, timeout=60)


@pytest.mark.root
@pytest.mark.parametrize("compression", ["gzip", "zstd", "uncompressed"])
def test_every_compression_is_taken_by_skopeo(engine: Services, layout: Any, tmp_path: Path, compression: str) -> None:
    result = solved(engine, layout)
    attrs = {"dest": str(tmp_path / "x.tar"), "compression": compression, "force-compression": "true"}
    asyncio.run(OciExporter.parse(attrs).export(engine, result))
    copied = ["skopeo", "copy", "-q", "--insecure-policy", f"oci-archive:{tmp_path}/x.tar:v1", f"dir:{tmp_path}/dir"]
    subprocess.run(copied, check=True, timeout=60)
    manifest = json.loads((tmp_path / "dir/manifest.json").read_bytes())
    suffix = "" if compression == "uncompressed" else f"+{compression}"
    assert {layer["mediaType"] for layer in manifest["layers"]} == {f"application/vnd.oci.image.layer.v1.tar{suffix}"}


@pytest.mark.root
def test_a_pulled_image_leaves_nothing_half_made(engine: Services, layout: Any, registry: Any) -> None:
    layout.tag(layout.image(layers()), "v1")
    registry.push(layout, "v1", "forged:1")
    source = DockerImageSource(engine)
    op = SourceOp(identifier=f"docker-image://{registry.host}/forged:1")
    pin = source.pin(op, AMD64)
    source.resolve(f"{registry.host}/forged:1", platform=AMD64, scheme="docker-image")
    ref = asyncio.run(source.fetch(op, AMD64, pin))
    assert len(ref["layers"]) == 2
    assert not list(Path(engine.root, "tmp").iterdir())
    made = [name for name in os.listdir(f"{engine.root}/snapshots") if not name.startswith(".")]
    assert sorted(made) == sorted(ref["layers"])


@pytest.mark.root
def test_the_skeleton_of_this_machine(engine: Services, tmp_path: Path) -> None:
    source = HostSource(engine)
    op = SourceOp(identifier="host://")
    ref = asyncio.run(source.fetch(op, None, source.pin(op, None)))
    image = SolvedImage(platform=AMD64, ref=layers_ref(ref["layers"]), config={})
    result = Solved(images=(image,))
    asyncio.run(LocalExporter.parse({"dest": str(tmp_path / "out")}).export(engine, result))
    assert (tmp_path / "out/etc/passwd").read_bytes() == Path("/etc/passwd").read_bytes()
    assert (tmp_path / "out/tmp").stat().st_mode & 0o7777 == 0o1777
    assert not (tmp_path / "out/etc/shadow").exists()
