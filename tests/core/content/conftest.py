# SPDX-License-Identifier: Apache-2.0
"""Trees for the content tests: made from a literal, and aged so that nothing in them counts as racy."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

MakeTree = Callable[[Mapping[str, str | None]], str]


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Make a tree from `{path: content}`; `-> x` is a link to x, None a directory."""

    def make(content: Mapping[str, str | None]) -> str:
        root = tmp_path / "tree"
        root.mkdir(mode=0o755, exist_ok=True)
        for name, text in content.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.mkdir(exist_ok=True)
            elif text.startswith("-> "):
                path.symlink_to(text[3:])
            else:
                path.write_text(text)
        return os.fspath(root)

    return make
