# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend new`: a frontend that works, its test, and a build file, to be changed into one's own."""

from __future__ import annotations

import os
import re

from ladle.core.cli.frontend import errors

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_FRONTEND = '''"""Each line of a build file is a word and its rest: from IMAGE, run COMMAND, copy PATH."""
from ladle.frontends.sdk import base, files, frontend, lines, llb


@frontend(files=["*.NAME"])
def compile(context):
    state = llb.scratch()
    for line in lines(context):
        word, _, rest = line.text.partition(" ")
        if word == "from":
            state = base(context, rest)
        elif word == "run":
            state = state.run(["/bin/sh", "-c", rest]).root
        elif word == "copy":
            state = state.copy(files(context), rest, "/")
        else:
            line.wrong(f"there is no {word!r}", code="STEP001", help="write from, run or copy")
    return state
'''
_TEST = """def test_steps(lowers_to):
    lowers_to("NAME.py", "from busybox\\nrun make")


def test_mistakes(lowers_to):
    lowers_to("NAME.py", "form busybox\\nmake")
"""
_SAMPLE = """# syntax=./NAME.py
from scratch
copy sample.NAME
"""
_FILES = {"NAME.py": _FRONTEND, "test_NAME.py": _TEST, "sample.NAME": _SAMPLE}


def files_of(name: str) -> dict[str, str]:
    """Return the files of a new frontend: names and texts."""
    return {path.replace("NAME", name): text.replace("NAME", name) for path, text in _FILES.items()}


def run_new(name: str) -> int:
    """Write the files into this directory, none over another; returns 0. Raises `UsageError`."""
    if not _NAME.fullmatch(name):
        raise errors.bad_name(name)
    files = files_of(name)
    for path in files:
        if os.path.lexists(path):
            raise errors.exists(path)
    for path, text in files.items():
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
        print(f"wrote {path}")
    print(f"try: ladle frontend test {name}.py; ladle build -f sample.{name} -o out .")
    return 0
