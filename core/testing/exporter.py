# SPDX-License-Identifier: Apache-2.0
"""The contract of an exporter as a suite of tests."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from ladle.core.testing.run import build, expect, write

_FILES = {"Dockerfile": "FROM scratch\nCOPY files /\n", "files/etc/one": "1\n", "files/two": "2\n"}


class ExporterContract:
    """Every test of an exporter that needs to know only its name and how it is told where to write.

    class TestContract(ExporterContract):
        exporter = "deb"
        attributes = "dest={out}/x.deb,name=xx,version=1"
    """

    exporter: ClassVar[str]
    """The name, as in `-o type=NAME`."""
    attributes: ClassVar[str] = "dest={out}/result"
    """What follows the name: `{out}` is an empty directory. "" for one that writes no files."""

    def output(self, out: Path) -> str:
        """Return the `-o` that writes into a directory."""
        attributes = self.attributes.format(out=out)
        return f"type={self.exporter},{attributes}" if attributes else f"type={self.exporter}"

    def export(self, project: Path, out: Path, store: Path) -> dict[str, str]:
        """Build with the exporter, and return what it wrote: paths with digests (links with where they lead)."""
        out.mkdir(exist_ok=True)
        build(project, "-o", self.output(out), store=store)
        return _written(out)

    def test_the_same_build_gives_the_same_bytes(self, tmp_path: Path) -> None:
        """Two stores that never heard of each other give equal files; another tree gives others."""
        project = write(tmp_path / "project", _FILES)
        first = self.export(project, tmp_path / "first", tmp_path / "store-1")
        second = self.export(project, tmp_path / "second", tmp_path / "store-2")
        expect(first == second, f"two builds gave different files: {_difference(first, second)}")
        expect(bool(first) == bool(self.attributes), f"files written: {sorted(first)}")
        write(project / "files", {"two": "another\n", "three": "3\n"})
        other = self.export(project, tmp_path / "other", tmp_path / "store-1")
        expect(not first or other != first, "another tree gave the same files")

    def test_an_unchanged_build_writes_nothing(self, tmp_path: Path) -> None:
        """What is there already stays as it is; what somebody has damaged or removed is written again."""
        project, out, store = write(tmp_path / "project", _FILES), tmp_path / "out", tmp_path / "store"
        first = self.export(project, out, store)
        before = _stamps(out)
        self.export(project, out, store)
        expect(_stamps(out) == before, "an unchanged build wrote its files again")
        for path in sorted(first):
            if not (out / path).is_symlink():
                (out / path).unlink()
        expect(self.export(project, out, store) == first, "what was removed is not written again")

    def test_bad_attributes_are_refused_before_anything_is_built(self, tmp_path: Path) -> None:
        """An attribute that it does not have is named in an error of its own, with status 2; no step has run."""
        project, out = write(tmp_path / "project", _FILES), tmp_path / "out"
        out.mkdir()
        wrong = f"{self.output(out)},no-such-attribute=1"
        done = build(project, "-o", wrong, store=tmp_path / "store", check=False)
        expect(done.returncode == 2, f"the status is {done.returncode}:\n{done.stderr}")
        expect("no-such-attribute" in done.stderr, f"the error does not name it:\n{done.stderr}")
        expect("COPY files" not in done.stderr, "a step has run")
        expect(not _written(out), "something was written")

    def test_a_build_that_fails_writes_nothing(self, tmp_path: Path) -> None:
        """The output appears at the end, and not at all where a step fails."""
        project, out = write(tmp_path / "project", {**_FILES, "Dockerfile": "FROM scratch\nCOPY absent /\n"}), tmp_path
        (out / "out").mkdir()
        done = build(project, "-o", self.output(out / "out"), store=tmp_path / "store", check=False)
        expect(done.returncode == 1, f"the status is {done.returncode}")
        expect(not _written(out / "out"), "something was written")


def _written(out: Path) -> dict[str, str]:
    found = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = sha256(path.read_bytes()).hexdigest()
    return found


def _stamps(out: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in out.rglob("*") if not path.is_dir()}


def _difference(first: dict[str, str], second: dict[str, str]) -> str:
    names = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    return ", ".join(names)
