# SPDX-License-Identifier: Apache-2.0
"""The worker job `digest`: the same answers for a scanned directory and for snapshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ladle.core.content.job import ABSENT, run
from ladle.core.content.scan import scan
from ladle.core.worker.child import run_in_child

MakeTree = Callable[[Mapping[str, str | None]], str]
OPTIONS = {"snapshotter": "ladle.plugins.snapshotters.overlay:Overlay"}


def test_digests_of_both_kinds_of_ref(make_tree: MakeTree, tmp_path: Path) -> None:
    root = make_tree({"src/a": "1", "src/b": "2", "ln": "-> src"})
    store = tmp_path / "store"
    (store / "snapshots").mkdir(parents=True)
    selectors: list[dict[str, Any]] = [
        {"path": "/"},
        {"path": "src/a"},
        {"path": "ln", "follow_links": True},
        {"path": "s*", "wildcard": True},
        {"path": "src", "exclude": ["b"]},
        {"path": "missing"},
    ]

    def ask(ref: dict[str, Any]) -> list[str]:
        args = {"ref": ref, "selectors": selectors}
        digests: list[str] = run_in_child(os.fspath(store), run, args, options=OPTIONS)["digests"]
        return digests

    found = scan(root, cache_dir=os.fspath(tmp_path / "cache"))
    local = ask({"kind": "local", "root": root, "table": found.table_path})
    os.rename(root, store / "snapshots/1")
    assert ask({"kind": "layers", "layers": ["1"]}) == local
    assert local[0] == found.digest
    assert local[-1] == ABSENT
    assert len(set(local)) == len(local)
