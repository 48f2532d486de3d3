# SPDX-License-Identifier: Apache-2.0
"""The memo of a finished build: what makes it another request's, and what makes it hold no more."""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.refs import layers_ref
from ladle.core.build import memo
from ladle.core.cli.options import defaults
from ladle.core.store.store import Store

Stamp = tuple[int, int, int, int, int]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store."""
    opened = Store.open(str(tmp_path / "store"))
    yield opened
    opened.close()


def stamp(path: Path) -> Stamp:
    status = path.lstat()
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns


def report(**fields: Any) -> Any:
    return SimpleNamespace(**{"summary": "", "files": {}, "receipt": "", "receipt_root": "", "metadata": {}, **fields})


def remember(store: Store, *, reads: Any = (), roots: Any = (), records: Any = (), reports: Any = ()) -> memo.Memo:
    compiled = SimpleNamespace(reads=reads, warnings=())
    memo.remember(store, "k", compiled=compiled, roots=roots, steps=["s"], records=records, reports=reports)
    found = memo.load(store, "k")
    assert found is not None
    return found


def holds(store: Store, found: memo.Memo, now: str = "", digest: str = "") -> bool:
    return memo.holds(store, found, lambda read: now, lambda *local: digest)


@pytest.mark.parametrize(
    "change",
    [
        {"target": "x"},
        {"tags": ("a",)},
        {"outputs": ("out",)},
        {"no_cache": True},
        {"jobs": "2"},
        {"executor": "native"},
    ],
    ids=str,
)
def test_another_flag_is_another_request(change: dict[str, Any]) -> None:
    assert memo.identity(defaults(), ["."], {}) != memo.identity({**defaults(), **change}, ["."], {})


def test_how_it_is_shown_is_no_part_of_a_request() -> None:
    plain = memo.identity(defaults(), ["."], {})
    shown = {"progress": "quiet", "quiet": True, "metadata_file": "m", "iidfile": "i", "root": "/r"}
    assert memo.identity({**defaults(), **shown}, ["."], {"HOME": "/elsewhere"}) == plain


def test_place_and_environment_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {memo.identity(defaults(), ["."], {}), memo.identity(defaults(), ["./"], {})}
    found.add(memo.identity(defaults(), ["."], {"SOURCE_DATE_EPOCH": "1"}))
    taken = {**defaults(), "build_args": ("A", "B=1")}
    found |= {memo.identity(taken, ["."], {"B": "2", **more}) for more in ({}, {"A": ""}, {"A": "1"})}
    monkeypatch.chdir(tmp_path)
    found.add(memo.identity(defaults(), ["."], {}))
    assert len(found) == 7
    assert memo.identity(taken, ["."], {"B": "3"}) == memo.identity(taken, ["."], {})


def test_names_that_are_not_utf8_have_an_identity() -> None:
    odd = os.fsdecode(b"\xff")
    assert memo.identity(defaults(), [odd], {}) != memo.identity(defaults(), ["x"], {})


def test_it_holds_while_its_records_do(store: Store) -> None:
    record = store.records().add(layers_ref([]), [b"k" * 32], {})
    found = remember(store, records=[record])
    assert holds(store, found)
    store.records().drop(record.id)
    assert not holds(store, found)


def test_it_holds_while_its_layers_are_there(store: Store) -> None:
    (Path(store.root) / "snapshots" / "s1").mkdir(parents=True)
    found = remember(store, records=[store.records().add(layers_ref(["s1"]), [b"k" * 32], {})])
    assert found["layers"] == ["s1"]
    assert holds(store, found)
    (Path(store.root) / "snapshots" / "s1").rmdir()
    assert not holds(store, found)


def test_reads_and_directories_must_be_as_they_were(store: Store) -> None:
    found = remember(store, reads=[("host", "h")], roots=[("/c", ["*.o"], [], [], "d")])
    assert holds(store, found, "h", "d")
    assert not holds(store, found, "other", "d")
    assert not holds(store, found, "h", "other")
    asked: list[Any] = []

    def digest(*local: Any) -> str:
        asked.append(local)
        return "d"

    assert memo.holds(store, found, lambda read: "h", digest)
    assert asked == [("/c", ["*.o"], [], [])]


def _link(path: Path) -> str:
    os.symlink("x", f"{path}.link")
    return f"{path}.link"


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda path: path.write_text("23"),
    "the same content again": lambda path: path.write_text("1"),
    "mode": lambda path: path.chmod(0o600),
    "time": lambda path: os.utime(path, (1, 1)),
    "gone": lambda path: path.unlink(),
    "a link": lambda path: os.replace(_link(path), path),
    "replaced": lambda path: (path.rename(f"{path}.old"), path.write_text("1")),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("how", ["file", "receipt"])
def test_a_changed_output_is_seen(store: Store, tmp_path: Path, change: str, how: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    path = out / "f"
    path.write_text("1")
    os.utime(path, (5, 5))
    made = report(files={str(path): stamp(path)})
    if how == "receipt":
        table = {b"f": stamp(path), b".": stamp(out)}
        (tmp_path / "receipt").write_bytes(marshal.dumps(table))
        made = report(receipt=str(tmp_path / "receipt"), receipt_root=str(out))
    found = remember(store, reports=[made])
    assert holds(store, found)
    CHANGES[change](path)
    assert not holds(store, found)


def test_what_else_is_in_an_output_directory_does_not_matter(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    found = remember(store, reports=[report(files={str(out): stamp(out)})])
    (out / "more").write_text("1")
    assert holds(store, found)
    out.chmod(0o700)
    assert not holds(store, found)


@pytest.mark.parametrize("damage", [None, b"", b"garbage", marshal.dumps(7), marshal.dumps([1]), marshal.dumps({1: 2})])
def test_a_damaged_receipt_is_a_changed_output(store: Store, tmp_path: Path, damage: bytes | None) -> None:
    if damage is not None:
        (tmp_path / "receipt").write_bytes(damage)
    found = remember(store, reports=[report(receipt=str(tmp_path / "receipt"), receipt_root=str(tmp_path))])
    assert not holds(store, found)


def test_it_is_written_only_when_it_is_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(store)
    writes: list[Any] = []
    monkeypatch.setattr(type(store.facts), "put", lambda self, *values: writes.append(values))
    remember(store)
    assert writes == []
    remember(store, reads=[("host", "h")])
    assert len(writes) == 1


def test_nothing_is_remembered_of_an_unknown_request(store: Store) -> None:
    assert memo.load(store, "unknown") is None
