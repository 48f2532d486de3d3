# SPDX-License-Identifier: Apache-2.0
"""Fakes of what the engine offers to plugins, image layouts made from scratch, and a real registry."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services


class FakeBlobs:
    """Blobs in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.count = 0
        (root / "blobs/sha256").mkdir(parents=True)

    def path(self, digest: str) -> str:
        return str(self.root / "blobs" / digest.replace(":", "/"))

    def has(self, digest: str) -> bool:
        return Path(self.path(digest)).exists()

    def examine(self, digest: str) -> bool:
        return self.has(digest)

    def read(self, digest: str, *, limit: int = 16 << 20) -> bytes:
        return Path(self.path(digest)).read_bytes()

    def put(self, data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        Path(self.path(digest)).write_bytes(data)
        return digest

    def temporary(self) -> str:
        self.count += 1
        return str(self.root / f"temporary-{self.count}")

    def adopt(self, path: str, digest: str) -> None:
        assert f"sha256:{hashlib.sha256(Path(path).read_bytes()).hexdigest()}" == digest
        Path(path).rename(self.path(digest))


class FakeSnapshots:
    """Snapshot ids and what is known of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.next = 0
        self.committed: dict[str, tuple[str, bool]] = {}
        self.known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def allocate(self) -> str:
        self.next += 1
        return str(self.next)

    def commit(self, snapshot: str, *, diff_id: str = "", base: bool = False) -> None:
        self.committed[snapshot] = (diff_id, base)

    def hold(self, snapshots: Sequence[str]) -> bool:
        return all((self.folder / snapshot).is_dir() for snapshot in snapshots)

    def is_base(self, snapshot: str) -> bool:
        return self.committed[snapshot][1]

    def maker(self, snapshot: str) -> str:
        return f"the step of {snapshot}"

    def blob(self, snapshot: str, variant: str) -> Mapping[str, Any] | None:
        return self.known.get((snapshot, variant))

    def set_blob(self, snapshot: str, variant: str, descriptor: Mapping[str, Any]) -> None:
        self.known[(snapshot, variant)] = descriptor


class FakeFacts:
    """Facts in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], bytes] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        return self.values.get((kind, key))

    def put(self, kind: str, key: str, value: bytes) -> None:
        self.values[(kind, key)] = value


class FakeSession:
    """Names to directories."""

    def __init__(self) -> None:
        self.locals: dict[str, str] = {}
        self.layouts: dict[str, str] = {}

    def local(self, name: str) -> str:
        return self.locals[name]

    def layout(self, name: str) -> str:
        if name not in self.layouts:
            raise BuildError(f"no layout {name}", code="LA0121")
        return self.layouts[name]

    def secret(self, id: str) -> bytes | None:
        return None

    def secrets(self) -> tuple[bytes, ...]:
        return ()

    def agent(self, id: str) -> None:
        return None


