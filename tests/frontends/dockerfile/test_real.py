# SPDX-License-Identifier: Apache-2.0
"""Dockerfiles of the shapes that people write: they compile without a warning, to the graphs of the snapshots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.render import render

REAL = sorted((Path(__file__).parents[2] / "cases" / "dockerfile" / "real").glob("*.Dockerfile"))


class TextFile(SingleFileSnapshotExtension):
    """One plain text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def test_there_are_ten_and_one_more() -> None:
    assert len(REAL) == 11


@pytest.mark.row("DF-10", "DF-12", "DF-13", "DF-26", "DF-27", "DF-31", "DF-85")
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_compiles_without_a_warning(path: Path, make_context: Callable[..., Any], snapshot: SnapshotAssertion) -> None:
    context = make_context(path.read_bytes())
    (image,) = DockerfileFrontend().compile(context).images
    assert context.warnings == []
    assert render(image.state.marshal(platform=image.platform)) == snapshot.use_extension(TextFile)


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_checks_of_all_stages_find_nothing(path: Path, make_context: Callable[..., Any]) -> None:
    answer = DockerfileFrontend().lint(make_context(path.read_bytes()))
    assert (answer.status, answer.data["warnings"]) == (0, [])
