# SPDX-License-Identifier: Apache-2.0
"""Real ssh agents and keys for tests, made by OpenSSH's own tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_key(directory: Path, kind: str = "ed25519", *, passphrase: str = "", name: str = "") -> Path:
    """Make a private key; its public half lies beside it."""
    path = directory / (name or f"id_{kind}")
    size = ["-b", "2048"] if kind == "rsa" else []
    command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", "a test's", "-f", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


@contextmanager
def running_agent(*keys: Path, user: str | None = None) -> Iterator[Path]:
    """Run ssh-agent with these keys, as another user if asked; gives its socket."""
    with tempfile.TemporaryDirectory(prefix="agent-") as directory:
        if user is not None:
            shutil.chown(directory, user)
        path = Path(directory) / "socket"
        process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE, user=user)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            if keys:
                env = {**os.environ, "SSH_AUTH_SOCK": str(path)}
                subprocess.run(["ssh-add", "-q", *map(str, keys)], env=env, check=True, stdin=subprocess.DEVNULL)
            yield path
        finally:
            process.terminate()
            process.communicate()


def public(key: Path) -> str:
    """Return type and key as `ssh-add -L` shows them."""
    return " ".join(key.with_name(key.name + ".pub").read_text().split()[:2])
