# SPDX-License-Identifier: Apache-2.0
"""The job: mkdir, mkfile, rm and symlink, owners by name, and how actions hang together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError

SCRATCH: dict[str, Any] = {"kind": "layers", "layers": []}
PASSWD = "root:x:0:0::/:/bin/sh\n#no:x:1:1::/:\nkim:x:501:502::/:/bin/sh\n"


def make(action: str, **fields: Any) -> dict[str, Any]:
    return {"action": action, "input": 0, "secondary_input": -1, "output": 0, "owner": None, "timestamp": -1, **fields}


def mkfile(path: str, data: bytes = b"", **fields: Any) -> dict[str, Any]:
    return make("mkfile", **{"path": path, "mode": 0o644, "data": data, **fields})


def mkdir(path: str, **fields: Any) -> dict[str, Any]:
    return make("mkdir", **{"path": path, "mode": 0o755, "make_parents": True, **fields})


def rm(path: str, **fields: Any) -> dict[str, Any]:
    return make("rm", **{"path": path, "allow_not_found": False, "allow_wildcard": False, **fields})


def one(store: Any, action: dict[str, Any], onto: dict[str, Any] | None = None) -> dict[str, str]:
    base = {"kind": "layers", "layers": [store.layer(onto)] if onto else []}
    tree: dict[str, str] = store.tree(store.run([base], [action])[0])
    return tree


def test_mkdir(store: Any) -> None:
    owner = {"user": {"id": 1234}, "group": None}
    assert one(store, mkdir("/made/here", owner=owner)) == {"/made": "d 1234:1234", "/made/here": "d 1234:1234"}
    assert one(store, mkdir("/d/x", mode=0o1700), {"d": None}) == {"/d": "d", "/d/x": "d 0700"}
    assert one(store, mkdir("/ln/x"), {"ln": "-> d/e"}) == {"/d": "d", "/d/e": "d", "/d/e/x": "d", "/ln": "l d/e"}
    assert one(store, mkdir("/one", make_parents=False)) == {"/one": "d"}
    with pytest.raises(BuildError, match="mkdir /no/one: no such file"):
        one(store, mkdir("/no/one", make_parents=False))
    with pytest.raises(BuildError, match="mkdir /f: not a directory"):
        one(store, mkdir("/f/x"), {"f": "f"})


def test_what_writes_nothing_makes_no_snapshot(store: Any) -> None:
    layer = store.layer({"d": None})
    output = store.run([{"kind": "layers", "layers": [layer]}], [mkdir("/d")])[0]
    assert output == {"base": [layer], "snapshot": None}
    assert sorted(os.listdir(store.root / "store/snapshots")) == [".new", layer]


def test_mkfile(store: Any) -> None:
    assert one(store, mkfile("/f", b"data", mode=0o600)) == {"/f": "f 0600 data"}
    assert one(store, mkfile("/ln", b"new"), {"ln": "-> f", "f": "longer"}) == {"/f": "f new", "/ln": "l f"}
    assert one(store, mkfile("/../up")) == {"/up": "f "}
    owned = mkfile("/f", b"x", owner={"user": {"id": 3}, "group": {"id": 4}})
    assert one(store, owned, {"f": "y"}) == {"/f": "f 3:4 x"}
    for path, message in (("/no/f", "open /no/f: no such file"), ("/d", "open /d: not a regular"), ("/", "open /: is")):
        with pytest.raises(BuildError, match=message):
            one(store, mkfile(path), {"d": None})


def test_mkfile_with_a_time(store: Any) -> None:
    output = store.run([SCRATCH], [mkfile("/f", timestamp=1_600_000_000_000_000_001)])[0]
    place = store.root / "store/snapshots" / output["snapshot"] / "f"
    assert place.stat().st_mtime_ns == 1_600_000_000_000_000_001


def test_symlink(store: Any) -> None:
    link = make("symlink", oldpath="../to", newpath="/d/ln", owner={"user": {"id": 5}, "group": None})
    assert one(store, link, {"d": None}) == {"/d": "d", "/d/ln": "l 5:5 ../to"}
    with pytest.raises(BuildError, match="symlink /d/ln: file exists"):
        one(store, link, {"d/ln": "there"})
    with pytest.raises(BuildError, match="symlink /d/ln: no such file"):
        one(store, link)


def test_rm(store: Any) -> None:
    onto = {"d/x/y": "", "d/z.txt": "", "a.txt": "", "b.txt": "", "ln": "-> d", "bad": "-> nowhere"}
    assert "/d" not in one(store, rm("/d"), onto)
    assert one(store, rm("/ln"), onto)["/d/x/y"] == "f "
    assert "/d/z.txt" not in one(store, rm("/ln/z.txt"), onto)
    assert "/bad" not in one(store, rm("/bad"), onto)
    assert set(one(store, rm("*.txt", allow_wildcard=True), onto)) == {
        "/bad",
        "/d",
        "/d/x",
        "/d/x/y",
        "/d/z.txt",
        "/ln",
    }
    assert one(store, rm("/none", allow_not_found=True), onto)["/a.txt"] == "f "
    assert one(store, rm("*.none", allow_wildcard=True), onto)["/a.txt"] == "f "
    with pytest.raises(BuildError, match='"/none": not found') as caught:
        one(store, rm("/none"), onto)
    assert caught.value.code == "LA0301"
    for path in ("/", "/..", "."):
        with pytest.raises(BuildError, match="root cannot be removed"):
            one(store, rm(path), onto)


def test_rm_stays_in_the_root(store: Any, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_text("f")
    onto = {"ln": f"-> {tmp_path}/outside", "up": "-> ../../../../../.."}
    one(store, rm("/ln/f", allow_not_found=True), onto)
    one(store, rm("/up/tmp", allow_not_found=True), onto)
    one(store, rm("/ln"), onto)
    assert (tmp_path / "outside/f").read_text() == "f"


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"user": {"name": "kim", "input": 0}, "group": None}, "501:502"),
        ({"user": {"name": "kim", "input": 0}, "group": {"name": "staff", "input": 0}}, "501:50"),
        ({"user": {"id": 77}, "group": {"name": "staff", "input": 0}}, "77:50"),
        ({"user": {"name": "kim", "input": 0}, "group": {"id": 5}}, "501:5"),
        ({"user": None, "group": {"id": 5}}, "0:5"),
    ],
)
def test_owners_by_name(store: Any, owner: dict[str, Any], expected: str) -> None:
    tree = one(
        store, mkfile("/f", owner=owner), {"etc": "-> conf", "conf/passwd": PASSWD, "conf/group": "staff:x:50:\n"}
    )
    assert tree["/f"] == f"f {expected} "


def test_an_unknown_owner_counts_as_root(store: Any) -> None:
    """As with BuildKit; but ladle says so."""
    owner = {"user": {"name": "nosuch", "input": 0}, "group": {"name": "none", "input": 0}}
    assert one(store, mkfile("/f", owner=owner), {"etc/passwd": PASSWD})["/f"] == "f "
    assert b"".join(event["data"] for event in store.events) == (
        b"warning: user nosuch is not in /etc/passwd: using 0\nwarning: group none is not in /etc/group: using 0\n"
    )


def test_owners_by_name_need_a_tree_and_a_regular_file(store: Any) -> None:
    with pytest.raises(BuildError, match="invalid user index: -1"):
        one(store, mkfile("/f", owner={"user": {"name": "kim", "input": -1}, "group": None}))
    layer = store.layer({"etc": None})
    base = {"kind": "layers", "layers": [layer]}
    passwd = store.root / "store/snapshots" / layer / "etc/passwd"
    os.mkfifo(passwd)
    with pytest.raises(BuildError, match="/etc/passwd is not a regular file"):
        store.run([base], [mkfile("/f", owner={"user": {"name": "kim", "input": 0}, "group": None})])
    passwd.unlink()
    passwd.touch()
    os.truncate(passwd, (10 << 20) + 1)
    with pytest.raises(BuildError, match="/etc/passwd is larger"):
        store.run([base], [mkfile("/f", owner={"user": {"name": "kim", "input": 0}, "group": None})])


def test_the_owner_of_a_result_is_looked_up_in_it(store: Any) -> None:
    actions = [
        mkdir("/etc", output=-1),
        mkfile("/etc/passwd", PASSWD.encode(), input=1, output=-1),
        mkfile("/f", input=2, owner={"user": {"name": "kim", "input": 2}, "group": None}),
    ]
    assert store.tree(store.run([SCRATCH], actions)[0])["/f"] == "f 501:502 "


def test_outputs_that_share_their_beginning(store: Any) -> None:
    layer = store.layer({"base": ""})
    actions = [
        mkfile("/a", output=0),
        mkfile("/b", input=1, output=1),
        mkfile("/c", input=1, output=2),
    ]
    outputs = store.run([{"kind": "layers", "layers": [layer]}], actions)
    assert [set(store.tree(outputs[index])) for index in range(3)] == [
        {"/base", "/a"}, {"/base", "/a", "/b"}, {"/base", "/a", "/c"}
    ]  # fmt: skip
    assert outputs[1]["base"] == [layer]


def test_copying_from_the_result_of_an_action(store: Any, copy_fields: dict[str, Any]) -> None:
    actions = [
        mkfile("/EOF", b"#!/bin/sh\n", input=-1, output=-1),
        {**copy_fields, "input": -1, "secondary_input": 0, "src": "/EOF", "dest": "/x/script", "mode": 0o750},
    ]
    assert store.tree(store.run([], actions)[0]) == {"/x": "d 0750", "/x/script": "f 0750 #!/bin/sh\n"}


def test_a_local_directory_as_base_becomes_a_layer(store: Any) -> None:
    local = store.local({"d/f": "f", "ln": "-> d"})
    assert store.tree(store.run([local], [rm("/ln")])[0]) == {"/d": "d", "/d/f": "f f"}


def test_a_host_directory_is_neither_base_nor_source(store: Any, copy_fields: dict[str, Any]) -> None:
    host = {"kind": "host", "path": "/usr"}
    with pytest.raises(BuildError, match="cannot be changed"):
        store.run([host], [mkdir("/x")])
    with pytest.raises(BuildError, match="nothing can be copied from a host"):
        store.run([SCRATCH, host], [{**copy_fields, "src": "/", "dest": "/"}])


@pytest.mark.parametrize(
    "action",
    [
        make("format"),
        mkdir("/x", input=5),
        mkdir("/x", input=1),
        mkdir("/x", secondary_input=-2),
        mkdir("/x", input="0"),
    ],
)
def test_invalid_actions_are_refused(store: Any, action: dict[str, Any]) -> None:
    with pytest.raises(InternalError, match=r"unknown file action|invalid (secondary_)?input"):
        store.run([SCRATCH], [action])


def test_a_failing_system_call_names_the_action(store: Any) -> None:
    with pytest.raises(BuildError, match=f"mkdir /{'x' * 300}: file name too long") as caught:
        one(store, mkdir("/" + "x" * 300))
    assert caught.value.code == "LA0315"
