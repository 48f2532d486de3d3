# SPDX-License-Identifier: Apache-2.0
"""Builds for several platforms, and for others than this machine's (DF-59, DF-85)."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ladle, steps
from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer
from tests.support.servers import archive

ELF = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9) + struct.pack("<HHI", 2, 183, 1) + bytes(128)


def inspect(*arguments: str | Path) -> Any:
    """Return what skopeo reads."""
    command = ["skopeo", "inspect", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.row("DF-59", "DF-85")
def test_an_index_of_several_platforms(
    ladle: Ladle, context: Callable[..., Path], busybox: Path, tmp_path: Path
) -> None:
    dockerfile = """\
FROM --platform=$BUILDPLATFORM busybox AS compiler
RUN echo once > /shared
FROM --platform=$BUILDPLATFORM busybox AS each
ARG TARGETPLATFORM TARGETARCH TARGETVARIANT BUILDARCH
COPY --from=compiler /shared /shared
RUN echo "$TARGETPLATFORM $TARGETARCH $TARGETVARIANT $BUILDARCH" > /made
FROM scratch
COPY --from=each /made /shared /
"""
    directory = context({"Dockerfile": dockerfile})
    flags = ("--platform=linux/amd64,linux/arm64", "--platform=linux/arm/v7")
    base = f"--build-context=busybox=oci-layout://{busybox}"
    output = f"type=oci,dest={tmp_path}/image.tar"
    done = ladle("build", base, *flags, "-o", output, "-o", tmp_path / "out", directory)
    assert len([name for name in steps(done, "DONE") if "RUN echo once" in name]) == 1
    assert len([name for name in steps(done, "DONE") if 'RUN echo "' in name]) == 3
    expected = {"linux_amd64": "linux/amd64 amd64  amd64\n", "linux_arm64": "linux/arm64 arm64  amd64\n"}
    expected["linux_arm_v7"] = "linux/arm/v7 arm v7 amd64\n"
    for name, text in expected.items():
        assert (tmp_path / "out" / name / "made").read_text() == text
        assert (tmp_path / "out" / name / "shared").read_text() == "once\n"
    index = inspect("--raw", f"oci-archive:{tmp_path}/image.tar")
    platforms = [entry["platform"] for entry in index["manifests"]]
    assert platforms == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
    ]
    for arch in ("amd64", "arm64"):
        config = inspect("--config", "--override-arch", arch, f"oci-archive:{tmp_path}/image.tar")
        assert (config["architecture"], config["os"]) == (arch, "linux")


@pytest.mark.row("DF-63")
def test_one_platform_is_no_index_unless_that_is_asked_for(
    ladle: Ladle, context: Callable[..., Path], tmp_path: Path
) -> None:
    directory = context({"Dockerfile": "FROM scratch\nWORKDIR /x\n"})
    for name, flags in {"plain": [], "asked": ["--build-arg=BUILDKIT_MULTI_PLATFORM=1"]}.items():
        ladle("build", *flags, "--platform=linux/arm64", "-o", tmp_path / name, directory)
    assert [path.name for path in (tmp_path / "plain").iterdir()] == ["x"]
    assert [path.name for path in (tmp_path / "asked").iterdir()] == ["linux_arm64"]


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    """Return a layout with an image whose only program is one for arm64."""
    layer = archive({"bin/sh": ELF.decode("latin-1")})
    config = {**BUSYBOX_CONFIG, "architecture": "arm64"}
    Layout(tmp_path / "arm").image("latest", config, [_executable(layer)])
    return tmp_path / "arm"


def _executable(layer: bytes) -> bytes:
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(layer)), tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("bin/sh")
        info.mode, info.size = 0o755, len(ELF)
        tar.addfile(info, io.BytesIO(ELF))
    return out.getvalue()


@pytest.mark.row("DF-85")
@pytest.mark.parametrize("executor", ["crun", "native"])
def test_a_step_that_only_an_emulator_could_run(
    ladle: Ladle, context: Callable[..., Path], arm: Path, executor: str
) -> None:
    directory = context({"Dockerfile": "FROM base\nCOPY x /\nRUN echo x\n", "x": ""})
    flags = (f"--build-context=base=oci-layout://{arm}", "--platform=linux/arm64", f"--executor={executor}")
    done = ladle("build", *flags, directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert ">>> RUN echo x" in said
    assert "Dockerfile:3" in said
    assert "steps for linux/arm64 cannot run on linux/amd64: no emulator is registered" in said
    assert "apt-get install qemu-user-static" in said


@pytest.mark.row("DF-85")
def test_a_base_that_only_says_that_it_is_for_another_platform_runs(
    ladle: Ladle, context: Callable[..., Path], tmp_path: Path
) -> None:
    Layout(tmp_path / "odd").image("latest", {**BUSYBOX_CONFIG, "architecture": "arm64"}, [busybox_layer()])
    directory = context({"Dockerfile": "FROM base\nRUN echo x > /x\n"})
    flags = (f"--build-context=base=oci-layout://{tmp_path}/odd", "--platform=linux/arm64")
    ladle("build", *flags, "-o", tmp_path / "out", directory)
    assert (tmp_path / "out" / "x").exists()


@pytest.mark.row("DF-85")
def test_a_graph_keeps_its_platform(ladle: Ladle, context: Callable[..., Path], tmp_path: Path) -> None:
    directory = context({"Dockerfile": "FROM scratch\nCOPY x /\n", "x": ""})
    ladle("compile", "--platform=linux/arm/v6,linux/amd64", "-o", tmp_path / "x.llb", directory)
    ladle("build", "--llb", tmp_path / "x.llb", "-o", f"type=oci,dest={tmp_path}/image.tar", directory)
    manifests = inspect("--raw", f"oci-archive:{tmp_path}/image.tar")["manifests"]
    found = [(entry["platform"]["architecture"], entry["platform"].get("variant", "")) for entry in manifests]
    assert sorted(found) == [("amd64", ""), ("arm", "v6")]
    config = inspect("--config", "--override-arch=arm", "--override-variant=v6", f"oci-archive:{tmp_path}/image.tar")
    assert (config["architecture"], config["variant"]) == ("arm", "v6")
