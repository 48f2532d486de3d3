# SPDX-License-Identifier: Apache-2.0
"""A real distribution from a real registry: apt-get of a local package, users, owners, capabilities, and back again."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle
from tests.support.registry import push
from tests.support.trees import directory_table, tar_table

pytestmark = pytest.mark.root

DOCKERFILE = r"""
FROM {registry}/debian:latest AS build
COPY hello.deb /tmp/
RUN apt-get install -y /tmp/hello.deb && rm /tmp/hello.deb && hello-ladle > /said
RUN useradd -m -u 4242 someone && install -o someone -g someone -m 2750 -d /home/someone/dir && \
    su someone -c 'touch /home/someone/dir/file'
RUN cp /bin/true /usr/bin/capable && perl -e 'my ($p, $n, $v) = ("/usr/bin/capable", "security.capability", \
    pack("H*", "0100000200200000000000000000000000000000")); syscall(188, $p, $n, $v, 20, 0) == 0 or die $!'
"""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a Debian package made here."""
    top = tmp_path_factory.mktemp("deb")
    (top / "DEBIAN").mkdir()
    (top / "DEBIAN" / "control").write_text(
        "Package: hello-ladle\nVersion: 1\nArchitecture: all\n"
        "Maintainer: a test <test@example.org>\nDescription: says hello\n"
    )
    (top / "usr" / "bin").mkdir(parents=True)
    (top / "usr" / "bin" / "hello-ladle").write_text("#!/bin/sh\necho hello\n")
    (top / "usr" / "bin" / "hello-ladle").chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", top, f"{top}.deb"], check=True, capture_output=True)
    return Path(f"{top}.deb").read_bytes()


@pytest.fixture(scope="session")
def debian_registry(registry: str, debian: Path) -> str:
    """Return the address of a registry that has `debian:latest` too."""
    push(debian, "latest", f"{registry}/debian:latest")
    return registry


def test_install_users_and_capabilities_survive(
    ladle: Ladle, debian_registry: str, package: bytes, context: Callable[..., Path], tmp_path: Path
) -> None:
    files = context({"Dockerfile": DOCKERFILE.format(registry=debian_registry)})
    (files / "hello.deb").write_bytes(package)
    outputs = ("-o", f"type=oci,tar=false,dest={tmp_path}/layout", "-o", f"type=tar,dest={tmp_path}/tree.tar")
    ladle("build", *outputs, files, timeout=300)
    bundle = tmp_path / "bundle"
    subprocess.run(
        ["skopeo", "copy", "-q", "--insecure-policy", f"oci:{tmp_path}/layout", f"oci:{tmp_path}/c:it"], check=True
    )
    subprocess.run(["umoci", "unpack", "--image", f"{tmp_path}/c:it", bundle], check=True, capture_output=True)
    rows = directory_table(bundle / "rootfs")
    assert rows["/said"][5] == len("hello\n")
    assert rows["/home/someone/dir"][2:5] == ("2750", 4242, 4242)
    assert rows["/home/someone/dir/file"][3] == 4242
    caps = subprocess.run(["getcap", bundle / "rootfs" / "usr/bin/capable"], capture_output=True, text=True, check=True)
    assert "cap_net_raw=ep" in caps.stdout
    assert "hello-ladle" in (bundle / "rootfs/var/lib/dpkg/status").read_text()
    with (tmp_path / "tree.tar").open("rb") as file:
        tree = tar_table(file)
    assert tree.keys() == rows.keys()

    push_and_rebuild(ladle, tmp_path, debian_registry, context)


def push_and_rebuild(ladle: Ladle, tmp_path: Path, registry: str, context: Callable[..., Path]) -> None:
    """Import the export again, by way of the registry, and find the same tree."""
    subprocess.run(
        [
            "skopeo",
            "copy",
            "-q",
            "--insecure-policy",
            "--dest-tls-verify=false",
            f"oci:{tmp_path}/layout",
            f"docker://{registry}/again:1",
        ],
        check=True,
    )
    files = context({"Dockerfile": f"FROM {registry}/again:1\n"}, "again")
    done = ladle("build", "-o", "-", files, env={"LADLE_ROOT": str(tmp_path / "fresh")}, timeout=300)
    with (tmp_path / "tree.tar").open("rb") as file:
        assert tar_table(io.BytesIO(done.stdout)) == tar_table(file)


def test_an_unchanged_tag_costs_no_download(ladle: Ladle, registry: str, context: Callable[..., Path]) -> None:
    files = context({"Dockerfile": f"FROM {registry}/busybox:latest\nRUN true\n"})
    ladle("build", files)
    again = ladle("build", files, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert b"httpx" not in again.stderr
    assert b"http.client" not in again.stderr
    assert b" CACHED" in again.stderr


def test_a_moved_tag_is_noticed(
    ladle: Ladle, registry: str, busybox: Path, context: Callable[..., Path], tmp_path: Path
) -> None:
    from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer

    push(busybox, "latest", f"{registry}/moving:1")
    files = context({"Dockerfile": f"FROM {registry}/moving:1\nRUN echo $MOVED > /m\n"})
    ladle("build", files, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "m").read_text() == "\n"
    config = {
        **BUSYBOX_CONFIG,
        "config": {**BUSYBOX_CONFIG["config"], "Env": [*BUSYBOX_CONFIG["config"]["Env"], "MOVED=yes"]},
    }
    Layout(tmp_path / "moved").image("1", config, [busybox_layer()])
    push(tmp_path / "moved", "1", f"{registry}/moving:1")
    ladle("build", files, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "m").read_text() == "yes\n"


def test_an_unreachable_registry(ladle: Ladle, context: Callable[..., Path]) -> None:
    done = ladle("build", context({"Dockerfile": "FROM 127.0.0.1:1/nothing:1\n"}), check=False)
    assert done.returncode == 1
    assert b"127.0.0.1:1" in done.stderr
    assert b"Traceback" not in done.stderr
