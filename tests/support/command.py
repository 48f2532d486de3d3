# SPDX-License-Identifier: Apache-2.0
"""Runs the `ladle` command as a person would, in a process of its own, as root or as an ordinary user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Ladle:
    """A `ladle` with a store of its own."""

    command: list[str]
    store: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it; with `check` a failure shows what it printed."""
        done = subprocess.run(
            [*self.command, *map(str, args)],
            cwd=cwd,
            env=self.environment(env),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{args} exited with {done.returncode}:\n{done.stderr.decode(errors='replace')}")
        return done

    def start(self, *args: str | Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        """Start it, in a process group of its own."""
        return subprocess.Popen(
            [*self.command, *map(str, args)],
            cwd=cwd,
            env=self.environment(None),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        """Return the environment that it runs with."""
        plain = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {**plain, "HOME": str(self.store.parent), "LADLE_ROOT": str(self.store), **self.env, **(more or {})}


def steps(done: subprocess.CompletedProcess[bytes], how: str) -> list[str]:
    """Return the names of the steps that ended in a way (`CACHED`, `DONE`), from plain progress."""
    found = []
    for line in done.stderr.decode(errors="replace").splitlines():
        name, sep, rest = line.partition(f" {how}")
        if sep and " | " not in name and (not rest or rest[0] == " "):
            found.append(name)
    return found
