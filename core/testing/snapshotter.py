# SPDX-License-Identifier: Apache-2.0
"""The contract of a snapshotter as a suite of tests: layers over layers, and what becomes of the lower ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from ladle.core.testing.run import build, expect, write

_STEPS = r"""
FROM host:// AS work
COPY tree /tree
RUN cd /tree && rm gone && echo new > changed && rm -r folder && mkdir folder && echo only > folder/new
RUN cd /tree && ln changed linked && ln -s changed soft && chmod 640 changed && touch -d @1500000000 old
"""
_END = "FROM scratch\nCOPY --from=work /tree /\n"
_MORE = "RUN echo more >> /tree/changed && rm /tree/folder/new && mv /tree/old /tree/moved\n"
_FILES = {"tree/gone": "x", "tree/changed": "before", "tree/folder/lower": "x", "tree/kept": "kept\n", "tree/old": ""}


class SnapshotterContract:
    """Every test of a snapshotter that needs to know only its name.

    class TestContract(SnapshotterContract):
        snapshotter = "overlay"
    """

    snapshotter: ClassVar[str]
    """The name, as in `LADLE_SNAPSHOTTER=NAME`."""

    def tree(self, place: Path, steps: str, out: str, store: str = "store") -> dict[str, str]:
        """Build with the snapshotter and return the result: paths with what is there."""
        project = write(place / "project", {**_FILES, "Dockerfile": _STEPS + steps + _END})
        flags = ("--allow", "host", "-o", f"type=local,dest={place / out}")
        build(
            project, *flags, store=place / store, env={"LADLE_SNAPSHOTTER": self.snapshotter, "SOURCE_DATE_EPOCH": ""}
        )
        return _listed(place / out)

    def test_what_is_removed_and_replaced_stays_so(self, tmp_path: Path) -> None:
        """Whiteouts, opaque directories, links, modes and times come through from layer to layer."""
        found = self.tree(tmp_path, "", "out")
        expected = {"changed": "new\n", "folder/": "", "folder/new": "only\n", "kept": "kept\n", "linked": "new\n"}
        expect(found == {**expected, "old": "", "soft": "-> changed"}, f"the tree is {found}")
        out = tmp_path / "out"
        expect((out / "changed").stat().st_mode & 0o7777 == 0o640, "the mode is lost")
        expect((out / "old").stat().st_mtime == 1_500_000_000, "the time is lost")

    def test_a_layer_never_changes(self, tmp_path: Path) -> None:
        """Steps over a layer, with hard links in it, leave it as it was: the first result comes out again."""
        first = self.tree(tmp_path, "", "first")
        second = self.tree(tmp_path, _MORE, "second")
        expect(second["changed"] == "new\nmore\n", f"changed is {second['changed']!r}")
        expect(second["linked"] in ("new\n", "new\nmore\n"), f"linked is {second['linked']!r}")
        expect("folder/new" not in second and "old" not in second and "moved" in second, f"the tree is {second}")
        expect(self.tree(tmp_path, "", "again") == first, "a step has changed the layers below it")

    def test_the_same_steps_give_the_same_tree_elsewhere(self, tmp_path: Path) -> None:
        """Another store, another result directory: an equal tree."""
        expect(
            self.tree(tmp_path, _MORE, "one", "store-1") == self.tree(tmp_path, _MORE, "two", "store-2"),
            "two stores gave different trees",
        )


def _listed(out: Path) -> dict[str, str]:
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_dir():
            found[f"{name}/"] = ""
        else:
            found[name] = path.read_text()
    return found
