# SPDX-License-Identifier: Apache-2.0
"""Base images for tests, made on this machine as OCI layouts, without ladle's own code."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

EPOCH = 1600000000


class Layout:
    """An OCI layout directory under construction."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "blobs" / "sha256").mkdir(parents=True)
        (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self._manifests: list[dict[str, Any]] = []

    def blob(self, data: bytes) -> str:
        """Store bytes and return their digest."""
        digest = hashlib.sha256(data).hexdigest()
        (self.directory / "blobs" / "sha256" / digest).write_bytes(data)
        return f"sha256:{digest}"

    def image(self, tag: str, config: dict[str, Any], layers: list[bytes]) -> str:
        """Add an image of uncompressed layer tars; returns its manifest digest."""
        config = {**config, "rootfs": {"type": "layers", "diff_ids": [self.blob(layer) for layer in layers]}}
        config_bytes = json.dumps(config).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.blob(config_bytes),
                "size": len(config_bytes),
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": self.blob(layer),
                    "size": len(layer),
                }
                for layer in layers
            ],
        }
        data = json.dumps(manifest).encode()
        digest = self.blob(data)
        self._manifests.append(
            {
                "mediaType": manifest["mediaType"],
                "digest": digest,
                "size": len(data),
                "annotations": {"org.opencontainers.image.ref.name": tag},
            }
        )
        index = {"schemaVersion": 2, "manifests": self._manifests}
        (self.directory / "index.json").write_text(json.dumps(index))
        return digest


def busybox_layer() -> bytes:
    """Return the tar of a busybox root with the tree that the golden cases were built on."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("bin", "etc", "root", "tmp", "usr", "usr/bin"):
            _add(tar, name, tarfile.DIRTYPE, 0o755)
        _add(tar, "bin/busybox", tarfile.REGTYPE, 0o755, Path("/bin/busybox").read_bytes())
        for applet in subprocess.run(
            ["/bin/busybox", "--list"], capture_output=True, text=True, check=True
        ).stdout.split():
            if applet != "busybox":
                _add(tar, f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="busybox")
        _add(tar, "etc/passwd", tarfile.REGTYPE, 0o644, b"root:x:0:0:root:/root:/bin/sh\n")
        _add(tar, "etc/group", tarfile.REGTYPE, 0o644, b"root:x:0:\n")
    return out.getvalue()


def _add(tar: tarfile.TarFile, name: str, kind: bytes, mode: int, data: bytes = b"", link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.mtime, info.size, info.linkname = kind, mode, EPOCH, len(data), link
    tar.addfile(info, io.BytesIO(data))


BUSYBOX_CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "config": {
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "Cmd": ["sh"],
        "WorkingDir": "/",
    },
    "created": "2020-09-13T12:26:40Z",
    "history": [{"created": "2020-09-13T12:26:40Z", "created_by": "COPY bb/ / # buildkit"}],
}


def debian_root(cache: Path) -> Path:
    """Return the path of a Debian root file system as a tar, made by mmdebstrap once and kept in `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "debian-bookworm-minbase.tar"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}")
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            "--mode=root",
            "--format=tar",
            "bookworm",
            str(temporary),
        ]
        places = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("debian*"))]
        lists = [str(place) for place in places if place.exists() and place.stat().st_size]
        subprocess.run([*command, *lists], check=True, capture_output=True)
        temporary.rename(path)
    return path
