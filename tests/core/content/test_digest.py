# SPDX-License-Identifier: Apache-2.0
"""Selectors: what their digests depend on, and that a scan and a directory on disk give the same ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ladle.core.api.errors import BuildError
from ladle.core.content.digest import NotFoundError, Tree, expand, select
from ladle.core.content.disk import DiskTree
from ladle.core.content.scan import scan

MakeTree = Callable[[Mapping[str, str | None]], str]

SOURCES: dict[str, str | None] = {
    "top.txt": "top",
    "src/one.txt": "1",
    "src/two.md": "2",
    "src/deep/three.txt": "3",
    "src/deep/four.md": "4",
    "ln": "-> src/deep",
    "dirln/up": "-> ../src",
    "abs": "-> /top.txt",
    "dangling": "-> nowhere",
    "empty": None,
}


def selector(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "wildcard": True, "follow_links": True, "include": [], "exclude": [], **more}


@pytest.fixture(params=["scan", "disk"])
def open_tree(request: pytest.FixtureRequest) -> Callable[[str], Tree]:
    return scan if request.param == "scan" else DiskTree


SELECTORS = [
    selector("/"),
    selector("src"),
    selector("/src/one.txt"),
    selector("ln"),
    selector("ln", follow_links=False),
    selector("ln/three.txt", follow_links=False),
    selector("dirln/up/deep"),
    selector("abs"),
    selector("dangling", follow_links=False),
    selector("empty"),
    selector("*.txt"),
    selector("src/*/*.md"),
    selector("ln/t*"),
    selector("*", follow_links=False),
    selector("*"),
    selector("nothing*"),
    selector("/", include=["src/**/*.md"]),
    selector("src", exclude=["deep"]),
    selector("src", exclude=["*", "!deep/four.md"]),
    selector("s*", include=["*.md"], exclude=["two*"]),
    selector("*.txt", exclude=["top*"]),
]


@pytest.mark.parametrize("chosen", SELECTORS, ids=str)
def test_a_scan_and_the_disk_agree(make_tree: MakeTree, chosen: dict[str, Any]) -> None:
    root = make_tree(SOURCES)
    assert select(scan(root), chosen) == select(DiskTree(root), chosen)


def test_different_selections_differ(make_tree: MakeTree) -> None:
    tree = scan(make_tree(SOURCES))
    digests = {select(tree, chosen) for chosen in SELECTORS}
    assert len(digests) == len(SELECTORS) - 2  # two match nothing, and two lead to src/deep


def test_links_lead_to_what_they_name(make_tree: MakeTree, open_tree: Callable[[str], Tree]) -> None:
    tree = open_tree(make_tree(SOURCES))
    assert select(tree, selector("abs")) == select(tree, selector("top.txt"))
    assert select(tree, selector("dirln/up/deep/")) == select(tree, selector("src/deep"))
    assert select(tree, selector("/../../ln/../deep/./four.md")) == select(tree, selector("src/deep/four.md"))
    assert select(tree, selector("abs", follow_links=False)) != select(tree, selector("top.txt"))


@pytest.mark.parametrize("path", ["none", "src/none", "top.txt/x", "dangling", "none/*", "src/none/*.txt"])
def test_absent(make_tree: MakeTree, open_tree: Callable[[str], Tree], path: str) -> None:
    with pytest.raises(NotFoundError, match="not found") as caught:
        select(open_tree(make_tree(SOURCES)), selector(path))
    assert caught.value.code == "LA0301"


def test_a_renamed_source_keeps_its_digest(make_tree: MakeTree, open_tree: Callable[[str], Tree]) -> None:
    root = make_tree(SOURCES)
    whole, one = select(open_tree(root), selector("src")), select(open_tree(root), selector("src/one.txt"))
    many = select(open_tree(root), selector("src/*.txt"))
    os.rename(f"{root}/src/one.txt", f"{root}/src/uno.txt")
    assert select(open_tree(root), selector("src/uno.txt")) == one
    assert select(open_tree(root), selector("src")) != whole
    assert select(open_tree(root), selector("src/*.txt")) != many
    os.rename(f"{root}/src/uno.txt", f"{root}/src/one.txt")
    os.rename(f"{root}/src", f"{root}/lib")
    assert select(open_tree(root), selector("lib")) == whole


def test_filters_ignore_what_they_exclude(make_tree: MakeTree, open_tree: Callable[[str], Tree]) -> None:
    root = make_tree(SOURCES)
    chosen = selector("/", include=["src"], exclude=["**/*.md"])
    before = select(open_tree(root), chosen)
    Path(root, "src/two.md").write_text("other")
    Path(root, "top.txt").write_text("other")
    assert select(open_tree(root), chosen) == before
    Path(root, "src/deep/three.txt").write_text("other")
    assert select(open_tree(root), chosen) != before


def test_expand_keeps_the_order_of_a_walk(make_tree: MakeTree) -> None:
    tree = scan(make_tree({"b/2": "", "a/1": "", "a-/0": "", "a/ln": "-> ../b", "c": ""}))
    assert expand(tree, "/*/*") == [b"a/1", b"a/ln", b"a-/0", b"b/2"]
    assert expand(tree, "a/ln/*") == [b"b/2"]
    assert expand(tree, "*/ln/2") == []


def test_links_in_a_circle_end(make_tree: MakeTree, open_tree: Callable[[str], Tree]) -> None:
    tree = open_tree(make_tree({"a": "-> b", "b": "-> a"}))
    with pytest.raises(BuildError, match='"/a": too many levels of symbolic links'):
        select(tree, selector("a"))


def test_owners_count_on_disk(make_tree: MakeTree) -> None:
    root = make_tree(SOURCES)
    before = select(DiskTree(root), selector("src"))
    os.chown(f"{root}/src/one.txt", 7, 7)
    assert select(DiskTree(root), selector("src")) != before
    assert select(scan(root), selector("src")) == before


part = st.sampled_from(["a", "b", "c.txt", "d-", "é", "x y"])
path = st.lists(part, min_size=1, max_size=4).map("/".join)
contents = st.one_of(st.text(alphabet="xy", max_size=5), path.map(lambda to: "-> " + to), st.none())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.dictionaries(path, contents, max_size=8), times=st.integers(0, 10**10))
def test_both_readers_agree_on_any_tree_whatever_the_times(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, str | None], times: int
) -> None:
    root = tmp_path_factory.mktemp("tree")
    root.chmod(0o755)
    for name, content in tree.items():
        place = root / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                place.mkdir()
            elif content.startswith("-> "):
                place.symlink_to(content[3:])
            else:
                place.write_text(content)
        except OSError:
            continue
    whole = selector("/")
    filtered = selector("/", include=["a", "**/c.txt"], exclude=["a/b"])
    digests = [select(scan(os.fspath(root)), chosen) for chosen in (whole, filtered)]
    for base, directories, files in os.walk(root):
        for name in (*directories, *files):
            os.utime(os.path.join(base, name), ns=(times, times), follow_symlinks=False)
    assert [select(DiskTree(os.fspath(root)), chosen) for chosen in (whole, filtered)] == digests
    assert scan(os.fspath(root)).digest == digests[0]
