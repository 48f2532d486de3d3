# SPDX-License-Identifier: Apache-2.0
"""docs/python.md names everything that build files can import."""

from __future__ import annotations

import inspect
import re

import ladle.frontends.python as names
from ladle.core.engine import Engine
from tests.support.repository import REPOSITORY

PAGE = (REPOSITORY / "docs/python.md").read_text(encoding="utf-8")


def test_every_name_is_there() -> None:
    assert not [name for name in names.__all__ if not re.search(rf"\b{name}\b", PAGE)]


def test_the_engine_s_parameters_are_there() -> None:
    (shown,) = re.findall(r"`Engine\(([^)]*)\)`", PAGE)
    assert re.findall(r"(\w+)(?:=…)?", shown) == list(inspect.signature(Engine).parameters)


def test_its_programs_can_be_imported() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    made = []
    for block in blocks:
        found: dict[str, object] = {"__name__": "page"}
        exec(block, found)
        made.append([name for name, value in found.items() if isinstance(value, names.Target)])
    assert made == [["greetings", "site"], ["app"], ["report"]]
