# SPDX-License-Identifier: Apache-2.0
"""OCI layouts and Docker tarballs: their documents, and what skopeo and umoci make of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.api.exporter import ExportReport, Solved
from ladle.core.api.services import Services
from ladle.plugins.exporters.docker import DockerExporter
from ladle.plugins.exporters.oci import OciExporter

MakeSolved = Callable[..., Solved]
TAG = "docker.io/library/app:v1"


def oci(services: Services, solved: Solved, dest: Path, **attrs: str) -> ExportReport:
    return asyncio.run(OciExporter.parse({"type": "oci", "dest": str(dest), **attrs}).export(services, solved))


def docker(services: Services, solved: Solved, dest: Path, **attrs: str) -> ExportReport:
    return asyncio.run(DockerExporter.parse({"dest": str(dest), **attrs}).export(services, solved))


def inspect(source: str) -> dict[str, Any]:
    command = ["skopeo", "inspect", "--config", source]
    result: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
    return result


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        files = [member for member in archive if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in files}  # type: ignore[union-attr]


def test_skopeo_reads_the_oci_archive(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    report = oci(services, make_solved({"a": b"1"}, tags=(TAG,)), tmp_path / "x.tar")
    config = inspect(f"oci-archive:{tmp_path}/x.tar:v1")
    assert config["config"]["Cmd"] == ["sh", "-c", "echo <&>"]
    assert config["created"] == "2026-01-02T03:04:05Z"
    assert report.files[str(tmp_path / "x.tar")][1] == (tmp_path / "x.tar").stat().st_size
    assert report.metadata["containerimage.digest"].startswith("sha256:")
    assert report.metadata["image.name"] == TAG


def test_umoci_unpacks_the_exported_directory(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    oci(services, make_solved({"d/a": b"1"}, {"b": b"2"}, tags=(TAG,)), tmp_path / "layout", tar="false")
    command = ["umoci", "raw", "unpack", "--rootless", "--image", f"{tmp_path}/layout:v1", str(tmp_path / "tree")]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    assert (tmp_path / "tree/d/a").read_bytes() == b"1"
    assert (tmp_path / "tree/b").read_bytes() == b"2"


def test_skopeo_reads_the_docker_archive(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    docker(services, make_solved({"a": b"1"}, tags=(TAG,)), tmp_path / "x.tar")
    assert inspect(f"docker-archive:{tmp_path}/x.tar:docker.io/library/app:v1")["architecture"] == "amd64"
    assert inspect(f"oci-archive:{tmp_path}/x.tar")["architecture"] == "amd64"
    manifest = json.loads(members(tmp_path / "x.tar")["manifest.json"])
    assert manifest[0]["RepoTags"] == ["app:v1"]
    assert all(name in members(tmp_path / "x.tar") for name in manifest[0]["Layers"])


def test_docker_media_types(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    docker(services, make_solved({"a": b"1"}), tmp_path / "x.tar", **{"oci-mediatypes": "false"})
    found = members(tmp_path / "x.tar")
    entry = json.loads(found["index.json"])["manifests"][0]
    manifest = json.loads(found["blobs/" + entry["digest"].replace(":", "/")])
    assert entry["mediaType"] == manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert manifest["layers"][0]["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    assert inspect(f"docker-archive:{tmp_path}/x.tar")["os"] == "linux"


def test_several_platforms_make_an_index(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    solved = make_solved({"a": b"1"}, architectures=("amd64", "arm64"), tags=(TAG,))
    oci(services, solved, tmp_path / "x.tar")
    found = members(tmp_path / "x.tar")
    entry = json.loads(found["index.json"])["manifests"][0]
    index = json.loads(found["blobs/" + entry["digest"].replace(":", "/")])
    assert [one["platform"]["architecture"] for one in index["manifests"]] == ["amd64", "arm64"]
    for arch in ("amd64", "arm64"):
        command = ["skopeo", f"--override-arch={arch}", "inspect", "--config", f"oci-archive:{tmp_path}/x.tar:v1"]
        config = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
        assert config["architecture"] == arch


def test_docker_refuses_several_platforms(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not currently support exporting manifest lists"):
        docker(services, make_solved({"a": b"1"}, architectures=("amd64", "arm64")), tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()


def test_the_same_result_gives_the_same_bytes(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    solved = make_solved({"a": b"1"}, {"b": b"2"}, tags=(TAG,))
    oci(services, solved, tmp_path / "x.tar")
    oci(services, solved, tmp_path / "y.tar")
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()
    assert len(services.worker.named("diff")) == 2  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == ["x.tar", "y.tar"]
    assert not list(tmp_path.glob(".*"))


def test_a_directory_keeps_images_under_other_names(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    dest = tmp_path / "layout"
    for content, tag in ((b"1", "one"), (b"2", "two"), (b"3", "two")):
        oci(services, make_solved({"a": content}, tags=(f"docker.io/library/app:{tag}",)), dest, tar="false")
    entries = json.loads((dest / "index.json").read_bytes())["manifests"]
    assert [one["annotations"]["org.opencontainers.image.ref.name"] for one in entries] == ["one", "two"]
    inspect(f"oci:{dest}:one")
    inspect(f"oci:{dest}:two")


@pytest.mark.parametrize("damage", [b"x" * 1000, b"", None])
def test_a_damaged_blob_in_a_directory_is_written_again(
    damage: bytes | None, services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    solved = make_solved({"a": b"1"}, {"b": b"2"})
    oci(services, solved, tmp_path / "layout", tar="false")
    blobs = sorted((tmp_path / "layout/blobs/sha256").iterdir())
    whole = {path: (path.read_bytes(), path.stat().st_ino) for path in blobs}
    broken = next(path for path in blobs if path.read_bytes()[:2] == b"\x1f\x8b")
    size = broken.stat().st_size
    broken.unlink()
    if damage is not None:
        broken.write_bytes((damage * size)[:size])
    oci(services, solved, tmp_path / "layout", tar="false")
    assert {path: path.read_bytes() for path in blobs} == {path: data for path, (data, _) in whole.items()}
    assert all(path.stat().st_ino == number for path, (_, number) in whole.items() if path != broken)


def test_annotations_go_where_they_are_asked_for(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    attrs = {
        "annotation.k": "plain",
        "annotation-manifest-descriptor[linux/arm64].d": "arm",
        "annotation-index.i": "index",
        "annotation-index-descriptor.x": "entry",
    }
    oci(services, make_solved({"a": b"1"}, architectures=("amd64", "arm64")), tmp_path / "x.tar", **attrs)
    found = members(tmp_path / "x.tar")
    entry = json.loads(found["index.json"])["manifests"][0]
    index = json.loads(found["blobs/" + entry["digest"].replace(":", "/")])
    assert entry["annotations"]["x"] == "entry"
    assert index["annotations"] == {"i": "index"}
    assert [one.get("annotations") for one in index["manifests"]] == [None, {"d": "arm"}]
    manifest = json.loads(found["blobs/" + index["manifests"][0]["digest"].replace(":", "/")])
    assert manifest["annotations"] == {"k": "plain"}


def test_names_and_tags_become_entries_of_their_own(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    oci(services, make_solved({"a": b"1"}, tags=(TAG,)), tmp_path / "x.tar", name="ghcr.io/me/app,app:v1")
    entries = json.loads(members(tmp_path / "x.tar")["index.json"])["manifests"]
    names = [one["annotations"]["io.containerd.image.name"] for one in entries]
    assert names == [TAG, "ghcr.io/me/app:latest"]


def test_an_epoch_reaches_the_layers_only_when_asked(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    solved = make_solved({"a": b"1"}, epoch=1700000000)
    oci(services, solved, tmp_path / "x.tar")
    oci(services, solved, tmp_path / "y.tar", **{"rewrite-timestamp": "true"})
    assert [args["epoch"] for args in services.worker.named("diff")] == [None, 1700000000]  # type: ignore[attr-defined]
    assert inspect(f"oci-archive:{tmp_path}/y.tar")["created"] == "2023-11-14T22:13:20Z"


def test_zstd_and_uncompressed_layers(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    oci(services, make_solved({"a": b"1"}), tmp_path / "x.tar", compression="uncompressed")
    assert services.worker.named("diff")[0]["compression"] == "uncompressed"  # type: ignore[attr-defined]
    assert inspect(f"oci-archive:{tmp_path}/x.tar")["os"] == "linux"


@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        ({"compresion": "gzip"}, "did you mean 'compression'?"),
        ({"compression": "lz4"}, "must be gzip or zstd or uncompressed"),
        ({"compression-level": "10"}, "must be a number from 0 to 9"),
        ({"tar": "maybe"}, "must be true or false"),
        ({"name": "Bad Name"}, "must be an image reference"),
        ({"oci-mediatypes": "false"}, "the output is an OCI layout"),
        ({"tar": "false", "dest": "-"}, "must be a directory"),
        ({"tar": "false", "dest": ""}, "needs dest=PATH"),
        ({"annotation-index-descriptor[linux/amd64].a": "b"}, "there is one index"),
    ],
)
def test_bad_attributes_are_named(attrs: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        OciExporter.parse({"dest": "x.tar", **attrs})
    assert said in caught.value.message + caught.value.help


def test_conflicts_of_attributes_are_named() -> None:
    with pytest.raises(UsageError, match="conflicts with"):
        DockerExporter.parse({"dest": "x.tar", "compression": "zstd", "oci-mediatypes": "false"})
    with pytest.raises(UsageError, match="cannot export annotations"):
        DockerExporter.parse({"dest": "x.tar", "annotation.a": "b", "oci-mediatypes": "false"})
    with pytest.raises(UsageError, match="docker load takes a tar"):
        DockerExporter.parse({"dest": "x", "tar": "false"})


def test_a_destination_that_cannot_be_written_is_an_error(
    services: Services, make_solved: MakeSolved, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for dest, code in ((tmp_path, "LA0256"), (tmp_path / "file/x.tar", "LA0224")):
        with pytest.raises(BuildError) as caught:
            oci(services, make_solved({"a": b"1"}), dest)
        assert caught.value.code == code
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(BuildError, match="not the index of an OCI layout"):
        oci(services, make_solved({"a": b"1"}), tmp_path, tar="false")


def test_the_host_directory_is_no_image(services: Services, make_solved: MakeSolved, tmp_path: Path) -> None:
    solved = make_solved({"a": b"1"})
    host = replace(solved, images=(replace(solved.images[0], ref={"kind": "host", "path": "/usr"}),))
    with pytest.raises(BuildError) as caught:
        oci(services, host, tmp_path / "x.tar")
    assert caught.value.code == "LA0225"
