# SPDX-License-Identifier: Apache-2.0
"""Exports are what other tools take: skopeo and umoci unpack them to exactly the tree that `type=local` gives."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.trees import directory_table, tar_table

TORTURE = r"""
FROM busybox
COPY odd/ /odd/
RUN mkdir -p /t/empty /t/sticky && chmod 1777 /t/sticky && echo x > "/t/with space" && echo y > "/t/ünïcode" && \
    printf z > "$(printf '/t/new\nline')" && printf w > "$(printf '/t/\377latin')" && \
    ln -s "/t/with space" /t/link && ln -s missing /t/dangling && echo h > /t/h1 && ln /t/h1 /t/h2 && \
    echo s > /t/suid && chmod 4755 /t/suid && mkfifo /t/fifo && touch -d @123456789 /t/old
RUN echo people:x:1234: >> /etc/group && \
    echo person:x:1234:1234::/:/bin/sh >> /etc/passwd && chown -R person:people /t/empty
RUN rm -rf /odd/gone && mv /t/empty /t/moved && rm /bin/wget && mkdir /bin/wget && rm -rf /root && ln -s /t /root
USER person
RUN touch /t/sticky/mine
"""


@pytest.fixture
def built(ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path) -> Path:
    """Return a directory with the same build in every form."""
    files = context({"Dockerfile": TORTURE, "odd/gone": "1", "odd/name with space": "2"})
    outputs = [
        "type=local,dest=local",
        "type=tar,dest=tree.tar",
        "type=oci,dest=oci.tar",
        "type=oci,dest=layout,tar=false",
        "type=docker,dest=docker.tar",
        "type=oci,dest=zstd.tar,compression=zstd",
        "type=oci,dest=plain.tar,compression=uncompressed",
        "type=cacheonly",
    ]
    flags = [f"--output={output}" for output in outputs]
    ladle(
        "build",
        "-t",
        "app:1",
        "-t",
        "other/name:2",
        f"--build-context=busybox=oci-layout://{busybox}",
        *flags,
        files,
        cwd=tmp_path,
    )
    return tmp_path


SOURCES = (
    "oci-archive:{}/oci.tar:1",
    "oci:{}/layout:2",
    "docker-archive:{}/docker.tar:app:1",
    "oci-archive:{}/plain.tar:2",
)


def unpacked(directory: Path, source: str) -> Path:
    """Return the root file system that umoci makes of an export, by way of skopeo."""
    copy, bundle = directory / "copy", directory / "bundle"
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", source.format(directory), f"oci:{copy}:it"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    subprocess.run(["umoci", "unpack", "--image", f"{copy}:it", str(bundle)], check=True, capture_output=True)
    return bundle / "rootfs"


@pytest.mark.root
@pytest.mark.parametrize("source", SOURCES)
def test_skopeo_and_umoci_unpack_the_same_tree(built: Path, source: str) -> None:
    expected = directory_table(built / "local", owners=False)
    assert expected["/t/new\nline"][1] == "f"
    root = unpacked(built, source)
    assert directory_table(root, owners=False) == expected
    with (built / "tree.tar").open("rb") as file:
        owners = {path: row[3:5] for path, row in tar_table(file).items()}
    assert {path: row[3:5] for path, row in directory_table(root).items()} == owners


@pytest.mark.root
def test_the_tar_is_the_tree(built: Path) -> None:
    with (built / "tree.tar").open("rb") as file:
        rows = tar_table(file)
    expected = directory_table(built / "local", owners=False)
    assert rows.keys() == expected.keys()
    assert {path for path, row in rows.items() if row[1] == "h"} == {"/t/h2"}
    assert rows["/t/sticky/mine"][3:5] == (1234, 1234)
    same = {path: (*row[:3], 0, 0, *row[5:]) for path, row in rows.items() if row[1] != "h"}
    assert same == {path: row for path, row in expected.items() if path in same}


def test_local_keeps_modes_times_and_hard_links(built: Path) -> None:
    top = built / "local" / "t"
    assert (top / "suid").stat().st_mode & 0o7777 == 0o4755
    assert (top / "old").stat().st_mtime == 123456789
    assert (top / "h1").stat().st_ino == (top / "h2").stat().st_ino
    assert (top / "link").readlink() == Path("/t/with space")


def test_zstd_is_zstd(built: Path) -> None:
    with tarfile.open(built / "zstd.tar") as tar:
        index = json.load(tar.extractfile("index.json") or io.BytesIO())
        manifest = json.load(
            tar.extractfile(f"blobs/{index['manifests'][0]['digest'].replace(':', '/')}") or io.BytesIO()
        )
    types = {layer["mediaType"] for layer in manifest["layers"][1:]}
    assert types == {"application/vnd.oci.image.layer.v1.tar+zstd"}


def test_a_result_is_a_base_again(built: Path, ladle: Ladle, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": "FROM base\nUSER root\nRUN cat /t/moved/../h2 > /again\n"}, "next")
    ladle("build", f"--build-context=base=oci-layout://{built}/layout:1", "-o", built / "second", files)
    first, second = directory_table(built / "local", owners=False), directory_table(built / "second", owners=False)
    assert second.pop("/again")[5] == 2
    assert second == first


def test_a_tar_on_stdout(ladle: Ladle, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY a /b\n", "a": "1"})
    done = ladle("build", "-o", "-", files)
    assert tar_table(io.BytesIO(done.stdout)).keys() == {"/b"}


def test_metadata_file_and_iidfile(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY a /b\n", "a": "1"})
    flags = (f"--metadata-file={tmp_path}/m.json", f"--iidfile={tmp_path}/iid", "-o", f"type=oci,dest={tmp_path}/x.tar")
    ladle("build", "-t", "app", *flags, files)
    metadata = json.loads((tmp_path / "m.json").read_text())
    assert metadata["containerimage.digest"].startswith("sha256:")
    assert metadata["image.name"] == "docker.io/library/app:latest"
    assert (tmp_path / "iid").read_text() == metadata["containerimage.digest"]


def test_the_same_input_gives_the_same_image(
    ladle: Ladle, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": "FROM busybox\nCOPY a /b\nRUN echo 1 > /c\n", "a": "1"})
    images = []
    for number in range(2):
        dest = tmp_path / f"x{number}.tar"
        ladle(
            "build",
            f"--build-context=busybox=oci-layout://{busybox}",
            f"--output=type=oci,rewrite-timestamp=true,dest={dest}",
            files,
            env={"LADLE_ROOT": str(tmp_path / f"store{number}"), "SOURCE_DATE_EPOCH": "1700000000"},
        )
        images.append(dest.read_bytes())
    assert images[0] == images[1]


def test_platform_and_labels_reach_the_config(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    files = context({"Dockerfile": "FROM scratch\nCOPY a /b\n", "a": "1"})
    flags = ("--platform=linux/arm64", "--label=k=v", "-o", f"type=oci,tar=false,dest={tmp_path}/x")
    ladle("build", *flags, files)
    done = subprocess.run(["skopeo", "inspect", "--config", f"oci:{tmp_path}/x"], check=True, capture_output=True)
    config = json.loads(done.stdout)
    assert (config["architecture"], config["config"]["Labels"]) == ("arm64", {"k": "v"})


def test_only_one_output_can_go_to_stdout(ladle: Ladle, context: Callable[..., Path]) -> None:
    done = ladle("build", "-o", "-", "-o", "type=tar,dest=-", context({"Dockerfile": "FROM scratch\n"}), check=False)
    assert done.returncode == 2
    assert b"several outputs" in done.stderr
