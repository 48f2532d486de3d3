# SPDX-License-Identifier: Apache-2.0
"""A store with snapshots to run the `file` job on, and trees written down as lines."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ladle.core.content.scan import scan
from ladle.core.fileops.job import run
from ladle.core.worker.child import run_in_child
from ladle.core.worker.job import JobContext

OPTIONS = {"snapshotter": "ladle.plugins.snapshotters.overlay:Overlay"}
COPY = {
    "action": "copy", "input": 0, "secondary_input": 1, "output": 0, "owner": None, "mode": -1, "mode_str": "",
    "follow_symlink": True, "dir_copy_contents": True, "attempt_unpack": False, "create_dest_path": True,
    "allow_wildcard": True, "allow_empty_wildcard": True, "timestamp": -1, "include_patterns": [],
    "exclude_patterns": [], "always_replace_existing_dest_paths": False, "required_paths": [],
}  # fmt: skip

Content = str | bytes | None


def write_tree(root: Path, content: Mapping[str, Content]) -> None:
    """Fill a directory: text is a file, `-> x` a link to x, None a directory; modes 0644 and 0755."""
    root.mkdir(parents=True, exist_ok=True)
    root.chmod(0o755)
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.mkdir(exist_ok=True)
        elif isinstance(text, str) and text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_bytes(text.encode() if isinstance(text, str) else text)
            path.chmod(0o644)


def describe(top: str) -> dict[str, str]:
    """`{path: "type mode uid:gid content"}` of everything below a directory; mode and owner only if not the usual."""
    out = {}
    for base, directories, files in os.walk(top):
        for name in (*directories, *files):
            path = os.path.join(base, name)
            out[path[len(top) :]] = _line(path)
    return dict(sorted(out.items()))


def _line(path: str) -> str:
    status = os.lstat(path)
    kind = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l", stat.S_IFIFO: "p"}[stat.S_IFMT(status.st_mode)]
    words = [kind]
    mode = stat.S_IMODE(status.st_mode)
    if mode != {"d": 0o755, "f": 0o644, "l": 0o777, "p": 0o644}[kind]:
        words.append(f"{mode:04o}")
    if (status.st_uid, status.st_gid) != (0, 0):
        words.append(f"{status.st_uid}:{status.st_gid}")
    if kind == "l":
        words.append(os.readlink(path))
    if kind == "f":
        words.append(Path(path).read_bytes()[:40].decode("utf-8", "replace"))
    return " ".join(words)


def _describe_job(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    return {"tree": describe(ctx.tree({"kind": "layers", "layers": args["layers"]}))}


class Store:
    """A store in a temporary directory; snapshot ids are handed out in order."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._next = 0
        self.events: list[dict[str, Any]] = []
        (root / "store/snapshots").mkdir(parents=True)

    def layer(self, content: Mapping[str, Content]) -> str:
        """A snapshot with this content."""
        name = self.new_id()
        write_tree(self.root / "store/snapshots" / name, content)
        return name

    def new_id(self) -> str:
        self._next += 1
        return str(self._next)

    def local(self, content: Mapping[str, Content], **filters: Sequence[str]) -> dict[str, Any]:
        """The ref of a scanned local directory."""
        root = self.root / f"local{self._next}"
        write_tree(root, content)
        return self.scanned(root, **filters)

    def scanned(self, root: Path, **filters: Sequence[str]) -> dict[str, Any]:
        found = scan(os.fspath(root), cache_dir=os.fspath(self.root / "cache"), **filters)
        return {"kind": "local", "root": os.fspath(root), "table": found.table_path}

    def run(self, inputs: Sequence[dict[str, Any]], actions: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Run the job; the outputs."""
        snapshots = {action["output"]: self.new_id() for action in actions if action["output"] >= 0}
        args = {"inputs": list(inputs), "actions": list(actions), "snapshots": snapshots}
        result = run_in_child(os.fspath(self.root / "store"), run, args, options=OPTIONS, on_event=self.events.append)
        outputs: dict[int, dict[str, Any]] = result["outputs"]
        return outputs

    def tree(self, output: Mapping[str, Any]) -> dict[str, str]:
        """The whole tree of an output."""
        layers = [*output["base"], *([output["snapshot"]] if output["snapshot"] else [])]
        return self.describe(layers)

    def describe(self, layers: Sequence[str]) -> dict[str, str]:
        root = os.fspath(self.root / "store")
        found: dict[str, str] = run_in_child(root, _describe_job, {"layers": list(layers)}, options=OPTIONS)["tree"]
        return found

    def copy(
        self,
        content: Mapping[str, Content],
        *copies: tuple[str, str] | dict[str, Any],
        onto: Mapping[str, Content] | None = None,
    ) -> dict[str, str]:
        """Copy from a local directory onto a layer (none: scratch), one action after the other; the tree then."""
        base = {"kind": "layers", "layers": [] if onto is None else [self.layer(onto)]}
        actions = []
        for index, item in enumerate(copies):
            fields = {"src": item[0], "dest": item[1]} if isinstance(item, tuple) else item
            actions.append({**COPY, "input": 0 if index == 0 else index + 1, "output": -1, **fields})
        actions[-1]["output"] = 0
        return self.tree(self.run([base, self.local(content)], actions)[0])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path)


@pytest.fixture
def copy_fields() -> dict[str, Any]:
    """The fields that the Dockerfile frontend gives to a COPY."""
    return dict(COPY)
