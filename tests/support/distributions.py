# SPDX-License-Identifier: Apache-2.0
"""Distributions as pip leaves them in a directory: modules, metadata, entry points. Written by hand, for speed."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

SHOUT = """
from ladle.core.api.frontend import BuildResult, ImageResult
from ladle.llb import scratch

class Shout:
    NAME = "shout"
    VERSION = "1"

    @classmethod
    def detect(cls, path, head):
        return path.endswith(".shout")

    def compile(self, context):
        text = context.build_file()[1].decode().upper()
        (platform,) = context.options.platforms
        state = scratch().mkfile("/said", text)
        config = {"architecture": platform.architecture, "os": platform.os, "config": {}, "history": []}
        return BuildResult(images=(ImageResult(platform=platform, state=state, config=config),))
"""
"""A frontend that writes its build file in capitals."""


def install(
    place: Path, name: str, version: str = "1.0", *, points: Mapping[str, Mapping[str, str]], files: Mapping[str, str]
) -> Path:
    """Write a distribution into a directory and return its metadata's; an older version of it goes.

    `points`: group (without `ladle.`) to name to target. The directory's time is set back, as if it had been a while.
    """
    place.mkdir(parents=True, exist_ok=True)
    remove(place, name)
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(dedent(text))
    metadata = place / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n")
    groups = [
        f"[ladle.{group}]\n" + "".join(f"{point} = {target}\n" for point, target in entries.items())
        for group, entries in points.items()
    ]
    (metadata / "entry_points.txt").write_text("[console_scripts]\nx = y:z\n\n" + "\n".join(groups))
    settle(place)
    return metadata


def remove(place: Path, name: str) -> None:
    """Remove what `install` has left of a distribution, but for its modules."""
    for old in place.glob(f"{name.replace('-', '_')}-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    settle(place)


def settle(place: Path) -> None:
    """Set a directory's time back by hours, to another one each time."""
    long_ago = time.time_ns() - 3 * 3600 * 10**9
    os.utime(place, ns=(long_ago, long_ago))
