# SPDX-License-Identifier: Apache-2.0
"""What `src=` takes of a tree, in directories and archives alike."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.export import export_tree
from ladle.core.layers.export_tar import write_archive
from ladle.core.layers.selection import parse_selection

pytestmark = pytest.mark.root
Tree = Callable[[str, str], Path]
SPEC = """
out d
out/app f 755 0:0 app
out/app.1 f
out/lib d 750
out/lib/a.so f 644 0:0 a
out/lib/deep d 700
out/lib/deep/b.so f 644 0:0 b
out/lib/deep/c.txt f
out/lib/empty d
out/.hidden f
out/x*y f
out/xzy f
link l 777 0:0 out/lib
current l 777 0:0 /out/app
dangling l 777 0:0 nowhere
up l 777 0:0 ../../../../out
"""
LIB = ["a.so", "deep", "deep/b.so", "deep/c.txt", "empty"]
OUT = [".hidden", "app", "app.1", "lib", *(f"lib/{name}" for name in LIB), "x*y", "xzy"]


def taken(made: Path, tmp_path: Path, *texts: str) -> list[str]:
    """Return what `src=` takes, which is the same for both kinds of outputs."""
    selections = [parse_selection(text) for text in texts]
    out = tmp_path / "taken"
    export_tree(str(made), str(out), selections=selections)
    pieces: list[bytes] = []
    write_archive([("", str(made))], pieces.append, selections=selections)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        names = archive.getnames()
    assert len(set(names)) == len(names)
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*"))
    assert sorted(names) == found
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/out", OUT),
        ("out/", OUT),
        ("/out/**", OUT),
        ("/out/*", OUT),
        ("/out/../out/./", OUT),
        ("/../out/**", OUT),
        ("/up/**", OUT),
        ("/out/app", ["app"]),
        ("/out/app*", ["app", "app.1"]),
        ("/out/**/*.so", ["lib", "lib/a.so", "lib/deep", "lib/deep/b.so"]),
        ("/out/l*", ["lib", *(f"lib/{name}" for name in LIB)]),
        ("/out/lib/*/*.txt", ["deep", "deep/c.txt"]),
        ("/link", LIB),
        ("/link/*.so", ["a.so"]),
        ("/current", ["current"]),
        ("/dangling", ["dangling"]),
        ("/cur*", ["current"]),
        (r"/out/x\*y", ["x*y"]),
        ("/out/x*y", ["x*y", "xzy"]),
        ("/./out/lib/a.so", ["out", "out/lib", "out/lib/a.so"]),
        ("/out/./lib/**", ["lib", *(f"lib/{name}" for name in LIB)]),
        ("/out/./lib/deep", ["lib", "lib/deep", "lib/deep/b.so", "lib/deep/c.txt"]),
        ("/**/deep/", ["out", "out/lib", "out/lib/deep", "out/lib/deep/b.so", "out/lib/deep/c.txt"]),
        ("/out/lib/empty", []),
    ],
)
def test_one_src(text: str, expected: list[str], tree: Tree, tmp_path: Path) -> None:
    assert taken(tree("source", SPEC), tmp_path, text) == expected


def test_everything(tree: Tree, tmp_path: Path) -> None:
    made = tree("source", SPEC)
    everything = sorted(str(path.relative_to(made)) for path in made.rglob("*"))
    assert taken(made, tmp_path, "/") == everything
    assert taken(made, tmp_path) == everything


def test_several_join(tree: Tree, tmp_path: Path) -> None:
    made = tree("source", SPEC)
    assert taken(made, tmp_path, "/out/*.1", "/out/lib/**/*.so", "/out/lib/a*") == [
        "a.so",
        "app.1",
        "deep",
        "deep/b.so",
    ]


@pytest.mark.parametrize("second", ["b f 644 0:0 2\nc/x f", "b d"])
def test_two_files_for_one_name_are_an_error(second: str, tree: Tree, tmp_path: Path) -> None:
    made = tree("source", "a d\na/b f 644 0:0 1\nc d\nc/b f 644 0:0 2")
    selections = [parse_selection("/a/b"), parse_selection("/c/b")]
    for run in (
        lambda: export_tree(str(made), str(tmp_path / "out"), selections=selections),
        lambda: write_archive([("", str(made))], lambda _: None, selections=selections),
    ):
        with pytest.raises(BuildError) as caught:
            run()
        assert (caught.value.code, "name b" in caught.value.message) == ("LA0635", True)


@pytest.mark.parametrize(
    ("text", "notes", "help"),
    [
        ("/out/ap", "/out holds .hidden, app, app.1, lib, x*y, xzy", "did you mean /out/app?"),
        ("/uot/**", "the result holds current, dangling, link, out, up", "did you mean /out?"),
        ("/out/lib/deep/*.o", "/out/lib/deep holds b.so, c.txt", ""),
        ("/out/lib/empty/**", "/out/lib/empty is empty", ""),
        ("/out/app/**", "/out holds .hidden, app, app.1, lib, x*y, xzy", "did you mean /out/app?"),
        ("/./out/nothing", None, ""),
    ],
)
def test_nothing_matches(text: str, notes: str | None, help: str, tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        export_tree(str(tree("source", SPEC)), str(tmp_path / "out"), selections=[parse_selection(text)])
    assert (caught.value.code, caught.value.message) == ("LA0634", f"src={text} matches nothing in the result")
    assert caught.value.help == help
    assert notes is None or caught.value.notes == (notes,)


@pytest.mark.parametrize("text", ["", "a[", "a\\", "x*/./y", "a\0b", "a\nb", "a" * 5000])
def test_bad_texts(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_selection(text)


def test_names_that_are_no_text(tree: Tree, tmp_path: Path) -> None:
    made = tree("source", "out d")
    (made / "out" / os.fsdecode(b"\xff\xfe.so")).touch()
    assert taken(made, tmp_path, "/out/*.so") == [os.fsdecode(b"\xff\xfe.so")]


def test_owner_modes_and_prefixes_of_archives(tree: Tree) -> None:
    made = tree("source", "d d 750 3:4\nd/f f 4755 5:6 x\nd/h h 644 0:0 d/f")
    pieces: list[bytes] = []
    selections = [parse_selection("/d")]
    write_archive([("p", str(made)), ("q", str(made))], pieces.append, selections=selections, owner=(7, 8), epoch=9)
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        members = {member.name: member for member in archive}
    assert list(members) == ["p", "p/f", "p/h", "q", "q/f", "q/h"]
    assert members["q/h"].linkname == "q/f"
    assert {(m.uid, m.gid, m.mtime) for m in members.values()} == {(7, 8, 9)}
    assert members["p/f"].mode == 0o4755
