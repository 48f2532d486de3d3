# SPDX-License-Identifier: Apache-2.0
"""A real registry (Debian's docker-registry) on a free loopback port."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIG = """\
version: 0.1
log:
  level: error
storage:
  filesystem:
    rootdirectory: {root}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:{port}
"""


@contextmanager
def running_registry(directory: Path) -> Iterator[str]:
    """Start a registry that keeps its blobs in `directory`; yields `127.0.0.1:PORT` and ends it afterwards."""
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = directory / "config.yml"
    config.write_text(_CONFIG.format(root=directory / "data", port=port))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    try:
        _wait(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"docker-registry ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("docker-registry does not answer")


def push(layout: Path, tag: str, reference: str) -> None:
    """Push one image of an OCI layout."""
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]
    subprocess.run([*command, f"oci:{layout}:{tag}", f"docker://{reference}"], check=True, capture_output=True)
