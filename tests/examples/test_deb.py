# SPDX-License-Identifier: Apache-2.0
"""The example exporter: packages that dpkg reads, installs and removes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Ladle

FILES = {
    "Dockerfile": "FROM scratch\nCOPY pkg /pkg\nCOPY --chmod=755 greet /pkg/usr/bin/greet\n"
    "LABEL org.opencontainers.image.version=1.2-3\n",
    "greet": "#!/bin/sh\necho hello\n",
    "pkg/etc/greet.conf": "polite\n",
    "pkg/DEBIAN/control": "Depends: dash\nDescription: greets\n everybody\n",
    "pkg/DEBIAN/postinst": "#!/bin/sh\ntrue\n",
}


def dpkg(*args: str | Path) -> str:
    return subprocess.run(["dpkg-deb", *args], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def project(context: Callable[..., Path]) -> Path:
    """Return the build of a tree with control files."""
    return context(FILES)


def build(ladle: Ladle, project: Path, attributes: str, *, check: bool = True, epoch: str = "1600000000") -> str:
    done = ladle("build", project, "-o", f"type=deb,{attributes}", check=check, env={"SOURCE_DATE_EPOCH": epoch})
    return done.stderr.decode()


def test_a_package_that_dpkg_installs(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    said = build(ladle, project, f"dest={tmp_path}/greet_{{arch}}.deb,name=greet,src=/pkg,arch=all")
    assert "greet_all.deb" in said
    package = tmp_path / "greet_all.deb"
    assert dpkg("-f", package, "Package", "Version", "Architecture", "Depends").split("\n")[:4] == [
        "Package: greet",
        "Version: 1.2-3",
        "Architecture: all",
        "Depends: dash",
    ]
    assert dpkg("-I", package, "conffiles") == "/etc/greet.conf\n"
    listed = [line.split() for line in dpkg("-c", package).splitlines()]
    assert ["-rwxr-xr-x", "0/0", "./usr/bin/greet"] in [[line[0], line[1], line[5]] for line in listed]
    assert {line[1] for line in listed} == {"0/0"}
    assert not [line for line in listed if "DEBIAN" in line[5]]
    root = tmp_path / "root"
    for folder in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    plain = tmp_path / "plain.deb"
    (project / "pkg/DEBIAN/postinst").unlink()
    build(ladle, project, f"dest={plain},name=greet,src=/pkg,arch=all")
    install = ["dpkg", f"--root={root}", "--force-depends", "--log=/dev/null", "-i"]
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    subprocess.run([*install, plain], check=True, capture_output=True, env={"PATH": path})
    assert subprocess.run([root / "usr/bin/greet"], capture_output=True, check=True).stdout == b"hello\n"
    status = subprocess.run(["dpkg", f"--root={root}", "--verify", "greet"], capture_output=True, check=True)
    assert status.stdout == b""


def test_the_same_build_gives_the_same_bytes(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.deb", tmp_path / "2.deb"
    build(ladle, project, f"dest={first},name=greet,src=/pkg")
    os.utime(project / "greet", (1, 1))
    build(ladle, project, f"dest={second},name=greet,src=/pkg")
    assert first.read_bytes() == second.read_bytes()
    before = first.stat()
    build(ladle, project, f"dest={first},name=greet,src=/pkg")
    assert first.stat().st_ino == before.st_ino, "nothing has changed, so nothing is written"


def test_mistakes_are_told_and_leave_nothing(ladle: Ladle, project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for attributes, expected in {
        "name=Greet,src=/pkg": "error[DEB0003]: type=deb: 'Greet' cannot be the package",
        "src=/pkg": "error[DEB0002]: type=deb: the package has no package",
        "name=greet,src=/pgk": "src=/pgk matches nothing",
        "name=greet,src=/pkg,nmae=x": "error[DEB0001]: type=deb has no attribute 'nmae'",
    }.items():
        said = build(ladle, project, f"dest={out}/x.deb,{attributes}", check=False)
        assert expected in said
        assert "Traceback" not in said
    (project / "pkg/DEBIAN/deep").mkdir()
    (project / "pkg/DEBIAN/deep/file").touch()
    said = build(ladle, project, f"dest={out}/x.deb,name=greet,src=/pkg", check=False)
    assert "error[DEB0006]: type=deb: DEBIAN/deep/file cannot be" in said
    assert not list(out.iterdir())


def test_ladle_lists_it(ladle: Ladle) -> None:
    listed = ladle("plugins").stdout.decode()
    assert ["exporter", "deb", "1.0", "ladle-deb", "1.0", "ok"] in [line.split() for line in listed.splitlines()]
