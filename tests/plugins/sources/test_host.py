# SPDX-License-Identifier: Apache-2.0
"""The machine as a base, on made-up machines and on this one."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services
from ladle.llb.ops import Platform, SourceOp
from ladle.plugins.sources.host import HostSource
from ladle.plugins.sources.host_key import machine_key, tree_records
from ladle.plugins.sources.host_skeleton import read_skeleton

SKELETON = SourceOp(identifier="host://")
USR = SourceOp(identifier="host:///usr")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A merged machine with something private in every corner."""
    root = tmp_path / "machine"
    for folder in ("usr/lib", "usr/local/bin", "etc/ssl/certs", "etc/ssl/private", "etc/ld.so.conf.d", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    for name in ("bin", "lib"):
        (root / name).symlink_to(f"usr/{name}")
    files = {
        "usr/lib/os-release": "ID=debian",
        "var/lib/dpkg/status": "Package: a",
        "usr/local/bin/tool": "tool",
        "etc/passwd": "root:x:0:0",
        "etc/group": "root:x:0",
        "etc/shadow": "secret",
        "etc/hosts": "127.0.0.1 me",
        "etc/ssl/certs/ca.crt": "certificate",
        "etc/ssl/private/me.key": "secret",
        "etc/ssl/server.key": "secret",
        "etc/nsswitch.conf": "hidden",
    }
    for name, text in files.items():
        (root / name).write_text(text)
    (root / "etc/nsswitch.conf").chmod(0o600)
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    return root


def paths(machine: Path) -> dict[str, Any]:
    return {os.fsdecode(node.path): node for node in read_skeleton(str(machine)).nodes}


def test_the_skeleton_has_what_programs_want_and_nothing_private(machine: Path) -> None:
    found = paths(machine)
    assert found["etc/passwd"].data == b"root:x:0:0"
    assert found["etc/ssl/certs/ca.crt"].data == b"certificate"
    assert (found["etc/os-release"].kind, found["etc/os-release"].data) == ("symlink", b"../usr/lib/os-release")
    assert (found["tmp"].kind, found["tmp"].mode, found["root"].mode) == ("directory", 0o1777, 0o700)
    assert found["bin"].data == b"usr/bin"
    for name in ("shadow", "hosts", "ssl/private", "ssl/server.key", "nsswitch.conf"):
        assert f"etc/{name}" not in found
    assert not [node for node in found.values() if b"secret" in node.data]


def test_parents_come_before_what_is_in_them(machine: Path) -> None:
    seen = {""}
    for path in paths(machine):
        assert os.path.dirname(path) in seen
        seen.add(path)


def test_directories_that_are_not_merged_are_mounted(machine: Path) -> None:
    (machine / "lib").unlink()
    (machine / "lib").mkdir()
    assert read_skeleton(str(machine)).mounts == ("/usr", "/lib")
    assert paths(machine)["lib"].kind == "directory"


def test_the_layer_has_the_same_bytes_each_time(machine: Path) -> None:
    data = read_skeleton(str(machine)).tar()
    assert read_skeleton(str(machine)).tar() == data
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getmember("tmp").mode == 0o1777
        assert archive.getmember("bin").linkname == "usr/bin"
        assert {(member.uid, member.mtime) for member in archive} == {(0, 0)}


def test_the_skeleton_is_made_once(services: Services, machine: Path) -> None:
    source = HostSource(services, machine=str(machine))
    first = asyncio.run(source.fetch(SKELETON, None, source.pin(SKELETON, None)))
    again = HostSource(services, machine=str(machine))
    assert asyncio.run(again.fetch(SKELETON, None, again.pin(SKELETON, None))) == first
    (machine / "etc/passwd").write_text("root:x:0:0\nme:x:1:1")
    other = HostSource(services, machine=str(machine))
    assert asyncio.run(other.fetch(SKELETON, None, other.pin(SKELETON, None))) != first
    assert len(services.worker.named("apply")) == 2  # type: ignore[attr-defined]


def test_a_directory_is_a_ref_without_fetching(services: Services, machine: Path) -> None:
    source = HostSource(services, machine=str(machine))
    pin = source.pin(USR, None)
    assert pin.ref == {"kind": "host", "path": f"{machine}/usr"}
    assert asyncio.run(source.fetch(USR, None, pin)) == pin.ref
    assert source.resolve_host().dirs == ("/usr",)
    assert source.resolve_host().env[0].startswith("PATH=")


@pytest.mark.parametrize("path", ["/", "/etc", "/root", "/usr/../root", "/usr/"])
def test_other_directories_are_refused(services: Services, machine: Path, path: str) -> None:
    with pytest.raises(BuildError) as caught:
        HostSource(services, machine=str(machine)).pin(SourceOp(identifier=f"host://{path}"), None)
    assert caught.value.code == "LA0213"


def test_a_build_that_may_not_use_the_machine(make_services: Callable[..., Services], machine: Path) -> None:
    source = HostSource(make_services(allow_host=False), machine=str(machine))
    for ask in (source.resolve_host, lambda: source.pin(SKELETON, None), lambda: source.pin(USR, None)):
        with pytest.raises(BuildError) as caught:
            ask()
        assert caught.value.code == "LA0213"
    with pytest.raises(BuildError, match="not an image"):
        source.resolve("", platform=Platform(os="linux", architecture="amd64"), scheme="host")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "var/lib/dpkg/status").write_text("Package: a\nPackage: b"),
        lambda root: (root / "usr/lib/os-release").write_text("ID=other"),
        lambda root: (root / "usr/local/bin/new").write_text(""),
        lambda root: (root / "usr/local/bin/tool").write_text("longer tool"),
    ],
)
def test_the_key_follows_what_is_installed(services: Services, machine: Path, change: Callable[[Path], object]) -> None:
    before = machine_key(services.facts, str(machine))
    assert machine_key(services.facts, str(machine)) == before
    change(machine)
    assert machine_key(services.facts, str(machine)) != before


def test_a_huge_tree_is_not_walked_to_its_end(machine: Path) -> None:
    for number in range(20):
        (machine / f"usr/local/{number:02}/deep").mkdir(parents=True)
    assert len(list(tree_records(os.fsencode(machine / "usr/local"), 10))) < 40


def test_this_machine_can_be_read() -> None:
    skeleton = read_skeleton()
    assert "/usr" in skeleton.mounts
    assert skeleton.digest == read_skeleton().digest
    assert any(node.path == b"etc/passwd" for node in skeleton.nodes)
