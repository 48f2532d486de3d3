# SPDX-License-Identifier: Apache-2.0
"""A build file run as a program: `python -P ladle.py` builds and exports what it describes."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

Write = Callable[..., Path]
PROGRAM = """from ladle.frontends.python import Image, llb, target


@target
def app(word: str = "hi") -> Image:
    return Image(llb.scratch().mkfile("/word", word), cmd=["/word"])


if __name__ == "__main__":
    from ladle.core.engine import Engine

    seen = []
    with Engine(".", root="store", progress=seen.append) as engine:
        print(engine.solve(app).read("/word"), engine.export(app, type="oci", dest="app.tar").digest[:7], bool(seen))
"""


def test_a_build_file_is_a_program(context: Write) -> None:
    directory = context({"ladle.py": PROGRAM})
    words = [sys.executable, "-P", "ladle.py"]
    done = subprocess.run(words, cwd=directory, env=dict(os.environ), capture_output=True, check=False, timeout=60)
    assert done.stderr == b""
    assert done.stdout == b"b'hi' sha256: True\n"
    assert tarfile.is_tarfile(directory / "app.tar")
