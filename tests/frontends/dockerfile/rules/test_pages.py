# SPDX-License-Identifier: Apache-2.0
"""docs/rules/ is what docs/generate.py makes of the rules."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[4] / "docs"


def test_the_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = module.rule_pages()
    there = {str(path.relative_to(DOCS)): path.read_text() for path in (DOCS / "rules").rglob("*.md")}
    assert there == pages, "run: .venv/bin/python docs/generate.py"
    assert len(pages) == 28
