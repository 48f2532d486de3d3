# SPDX-License-Identifier: Apache-2.0
"""Which build file a directory has where no `-f` says it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.build.build_files import other_build_file


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "Dockerfile"),
        (["ladle.yaml"], "ladle.yaml"),
        (["ladle.py", "app.ladle.yaml"], "ladle.py"),
        (["app.ladle.yml", "app.py", ".x.ladle.py"], "app.ladle.yml"),
        (["dockerfile", "ladle.yaml"], "dockerfile"),
        (["Dockerfile", "ladle.yaml", "ladle.py"], "Dockerfile"),
    ],
)
def test_the_only_build_file_is_found(ask: Callable[..., Any], tmp_path: Path, names: list[str], found: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    request = ask(tmp_path)
    assert request.build_file == f"{tmp_path}/{found}"
    assert request.options.filename == found


@pytest.mark.parametrize("names", [["ladle.py", "ladle.yaml"], ["a.ladle.py", "b.ladle.yaml"]])
def test_several_are_named(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(UsageError, match=", ".join(names)) as error:
        other_build_file(str(tmp_path))
    assert (error.value.code, error.value.help) == ("LA0167", f"name one: -f {names[0]}")


def test_a_directory_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    assert other_build_file(str(tmp_path / "missing")) == ""
