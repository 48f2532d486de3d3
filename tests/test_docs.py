# SPDX-License-Identifier: Apache-2.0
"""The documents: links lead somewhere, commands parse and run, Python runs, and what is generated is up to date."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ladle.core.cli.app import app
from ladle.core.cli.options import NotPlainError, parse_plain
from tests.support.command import Ladle
from tests.support.repository import REPOSITORY, tracked

PAGES = tracked("*.md", ":!tests/cases")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"\s*(?:\.venv/bin/)?ladle ")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def commands(page: str) -> Iterator[list[str]]:
    """Return the arguments of the `ladle` commands that a page shows as indented or fenced lines.

    What is shown with a prompt and its output is run by test_walkthroughs.py.
    """
    fenced = False
    for line in text(page).splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif (fenced and not line.startswith("$ ")) or line.startswith("    "):
            for part in filter(COMMAND.match, re.split(r"&&|\|", line)):
                words = shlex.split(part, comments=True)
                if "[OPTIONS]" not in words:
                    yield words[1:]


COMMANDS = [(page, words) for page in PAGES for words in commands(page)]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in LINK.findall(re.sub(r"`[^`]*`", "", text(page))):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            anchors = [
                re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in HEADING.findall(target.read_text())
            ]
            assert anchor in anchors, f"{page}: {link}"


def test_there_are_commands_and_python() -> None:
    assert {words[0] for _, words in COMMANDS} >= {"build", "compile", "inspect"}
    assert BLOCK.findall(text("README.md"))


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=[" ".join(words) for _, words in COMMANDS])
def test_commands_parse(page: str, words: list[str]) -> None:
    name, *arguments = words
    command = app.commands[name]
    context = command.make_context(name, list(arguments))
    if name == "build":
        try:
            values, positional = parse_plain(arguments)
        except NotPlainError:
            pytest.fail(f"{page}: the fast path does not know {arguments}")
        assert {**values, "path": tuple(positional)} == context.params


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """Return a directory in which the documents' commands work: a tiny context with the stages that they name."""
    place = tmp_path / "place"
    shutil.copytree(REPOSITORY / "examples", place / "examples")
    (place / "Dockerfile").write_text("FROM scratch AS docs\nCOPY a /docs\nFROM scratch AS release\nCOPY a /b\n")
    (place / "a").write_text("a")
    return place


@pytest.mark.parametrize("page", sorted({page for page, _ in COMMANDS if not page.startswith("examples/plugins/")}))
def test_commands_run(page: str, workplace: Path) -> None:
    """Runs those that need neither a network nor a sandbox, in the order in which they are shown.

    Those of plugins need the plugin: tests/examples installs them.
    """
    ladle = Ladle([sys.executable, "-m", "ladle.core.cli"], workplace.parent / "store")
    compiled = False
    for words in commands(page):
        if any("hello" in word or "same/" in word or "docker-image://" in word for word in words):
            continue
        compiled = compiled or words[0] == "compile"
        if "build.llb" in words and not compiled:
            continue
        more = ["--build-context", "context=."] if "--llb" in words else []
        done = ladle(*words, *more, cwd=workplace, check=False)
        assert done.returncode == 0 or words[0] == "doctor", done.stderr.decode()
    shutil.rmtree(ladle.store, ignore_errors=True)


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(text(page)) and page != "docs/python.md"])
def test_python_runs(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(BLOCK.findall(text(page))):
        done = subprocess.run([sys.executable, "-I", "-c", block], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == 0, f"{page}, block {number}: {done.stderr.decode()}"
    assert os.listdir(tmp_path) == []


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """Return docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", REPOSITORY / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "errors.md", "plugins.md", "yaml.md"])
def test_generated_parts_are_up_to_date(generate: ModuleType, page: str) -> None:
    shown = text(f"docs/{page}")
    assert generate.generated(page, shown) == shown, "run: .venv/bin/python docs/generate.py"


def test_every_code_and_command_is_listed(generate: ModuleType) -> None:
    listed = set(re.findall(r"^\| `([A-Z]{2}\d{4})`", text("docs/errors.md"), re.MULTILINE))
    assert listed == {code for code, _, _ in generate.mentions()}
    assert len(listed) > 150
    names = {name for name, _ in generate.commands()}
    assert set(re.findall(r"^## (ladle [\w ]+)$", text("docs/cli.md"), re.MULTILINE)) == names
    assert set(re.findall(r"^<!-- begin (ladle .+) -->$", text("docs/cli.md"), re.MULTILINE)) == names


def test_every_exporter_and_variable_is_listed() -> None:
    from ladle.plugins.builtin import TABLE

    page = text("docs/cli.md")
    assert not [name for name in TABLE["exporter"] if f"| `{name}` |" not in page]
    assert not [name for name in ("LADLE_ROOT", "SOURCE_DATE_EPOCH", "NO_COLOR") if f"`{name}`" not in page]
