# SPDX-License-Identifier: Apache-2.0
"""ADD of local archives."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

import pytest


def pack() -> bytes:
    """The archive of the golden case add-archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, mode, owner, content in (
            ("pack", tarfile.DIRTYPE, 0o755, 0, b""),
            ("pack/ln", tarfile.SYMTYPE, 0o777, 0, b""),
            ("pack/readme", tarfile.REGTYPE, 0o640, 0, b"readme\n"),
            ("pack/tool", tarfile.REGTYPE, 0o750, 7, b"tool"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.uid, member.gid = kind, mode, owner, owner
            member.linkname = "readme" if kind == tarfile.SYMTYPE else ""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


UNPACKED = {"": "d", "/ln": "l readme", "/readme": "f 0640 readme\n", "/tool": "f 0750 7:7 tool"}


def add(src: str, dest: str, **fields: Any) -> dict[str, Any]:
    return {"src": src, "dest": dest, "attempt_unpack": True, **fields}


def test_archives_are_unpacked_and_other_files_copied(store: Any) -> None:
    tree = store.copy(
        {"pack.tar": pack(), "pack.tar.gz": gzip.compress(pack()), "a.txt": "a", "ln": "-> pack.tar", "empty": ""},
        add("/pack.tar.gz", "/gz/"),
        add("/pack.tar", "/plain"),
        add("/ln", "/linked"),
        add("/a.txt", "/notarchive/"),
        add("/empty", "/empty"),
        ("/pack.tar.gz", "/copied/"),
    )
    for top in ("/gz", "/plain", "/linked"):
        assert tree[top] == "d"
        assert {path[len(top) + 5 :]: line for path, line in tree.items() if path.startswith(f"{top}/pack")} == UNPACKED
    assert tree["/notarchive/a.txt"] == "f a"
    assert tree["/empty"] == "f "
    assert "/copied/pack.tar.gz" in tree


def test_an_owner_is_given_to_everything_unpacked(store: Any) -> None:
    owner = {"user": {"id": 3}, "group": {"id": 4}}
    tree = store.copy({"pack.tar": pack()}, add("/pack.tar", "/owned/", owner=owner))
    assert tree == {
        "/owned": "d 3:4", "/owned/pack": "d 3:4", "/owned/pack/ln": "l 3:4 readme",
        "/owned/pack/readme": "f 0640 3:4 readme\n", "/owned/pack/tool": "f 0750 3:4 tool",
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"\0" * 1024, b"\x1f\x8b\x08 broken", b"x" * 600])
def test_what_only_looks_like_an_archive_is_copied(store: Any, content: bytes) -> None:
    assert list(store.copy({"f.tar": content}, add("/f.tar", "/x"))) == ["/x"]
