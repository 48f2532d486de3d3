# SPDX-License-Identifier: Apache-2.0
"""The repository itself, as git knows it."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("llb", "grammars", "frontends", "core", "plugins")


@cache
def tracked(*patterns: str) -> tuple[str, ...]:
    """Return the files that git knows or would add, by path; those that are deleted are not there."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *patterns,
    ]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    names = os.fsdecode(done.stdout).split("\0")
    return tuple(sorted({name for name in names if name and os.path.lexists(REPOSITORY / name)}))


def copy_repository(target: Path) -> None:
    """Copy these files, links as links."""
    for name in tracked():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target / name, follow_symlinks=False)
