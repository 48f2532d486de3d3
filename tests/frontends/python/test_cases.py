# SPDX-License-Identifier: Apache-2.0
"""Every case compiled: its graph, places and config, or what is wrong with it and where."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.frontend import BuildResult, NamedContext
from ladle.core.api.snippets import render as render_diagnostic
from ladle.core.api.snippets import render_warning
from ladle.frontends.python.frontend import PythonFrontend
from ladle.llb.definition import Definition
from ladle.llb.marshalling import marshal
from ladle.llb.nodes import on_made
from ladle.llb.render import render

CASES = sorted((Path(__file__).parents[2] / "cases" / "python").glob("*.ladle"))
DOCS = NamedContext(name="docs", kind="local", local="docs", ignore="*.tmp\n")


class TextFile(SingleFileSnapshotExtension):
    """One plain text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def text(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


def shown(result: BuildResult, warnings: list[Any]) -> str:
    parts = [render_warning(each) for each in warnings]
    for image in result.images:
        definition = marshal(image.state)
        parts += [render(definition, "text"), places(definition), json.dumps(image.config, indent=1)]
    return "\n".join(parts) + "\n"


def places(definition: Definition) -> str:
    lines = []
    for vertex in definition.vertices:
        for location in definition.locations.get(vertex.digest, ()):
            span = location.ranges[0]
            name = definition.metadata_of(vertex).name
            begins = f"{location.source.filename}:{span.start_line}:{span.start_character}"
            lines.append(f"{begins}-{span.end_line}:{span.end_character}  {name}")
    return "\n".join(sorted(lines)) + "\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases(path: Path, make_context: Any, text: SnapshotAssertion) -> None:
    files = {"names.txt": b"ann bob\n"} if path.stem == "machine" else {}
    options = {"filename": f"{path.stem}.ladle.py"}
    context = make_context(path.read_bytes(), options=options, files=files, named={"docs": DOCS})
    try:
        found = shown(PythonFrontend().compile(context), context.warnings)
    except DiagnosticError as error:
        found = "\n".join(render_diagnostic(each) for each in error.diagnostics) + "\n"
    assert path.stem.startswith("bad-") == ("error[" in found)
    assert found == text


def test_nothing_is_left_behind(make_context: Any) -> None:
    before = list(sys.meta_path)
    program = "import greet\nfrom ladle.frontends.python import target, llb\n@target\ndef app(): return greet.it()\n"
    helper = b"from ladle.frontends.python import llb\ndef it(): return llb.scratch().mkfile('/x', 'y')\n"
    PythonFrontend().compile(make_context(program, files={"greet.py": helper}))
    assert sys.meta_path == before
    assert "greet" not in sys.modules
    assert on_made(None) is None
