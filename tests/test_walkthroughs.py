# SPDX-License-Identifier: Apache-2.0
"""The README and the tutorials, done as they say: files are written as shown, commands print what is shown.

A fenced block below a line that ends with a path and a colon is that file; one that is shown again takes the place of
the one before. In a `console` block each line after a `$` is a command, the lines below are what it prints: `...` for
any lines, `…` for any part of a line.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

PAGES = ("README.md", "docs/tutorial.md", "docs/testing-frontends.md", "docs/python.md", "examples/frontends/README.md")
BLOCK = re.compile(
    r"(?:^[^\n]*`(?P<path>[\w./-]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def steps(page: str) -> Iterator[tuple[str, str]]:
    """Yield what a page has one do: `("write", "PATH\\nTEXT")` and `("run", "COMMAND\\nOUTPUT")`."""
    for found in BLOCK.finditer((REPOSITORY / page).read_text(encoding="utf-8")):
        if found["path"]:
            yield "write", f"{found['path']}\n{found['text']}"
        elif found["kind"] == "console":
            for part in re.split(r"^\$ ", found["text"], flags=re.MULTILINE)[1:]:
                yield "run", part


def matches(shown: str, printed: str) -> bool:
    """Say whether a text is as shown, with `...` for any lines and `…` for any part of one."""
    parts = []
    for line in shown.strip("\n").split("\n"):
        anything = line.strip() == "..."
        parts.append(r"(?:.*\n)*?" if anything else re.escape(line).replace("…", ".*") + r"[ ]*\n")
    return re.fullmatch("".join(parts), printed.rstrip("\n") + "\n") is not None


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [("a\n...\nb", "a\nx\ny\nb\n", True), ("a\n...", "a", True), ("took …s", "took 1.2s", True), ("a", "a\nb", False)],
)
def test_output_is_compared(shown: str, printed: str, same: bool) -> None:
    assert matches(shown, printed) is same


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the variables of a shell in which `ladle` and `pytest` are this installation's."""
    plain = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    store = tmp_path / "store"
    yield {**plain, "PATH": path, "HOME": str(tmp_path), "LADLE_ROOT": str(store), "PYTHONDONTWRITEBYTECODE": "1"}
    shutil.rmtree(store, ignore_errors=True)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_happens(page: str, tmp_path: Path, environment: dict[str, str]) -> None:
    place = tmp_path / "place"
    if page.startswith("examples/"):
        shutil.copytree((REPOSITORY / page).parent, place)
    else:
        place.mkdir()
    ran = 0
    for what, said in steps(page):
        first, _, rest = said.partition("\n")
        if what == "write":
            (place / first).parent.mkdir(parents=True, exist_ok=True)
            (place / first).write_text(rest)
            continue
        done = subprocess.run(
            first, shell=True, cwd=place, env=environment, capture_output=True, check=False, text=True, timeout=60
        )
        printed = done.stderr + done.stdout
        assert "Traceback" not in printed
        assert matches(rest, printed), f"{page}: $ {first}\nexpected:\n{rest}\nprinted:\n{printed}"
        ran += 1
    assert ran


def test_the_frontend_of_the_readme_and_its_test_are_short() -> None:
    files = dict(said.partition("\n")[::2] for what, said in steps("README.md") if what == "write")
    assert len(files["it.py"].splitlines()) <= 20
    assert len(files["test_it.py"].splitlines()) <= 10
    assert "lowers_to" in files["test_it.py"]
