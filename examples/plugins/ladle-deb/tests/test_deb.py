# SPDX-License-Identifier: Apache-2.0
"""The package's archives and fields, without a build: from a tar in memory to a file that is read with `tarfile`."""

from __future__ import annotations

import io
import tarfile

import pytest
from ladle_deb import DebExporter, archive, control

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.testing import ExporterContract


class TestContract(ExporterContract):
    exporter = "deb"
    attributes = "dest={out}/x.deb,name=xx,version=1"


def tree(files: dict[str, bytes]) -> io.BytesIO:
    """Return the tar of a tree, as ladle writes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), 0o755, 1_600_000_000
            tar.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    return buffer


def members(package: bytes) -> dict[str, bytes]:
    """Return the members of an `ar`."""
    assert package.startswith(b"!<arch>\n")
    found, position = {}, 8
    while position < len(package):
        head = package[position : position + 60]
        size = int(head[48:58])
        found[head[:16].decode().strip()] = package[position + 60 : position + 60 + size]
        position += 60 + size + size % 2
    return found


@pytest.mark.parametrize("compression", sorted(archive.COMPRESSIONS))
def test_a_tree_becomes_a_package(compression: str) -> None:
    out, package = io.BytesIO(), io.BytesIO()
    files = {"DEBIAN/postinst": b"#!/bin/sh\n", "etc/app.conf": b"x", "usr/bin/app": b"y" * 2000}
    data = archive.write_data(tree(files), out, compression)
    fields = control.merged({"name": "app", "version": "1", "arch": "all"}, {}, {})
    text = control.control_text(fields, data.size)
    archive.write_package(package, archive.control_archive(text, data, 7), out, compression, 7)
    found = members(package.getvalue())
    assert list(found) == ["debian-binary", "control.tar.gz", f"data.tar{archive.COMPRESSIONS[compression][0]}"]
    with tarfile.open(fileobj=io.BytesIO(found["control.tar.gz"])) as tar:
        assert sorted(tar.getnames()) == [".", "./conffiles", "./control", "./md5sums", "./postinst"]
        assert tar.getmember("./postinst").mode == 0o755
        sums = tar.extractfile("./md5sums")
        assert sums is not None
        assert sums.read().splitlines()[0] == b"9dd4e461268c8034f5c8564e155c67a6  etc/app.conf"
    assert "Installed-Size: 3\n" in text.decode()
    assert data.sums[1][1] == "usr/bin/app"


def test_names_that_are_long_come_through() -> None:
    out = io.BytesIO()
    name = "/".join(["directory"] * 30) + "/ü"
    archive.write_data(tree({name: b"x"}), out, "gzip")
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        assert f"./{name}" in tar.getnames()


def test_fields_come_from_attributes_then_the_control_file_then_labels() -> None:
    given = control.parse_control(b"package: mine\nDepends: libc6\nBugs: here\nDescription: short\n long\n")
    labels = {"org.opencontainers.image.title": "labelled", "org.opencontainers.image.version": "2"}
    fields = control.merged({"depends": "libc7", "arch": "all"}, given, labels)
    assert fields["Package"] == "mine"
    assert fields["Version"] == "2"
    assert fields["Depends"] == "libc7"
    assert fields["Bugs"] == "here"
    assert "package" not in fields
    assert control.control_text(fields, 1).decode().count("Description: short\n long\n") == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"version": "1", "arch": "all"}, "no package"),
        ({"name": "App", "version": "1", "arch": "all"}, "'App' cannot be the package"),
        ({"name": "app", "version": "v1", "arch": "all"}, "'v1' cannot be the version"),
        ({"name": "app", "version": "1", "arch": "x 86"}, "'x 86' cannot be the architecture"),
    ],
)
def test_what_dpkg_would_refuse_is_told(fields: dict[str, str], expected: str) -> None:
    with pytest.raises(BuildError, match=expected):
        control.check(control.merged(fields, {}, {}))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, "needs dest"),
        ({"dest": "-"}, "needs dest"),
        ({"dest": "x.deb", "nmae": "x"}, "no attribute 'nmae'"),
        ({"dest": "{arch}/x.deb"}, "name of a directory"),
        ({"dest": "x.deb", "owner": "me"}, "owner='me'"),
        ({"dest": "x.deb", "compression": "brotli"}, "compression='brotli'"),
        ({"dest": "x.deb", "name": "a\nEvil: yes"}, "several lines"),
    ],
)
def test_bad_attributes_are_told(attributes: dict[str, str], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        DebExporter.parse(attributes)


def test_a_line_of_the_control_file_that_is_no_field() -> None:
    with pytest.raises(BuildError, match="DEBIAN/control:2"):
        control.parse_control(b"Package: x\nnonsense\n")


@pytest.mark.parametrize(
    ("name", "variant", "expected"), [("amd64", "", "amd64"), ("arm", "v7", "armhf"), ("386", "", "i386")]
)
def test_architectures(name: str, variant: str, expected: str) -> None:
    assert control.architecture(name, variant) == expected


def test_an_architecture_that_debian_does_not_have() -> None:
    with pytest.raises(BuildError, match="no architecture for wasm") as caught:
        control.architecture("wasm", "")
    assert "arch=" in caught.value.help