class FakeReporter:
    """Keeps warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def status(self, id: str, text: str, *, current: int = 0, total: int = 0) -> None:
        pass

    def log(self, id: str, stream: int, data: bytes) -> None:
        pass

    def warning(self, text: str, *, help: str = "") -> None:
        self.warnings.append(text)


class FakeWorker:
    """Does in a few lines what the worker's jobs do, for trees of plain files; counts the jobs."""

    def __init__(self, root: Path) -> None:
        self.snapshots = root / "snapshots"
        self.snapshots.mkdir()
        self.jobs: list[tuple[str, dict[str, Any]]] = []

    async def run(
        self,
        job: str,
        args: dict[str, Any],
        *,
        fds: Sequence[int] = (),
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        self.jobs.append((job, args))
        result: dict[str, Any] = getattr(self, job)(args, list(fds))
        return result

    def named(self, job: str) -> list[dict[str, Any]]:
        return [args for name, args in self.jobs if name == job]

    def apply(self, args: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        data = Path(args["blob"]).read_bytes()
        assert len(data) == args["size"]
        tar = gzip.decompress(data) if args["media_type"].endswith("gzip") else data
        target = self.snapshots / args["snapshot"]
        target.mkdir()
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            archive.extractall(target, filter="fully_trusted")
        return {"diff_id": digest_of(tar), "size": len(tar), "warnings": []}

    def diff(self, args: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        tar = tar_of_tree(self.snapshots / args["snapshot"], args["epoch"])
        data = gzip.compress(tar, mtime=0) if args["compression"] == "gzip" else tar
        Path(args["out"]).write_bytes(data)
        suffix = "+gzip" if args["compression"] == "gzip" else ""
        media_type = f"application/vnd.oci.image.layer.v1.tar{suffix}"
        return {"diff_id": digest_of(tar), "digest": digest_of(data), "size": len(data), "media_type": media_type}

    def export_tar(self, args: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        ((_, ref),) = args["parts"]
        os.write(fds[args["fd"]], tar_of_tree(self.snapshots / ref["layers"][-1], args["epoch"]))
        return {"entries": 1}

    def export_local(self, args: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        import marshal

        table = {}
        for folder, ref in args["parts"]:
            tree = self.snapshots / ref["layers"][-1]
            shutil.copytree(tree, Path(args["dest"], folder), dirs_exist_ok=True)
            for path in filter(Path.is_file, tree.rglob("*")):
                name = Path(folder, path.relative_to(tree))
                status = Path(args["dest"], name).stat()
                table[os.fsencode(name)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, 0)
        Path(args["receipt"]).write_bytes(marshal.dumps(table))
        return {"files": len(table), "bytes": 0, "unchanged": 0, "removed": 0, "warnings": ["a warning"]}


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def tar_of_tree(tree: Path, epoch: int | None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(tree.rglob("*")):
            info = archive.gettarinfo(path, str(path.relative_to(tree)))
            info.mtime = 1 if epoch is None else epoch
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            with path.open("rb") if path.is_file() else contextlib.nullcontext() as file:
                archive.addfile(info, file)
    return buffer.getvalue()


@pytest.fixture
def make_services(tmp_path: Path) -> Callable[..., Services]:
    """Make services over a fresh root."""

    def make(name: str = "store", **options: Any) -> Services:
        root = tmp_path / name
        root.mkdir()
        lock = threading.RLock()
        locks: dict[str, threading.Lock] = {}

        @contextlib.contextmanager
        def single_flight(key: str) -> Iterator[None]:
            with lock:
                one = locks.setdefault(key, threading.Lock())
            with one:
                yield

        services = Services(
            root=str(root),
            blobs=FakeBlobs(root),
            snapshots=FakeSnapshots(root / "snapshots"),
            facts=FakeFacts(),
            session=FakeSession(),
            worker=FakeWorker(root),
            reporter=FakeReporter(),
            single_flight=single_flight,
            hold=lambda paths: all((root / path).exists() for path in paths),
        )
        return replace(services, **options)

    return make


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


class LayoutMaker:
    """Writes images into an OCI layout directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = digest_of(data)
        (self.path / "blobs/sha256" / digest[7:]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def image(
        self,
        layers: Sequence[Mapping[str, bytes] | bytes],
        *,
        architecture: str = "amd64",
        config: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write an image with a layer for each tar, or map of names to contents; return its manifest's descriptor."""
        tars = []
        for files in layers:
            if isinstance(files, bytes):
                tars.append(files)
                continue
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                for name, data in files.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
            tars.append(buffer.getvalue())
        fields = {
            "architecture": architecture,
            "config": config or {"Cmd": ["sh"]},
            "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "base"} for _ in tars],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        }
        base = "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{base}.manifest.v1+json",
            "config": self.blob(json.dumps(fields).encode(), f"{base}.config.v1+json"),
            "layers": [self.blob(gzip.compress(tar, mtime=0), f"{base}.layer.v1.tar+gzip") for tar in tars],
        }
        return self.blob(json.dumps(manifest).encode(), f"{base}.manifest.v1+json")

    def index(self, *images: dict[str, Any]) -> dict[str, Any]:
        """Write an index over descriptors; return its own."""
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": list(images),
        }
        return self.blob(json.dumps(document).encode(), str(document["mediaType"]))

    def tag(self, descriptor: dict[str, Any], tag: str) -> None:
        """Put a name to a descriptor and write `index.json`."""
        self.entries.append(descriptor | {"annotations": {"org.opencontainers.image.ref.name": tag}})
        document = {"schemaVersion": 2, "manifests": self.entries}
        (self.path / "index.json").write_text(json.dumps(document))


@pytest.fixture
def layout(tmp_path: Path) -> LayoutMaker:
    return LayoutMaker(tmp_path / "layout")


class Registry:
    """A running docker-registry; `host` is what references start with."""

    def __init__(self, host: str) -> None:
        self.host = host

    def push(self, layout: LayoutMaker, tag: str, name: str) -> None:
        """Push an image, or all images of an index, with skopeo."""
        subprocess.run(
            [
                *("skopeo", "copy", "-q", "--insecure-policy", "--all", "--dest-tls-verify=false"),
                *(f"oci:{layout.path}:{tag}", f"docker://{self.host}/{name}"),
            ],
            check=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Run Debian's docker-registry on a free loopback port."""
    root = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = root / "config.yml"
    config.write_text(
        f"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {root}/data\n"
        f"http:\n  addr: 127.0.0.1:{port}\n"
    )
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, (root / "log").read_text()
            time.sleep(0.02)
        yield Registry(f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(timeout=20)
