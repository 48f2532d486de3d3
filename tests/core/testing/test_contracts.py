# SPDX-License-Identifier: Apache-2.0
"""Ladle's own plugins keep the contracts that strangers' are tested by."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ladle.core.api.services import Services
from ladle.core.build.session import LocalSession
from ladle.core.testing import ExecutorContract, ExporterContract, SnapshotterContract, SourceContract
from ladle.plugins.sources.git import GitSource

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FILE = b"a file\n"


class TestOci(ExporterContract):
    exporter = "oci"
    attributes = "dest={out}/x.tar"


class TestDocker(ExporterContract):
    exporter = "docker"
    attributes = "dest={out}/x.tar"


class TestTar(ExporterContract):
    exporter = "tar"
    attributes = "dest={out}/x.tar"


class TestLocal(ExporterContract):
    exporter = "local"
    attributes = "dest={out}/tree"


class TestCacheOnly(ExporterContract):
    exporter = "cacheonly"
    attributes = ""


class TestDockerImage(SourceContract):
    source = "ladle.plugins.sources.docker_image:DockerImageSource"
    pinned = f"docker-image://docker.io/library/x:1@{A}"
    other = f"docker-image://docker.io/library/x:1@{B}"
    bad = "docker-image://UPPER/x"


class TestOciLayout(SourceContract):
    source = "ladle.plugins.sources.oci_layout:OciLayoutSource"
    pinned = f"oci-layout://x@{A}"
    other = f"oci-layout://x@{B}"
    bad = "oci-layout://absent:1"


class TestLocalDirectory(SourceContract):
    source = "ladle.plugins.sources.local:LocalSource"
    pinned = "local://one"
    other = "local://two"
    bad = "local://absent"
    image = False

    def prepare(self, given: Services, place: Path) -> None:
        assert isinstance(given.session, LocalSession)
        for name in ("one", "two"):
            (place / name).mkdir(exist_ok=True)
            (place / name / "file").write_text(name)
            given.session.add_local(name, str(place / name))


class TestHttp(SourceContract):
    source = "ladle.plugins.sources.http:HttpSource"
    pinned = "https://files.example/x"
    other = "https://files.example/y"
    attrs = {"http.checksum": f"sha256:{hashlib.sha256(FILE).hexdigest()}"}  # noqa: RUF012 — as the contract says
    image = False

    def prepare(self, given: Services, place: Path) -> None:
        digest = given.blobs.put(FILE)
        for name in ("x", "y"):
            known = {"digest": digest, "name": name, "mtime": 1, "etag": ""}
            given.facts.put("http", f"https://files.example/{name}", json.dumps(known).encode())


class TestGit(SourceContract):
    source = "ladle.plugins.sources.git:GitSource"
    pinned = f"git://files.example/x.git#{'a' * 40}"
    other = f"git://files.example/x.git#{'b' * 40}"
    bad = "git://files.example/x.git#--upload-pack=id"
    image = False

    def prepare(self, given: Services, place: Path) -> None:
        for sign in "ab":
            op = self.op(f"git://files.example/x.git#{sign * 40}")
            key = GitSource(given)._wish(op).key
            (Path(given.root) / "downloads" / key).mkdir(parents=True, exist_ok=True)
            (Path(given.root) / "downloads" / key / "file").write_text(sign)


class TestHost(SourceContract):
    source = "ladle.plugins.sources.host:HostSource"
    pinned = "host:///usr"
    other = "host://"
    bad = "host:///etc"
    image = False


@pytest.mark.root
class TestOverlay(SnapshotterContract):
    snapshotter = "overlay"


@pytest.mark.root
class TestCrun(ExecutorContract):
    executor = "crun"


@pytest.mark.root
class TestNative(ExecutorContract):
    executor = "native"
