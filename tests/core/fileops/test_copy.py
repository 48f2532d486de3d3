# SPDX-License-Identifier: Apache-2.0
"""Copying: the trees that BuildKit made of the same actions, and the rules behind them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker.removal import remove_tree

SOURCES: dict[str, Any] = {
    "top.txt": "top",
    "src/one.txt": "1",
    "src/two.md": "2",
    "src/deep/three.txt": "3",
    "src/deep/four.md": "4",
    "src/deep/er/five.txt": "5",
}


def test_directory_forms(store: Any) -> None:
    assert store.copy(
        SOURCES, ("/src", "/d1"), ("/src", "/d2/"), ("/src/deep", "/d3/"), ("/top.txt", "/d3/"), ("/top.txt", "/norm")
    ) == {
        "/d1": "d", "/d1/deep": "d", "/d1/deep/er": "d", "/d1/deep/er/five.txt": "f 5", "/d1/deep/four.md": "f 4",
        "/d1/deep/three.txt": "f 3", "/d1/one.txt": "f 1", "/d1/two.md": "f 2",
        "/d2": "d", "/d2/deep": "d", "/d2/deep/er": "d", "/d2/deep/er/five.txt": "f 5", "/d2/deep/four.md": "f 4",
        "/d2/deep/three.txt": "f 3", "/d2/one.txt": "f 1", "/d2/two.md": "f 2",
        "/d3": "d", "/d3/er": "d", "/d3/er/five.txt": "f 5", "/d3/four.md": "f 4", "/d3/three.txt": "f 3",
        "/d3/top.txt": "f top", "/norm": "f top",
    }  # fmt: skip


def test_the_whole_context(store: Any) -> None:
    tree = store.copy(SOURCES, ("/", "/all"))
    assert tree["/all/src/deep/er/five.txt"] == "f 5"
    assert len(tree) == len(SOURCES) + 4


def test_links_in_the_source(store: Any) -> None:
    content = {"real": "r", "ln": "-> real", "dir/abs": "-> /nowhere", "dir/f": "f", "dir/up": "-> ../real",
               "dirln": "-> dir"}  # fmt: skip
    assert store.copy(content, ("/ln", "/followed"), ("/dir", "/dir"), ("/dirln", "/d2"), ("/dirln", "/d3/")) == {
        "/d2": "d", "/d2/abs": "l /nowhere", "/d2/f": "f f", "/d2/up": "l ../real",
        "/d3": "d", "/d3/abs": "l /nowhere", "/d3/f": "f f", "/d3/up": "l ../real",
        "/dir": "d", "/dir/abs": "l /nowhere", "/dir/f": "f f", "/dir/up": "l ../real",
        "/followed": "f r",
    }  # fmt: skip


def test_wildcards(store: Any) -> None:
    files = {"f1.c": "1", "f10.c": "10", "f2.c": "2", "x1.h": "x", "y2.h": "y", "z3.h": "z", **SOURCES}
    assert store.copy(
        files, ("/*.txt", "/txt/"), ("/f?.c", "/q/"), ("/[xy]*.h", "/set/"), ("/src/*/*.txt", "/flat/"), ("/no*", "/no")
    ) == {
        "/txt": "d", "/txt/top.txt": "f top", "/q": "d", "/q/f1.c": "f 1", "/q/f2.c": "f 2", "/set": "d",
        "/set/x1.h": "f x", "/set/y2.h": "f y", "/flat": "d", "/flat/three.txt": "f 3",
    }  # fmt: skip


def test_many_onto_one_name_leave_the_last(store: Any) -> None:
    assert store.copy({"a.txt": "a", "b.txt": "b"}, ("/a.txt", "/x"), ("/b.txt", "/x")) == {"/x": "f b"}


def test_parents_by_include_patterns(store: Any) -> None:
    def parents(src: str, pattern: str, dest: str) -> dict[str, Any]:
        return {"src": src, "dest": dest, "include_patterns": [pattern]}

    assert store.copy(
        SOURCES,
        {**parents("/", "src/one.txt", "/p/"), "required_paths": ["/src/one.txt"]},
        parents("/", "src/deep/er/five.txt", "/p/"),
        parents("/src", "deep/*.txt", "/pivot/"),
        parents("/", "src/**/*.md", "/glob/"),
    ) == {
        "/p": "d", "/p/src": "d", "/p/src/one.txt": "f 1", "/p/src/deep": "d", "/p/src/deep/er": "d",
        "/p/src/deep/er/five.txt": "f 5", "/pivot": "d", "/pivot/deep": "d", "/pivot/deep/three.txt": "f 3",
        "/glob": "d", "/glob/src": "d", "/glob/src/two.md": "f 2", "/glob/src/deep": "d",
        "/glob/src/deep/four.md": "f 4",
    }  # fmt: skip


def test_exclude_patterns(store: Any) -> None:
    assert store.copy(SOURCES, {"src": "/src", "dest": "/x", "exclude_patterns": ["*.md"]}) == {
        "/x": "d", "/x/deep": "d", "/x/deep/er": "d", "/x/deep/er/five.txt": "f 5", "/x/deep/four.md": "f 4",
        "/x/deep/three.txt": "f 3", "/x/one.txt": "f 1",
    }  # fmt: skip
    chosen = {"src": "/src/*", "dest": "/x/", "exclude_patterns": ["*.md", "er"]}
    assert store.copy(SOURCES, chosen) == {"/x": "d", "/x/one.txt": "f 1", "/x/three.txt": "f 3"}


def test_chown_goes_to_made_directories_too(store: Any) -> None:
    owner = {"user": {"id": 5}, "group": {"id": 6}}
    assert store.copy(
        SOURCES,
        {"src": "/top.txt", "dest": "/u", "owner": {"user": {"id": 12}, "group": None}},
        {"src": "/src/deep/er", "dest": "/new/dirs/", "owner": owner},
    ) == {"/u": "f 12:12 top", "/new": "d 5:6", "/new/dirs": "d 5:6", "/new/dirs/five.txt": "f 5:6 5"}


def test_chmod(store: Any) -> None:
    assert store.copy(
        SOURCES,
        {"src": "/top.txt", "dest": "/a600", "mode": 0o600},
        {"src": "/top.txt", "dest": "/suid", "mode": 0o4755},
        {"src": "/src/deep", "dest": "/dirs", "mode": 0o711},
        {"src": "/top.txt", "dest": "/made/x", "mode": 0o750},
        {"src": "/src/deep/er", "dest": "/sym", "mode_str": "u=rwX,go=rX"},
        {"src": "/top.txt", "dest": "/ax", "mode_str": "a+x,g-r"},
    ) == {
        "/a600": "f 0600 top", "/suid": "f 4755 top", "/dirs": "d 0711", "/dirs/er": "d 0711",
        "/dirs/er/five.txt": "f 0711 5", "/dirs/four.md": "f 0711 4", "/dirs/three.txt": "f 0711 3",
        "/made": "d 0750", "/made/x": "f 0750 top", "/sym": "d", "/sym/five.txt": "f 5", "/ax": "f 0715 top",
    }  # fmt: skip


def test_merging_into_what_is_there(store: Any) -> None:
    onto = {"d/keep": "k", "d/one.txt": "old", "d/deep/x": "x", "link": "-> d", "d/two.md": "-> keep"}
    tree = store.copy(SOURCES, ("/src", "/link"), onto=onto)
    assert tree["/link"] == "l d"
    assert (tree["/d/keep"], tree["/d/one.txt"], tree["/d/two.md"]) == ("f k", "f 1", "f 2")
    assert (tree["/d/deep/x"], tree["/d/deep/four.md"]) == ("f x", "f 4")


@pytest.mark.parametrize(
    ("onto", "src", "dest", "message"),
    [
        ({"x/one.txt/sub": ""}, "/src", "/x", "cannot replace to directory /x/one.txt with file"),
        ({"x/deep": "file"}, "/src", "/x", "cannot copy to non-directory: /x/deep"),
        ({"x/deep": "-> ..", "y": None}, "/src", "/x", "cannot copy to non-directory: /x/deep"),
        ({"x": "file"}, "/src", "/x", "cannot copy to non-directory: /x"),
        ({"x": "file"}, "/top.txt", "/x/", "/x: not a directory"),
    ],
)
def test_conflicts(store: Any, onto: dict[str, Any], src: str, dest: str, message: str) -> None:
    with pytest.raises(BuildError, match=message) as caught:
        store.copy(SOURCES, (src, dest), onto=onto)
    assert caught.value.code == "LA0313"


def test_always_replace(store: Any) -> None:
    onto = {"x/one.txt/sub": "", "x/deep": "file", "x/two.md": "-> nowhere"}
    fields = {"src": "/src", "dest": "/x", "always_replace_existing_dest_paths": True}
    tree = store.copy(SOURCES, fields, onto=onto)
    assert (tree["/x/one.txt"], tree["/x/deep"], tree["/x/two.md"]) == ("f 1", "d", "f 2")
    assert "/x/one.txt/sub" not in tree


@pytest.mark.parametrize("src", ["/none", "/src/none", "/none/*.txt", "/top.txt/x"])
def test_a_missing_source(store: Any, src: str) -> None:
    with pytest.raises(BuildError, match="not found") as caught:
        store.copy(SOURCES, (src, "/x/"))
    assert caught.value.code == "LA0301"


def test_what_must_be_there(store: Any) -> None:
    with pytest.raises(BuildError, match='"/gone": not found'):
        store.copy(SOURCES, {"src": "/", "dest": "/", "include_patterns": ["gone"], "required_paths": ["/gone"]})
    with pytest.raises(BuildError, match=r'"/\*.none": not found'):
        store.copy(SOURCES, {"src": "/*.none", "dest": "/x", "allow_empty_wildcard": False})
    with pytest.raises(BuildError, match="failed to stat /no/x"):
        store.copy(SOURCES, {"src": "/top.txt", "dest": "/no/x", "create_dest_path": False})


def test_links_of_the_destination_stay_in_the_root(store: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    onto = {
        "abs": f"-> {outside}",
        "up": "-> ../../../../../../../../tmp",
        "loop": "-> loop",
        "d/to": f"-> {outside}/f",
    }
    tree = store.copy(SOURCES, ("/top.txt", "/abs/a"), ("/top.txt", "/up/b"), ("/top.txt", "/../../c"), onto=onto)
    assert tree[f"{outside}/a"] == "f top"
    assert tree["/tmp/b"] == "f top"
    assert tree["/c"] == "f top"
    assert list(outside.iterdir()) == []
    tree = store.copy({"to": "new"}, ("/to", "/d"), onto=onto)
    assert tree["/d/to"] == "f new"
    assert list(outside.iterdir()) == []
    with pytest.raises(BuildError, match="too many levels"):
        store.copy(SOURCES, ("/top.txt", "/loop/x"), onto=onto)


def test_links_of_the_source_stay_in_the_root(store: Any, tmp_path: Path, copy_fields: dict[str, Any]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    hostile = {"abs": f"-> {secret}", "up": "-> " + "../" * 20 + str(secret), "dir": f"-> {tmp_path}"}
    layer = {"kind": "layers", "layers": [store.layer(hostile)]}
    scratch = {"kind": "layers", "layers": []}
    for source in (layer, store.local(hostile)):
        for src in ("/abs", "/up", "/dir/secret", "/dir/*"):
            with pytest.raises(BuildError, match="not found"):
                store.run([scratch, source], [{**copy_fields, "src": src, "dest": "/x"}])


def test_from_layers_everything_is_kept(store: Any, copy_fields: dict[str, Any]) -> None:
    name = store.layer({"d/a": "x" * 300_000, "d/b": "b", "d/ln": "-> a", "d/sub": None})
    root = store.root / "store/snapshots" / name
    os.chown(root / "d/a", 7, 8)
    (root / "d/a").chmod(0o6711)
    os.setxattr(root / "d/a", "user.note", b"n")
    os.setxattr(root / "d/sub", "user.note", b"s")
    os.chown(root / "d/ln", 9, 9, follow_symlinks=False)
    os.link(root / "d/b", root / "d/c")
    os.mkfifo(root / "d/pipe", 0o644)
    for path in ("d/a", "d/sub", "d/ln"):
        os.utime(root / path, ns=(5, 1_500_000_000_123_456_789), follow_symlinks=False)
    source = {"kind": "layers", "layers": [name]}
    action = {**copy_fields, "input": -1, "secondary_input": 0, "src": "/d", "dest": "/new"}
    output = store.run([source], [action])[0]
    made = store.root / "store/snapshots" / output["snapshot"] / "new"
    assert store.tree(output) == {
        "/new": "d", "/new/a": "f 6711 7:8 " + "x" * 40, "/new/b": "f b", "/new/c": "f b", "/new/ln": "l 9:9 a",
        "/new/pipe": "p", "/new/sub": "d",
    }  # fmt: skip
    assert os.getxattr(made / "a", "user.note") == b"n"
    assert os.getxattr(made / "sub", "user.note") == b"s"
    assert os.stat(made / "a").st_size == 300_000
    assert os.stat(made / "b").st_ino == os.stat(made / "c").st_ino
    for path in ("a", "sub", "ln"):
        assert os.lstat(made / path).st_mtime_ns == 1_500_000_000_123_456_789


def test_a_timestamp_goes_to_everything_made(store: Any, copy_fields: dict[str, Any]) -> None:
    stamp = 1_700_000_000_000_000_000
    inputs = [{"kind": "layers", "layers": []}, store.local(SOURCES)]
    action = {**copy_fields, "src": "/src", "dest": "/made/dirs/", "timestamp": stamp}
    output = store.run(inputs, [action])[0]
    root = store.root / "store/snapshots" / output["snapshot"]
    made = [root / path[1:] for path in store.tree(output)]
    assert {os.lstat(path).st_mtime_ns for path in made} == {stamp}


def test_a_file_that_changed_since_the_scan(store: Any, copy_fields: dict[str, Any]) -> None:
    source = store.local(SOURCES)
    Path(source["root"], "top.txt").write_text("different")
    with pytest.raises(BuildError, match=r"/top\.txt changed during the build") as caught:
        store.run([{"kind": "layers", "layers": []}, source], [{**copy_fields, "src": "/", "dest": "/"}])
    assert caught.value.code == "LA0302"
    Path(source["root"], "top.txt").unlink()
    with pytest.raises(BuildError, match=r"/top\.txt changed during the build"):
        store.run([{"kind": "layers", "layers": []}, source], [{**copy_fields, "src": "/*.txt", "dest": "/"}])


def test_what_the_scan_left_out_is_not_there(store: Any, copy_fields: dict[str, Any]) -> None:
    source = store.local(SOURCES, exclude=["src/deep", "top.txt"])
    scratch = {"kind": "layers", "layers": []}
    output = store.run([scratch, source], [{**copy_fields, "src": "/", "dest": "/"}])[0]
    assert store.tree(output) == {"/src": "d", "/src/one.txt": "f 1", "/src/two.md": "f 2"}
    with pytest.raises(BuildError, match=r'"/top\.txt": not found'):
        store.run([scratch, source], [{**copy_fields, "src": "/top.txt", "dest": "/"}])


def test_owners_of_a_local_directory_count_as_root(store: Any, copy_fields: dict[str, Any]) -> None:
    root = store.root / "mine"
    root.mkdir()
    (root / "f").write_text("f")
    os.chown(root / "f", 77, 77)
    (root / "f").chmod(0o644)
    scratch = {"kind": "layers", "layers": []}
    output = store.run([scratch, store.scanned(root)], [{**copy_fields, "src": "/f", "dest": "/f"}])[0]
    assert store.tree(output) == {"/f": "f f"}


def test_a_very_deep_tree(store: Any, copy_fields: dict[str, Any]) -> None:
    root = store.root / "deep"
    root.mkdir()
    home = os.getcwd()
    try:
        os.chdir(root)
        for _ in range(1000):
            os.mkdir("dir")
            os.chdir("dir")
        Path("f").write_text("f")
    finally:
        os.chdir(home)
    scratch = {"kind": "layers", "layers": []}
    output = store.run([scratch, store.scanned(root)], [{**copy_fields, "src": "/", "dest": "/"}])[0]
    bottom = store.root / "store/snapshots" / output["snapshot"]
    for _ in range(1000):
        bottom /= "dir"
    assert (bottom / "f").read_text() == "f"
    remove_tree(os.fspath(root))
    remove_tree(os.fspath(store.root / "store/snapshots" / output["snapshot"]))
