# SPDX-License-Identifier: Apache-2.0
"""The tools that are measured: ladle, and BuildKit where it is at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from benchmarks import inputs, measure
from benchmarks.workloads import Build


class Tool(Protocol):
    """What builds."""

    name: str

    def reset(self, state: str, build: Build) -> None:
        """Bring the store into a state: `empty`, `base` (the base image unpacked) or `built` (`build` is cached)."""

    def command(self, build: Build) -> list[str]:
        """Return the command of a build."""

    def environment(self) -> dict[str, str]:
        """Return the variables that the command needs."""


class Ladle:
    """This project's ladle, with stores of its own below a directory."""

    name = "ladle"

    def __init__(self, directory: Path, base: Path, *, executor: str = "auto") -> None:
        self._stores = directory / "stores"
        self._base = base
        self._executor = executor
        self._count = 0
        self._root = self._stores / "0"
        self._built: Path | None = None
        self._warm = inputs.context(directory / "warm", "FROM busybox\nRUN echo warm\n")

    def reset(self, state: str, build: Build) -> None:
        """See `Tool`. A store is thrown away as a whole, unless the build is in it already."""
        if state == "built" and self._built == build.context:
            return
        shutil.rmtree(self._root, ignore_errors=True)
        self._count += 1
        self._root = self._stores / str(self._count)
        self._built = None
        if state == "base":
            measure.run(self.command(Build(self._warm)), self.environment())
        elif state == "built":
            measure.run(self.command(Build(build.context)), self.environment())
            self._built = build.context

    def command(self, build: Build) -> list[str]:
        """See `Tool`."""
        ladle = str(Path(sys.executable).parent / "ladle")
        base = ["--build-context", f"busybox=oci-layout://{self._base}:latest", str(build.context)]
        if build.command == "version":
            return [ladle, "--version"]
        if build.command == "compile":
            return [ladle, "compile", *base, "-o", str(self._stores / "compiled.llb")]
        output = ["-o", build.output] if build.output else []
        return [ladle, "build", "--progress", "plain", "--executor", self._executor, *output, *base]

    def environment(self) -> dict[str, str]:
        """See `Tool`."""
        return {"LADLE_ROOT": str(self._root)}


class BuildKit:
    """buildctl with the buildkitd that $BUILDKIT_HOST names."""

    name = "buildctl"

    def __init__(self, base: Path) -> None:
        self._base = base

    @staticmethod
    def at_hand() -> bool:
        """Say whether there is one to ask."""
        if not shutil.which("buildctl"):
            return False
        return subprocess.run(["buildctl", "debug", "workers"], capture_output=True, check=False).returncode == 0

    def reset(self, state: str, build: Build) -> None:
        """See `Tool`. A prune drops what is unpacked of the base, too: it is small, and lies in a layout."""
        if state == "built":
            measure.run(self.command(Build(build.context)))
        else:
            measure.run(["buildctl", "prune", "--all"])

    def command(self, build: Build) -> list[str]:
        """See `Tool`. Compiling has no command of its own there."""
        command = ["buildctl", "build", "--progress", "plain", "--frontend", "dockerfile.v0"]
        for name in ("context", "dockerfile"):
            command += ["--local", f"{name}={build.context}"]
        digest = _digest(self._base)
        command += ["--oci-layout", f"base={self._base}", "--opt", f"context:busybox=oci-layout://base@{digest}"]
        return [*command, "--output", build.output] if build.output else command

    def environment(self) -> dict[str, str]:
        """See `Tool`."""
        return {key: value for key, value in os.environ.items() if key.startswith("BUILDKIT_")}


def _digest(layout: Path) -> str:
    import json

    digest: str = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    return digest
