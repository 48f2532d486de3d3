# SPDX-License-Identifier: Apache-2.0
"""Opening: where, what is made, versions, damage, and places that cannot be written to."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.solver import keys
from ladle.core.store import store as store_module
from ladle.core.store.store import Store, default_root


def test_layout_is_an_oci_layout(store: Store) -> None:
    root = Path(store.root)
    assert json.loads((root / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((root / "index.json").read_text()) == {"schemaVersion": 2, "manifests": []}
    made = {"blobs", "snapshots", "cachemounts", "locks", "tmp", "stat", "logs", "ladle.db"}
    assert made <= {entry.name for entry in root.iterdir()}
    assert (root / "blobs/sha256").is_dir()
    assert root.stat().st_mode & 0o777 == 0o700


def test_key_version_is_the_solvers() -> None:
    assert store_module.KEY_VERSION == keys.VERSION


def test_default_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADLE_ROOT", "/given")
    assert default_root() == "/given"
    monkeypatch.delenv("LADLE_ROOT")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_root() == "/var/lib/ladle"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_root() == "/data/ladle"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/u")
    assert default_root() == "/home/u/.local/share/ladle"


def test_reopening_finds_everything(store: Store, root: str) -> None:
    record = store.records().add({"layers": []}, [b"k"], {"op": 1})
    store.facts.put("kind", "key", b"value")
    again = Store.open(root)
    assert again.records().lookup([b"k"]) == record
    assert (again.facts.get("kind", "key"), again.warnings) == (b"value", [])
    again.close()


def test_odd_root_names(tmp_path: Path) -> None:
    root = os.fsdecode(os.fsencode(tmp_path) + b"/a b?mode=ro#%41\n")
    store = Store.open(root)
    store.facts.put("a", "b", b"c")
    store.close()
    assert "ladle.db" in os.listdir(root)


def set_version(root: str, name: str, value: str) -> None:
    connection = sqlite3.connect(f"{root}/ladle.db")
    with connection:
        connection.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
    connection.close()


@pytest.mark.parametrize("name", ["schema", "keys"])
def test_newer_is_refused(root: str, name: str) -> None:
    Store.open(root).close()
    set_version(root, name, "99")
    with pytest.raises(BuildError, match="made by a newer ladle") as caught:
        Store.open(root)
    assert caught.value.code == "ST0001"


@pytest.mark.parametrize(("name", "value"), [("schema", "0"), ("keys", "0"), ("keys", "nonsense")])
def test_older_is_set_aside(root: str, name: str, value: str) -> None:
    Store.open(root).close()
    set_version(root, name, value)
    store = Store.open(root)
    assert len(store.warnings) == 1
    assert "older ladle" in store.warnings[0]
    assert any(entry.startswith("ladle.db.old-") for entry in os.listdir(root))
    store.close()
    assert Store.open(root).warnings == []


@pytest.mark.parametrize("damage", [b"not a database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_damaged_is_set_aside_and_ids_go_on(root: str, damage: bytes) -> None:
    store = Store.open(root)
    first = store.snapshots.allocate()
    os.mkdir(f"{root}/snapshots/{first}")
    store.close()
    for suffix in ("-wal", "-shm"):
        Path(f"{root}/ladle.db{suffix}").unlink(missing_ok=True)
    Path(f"{root}/ladle.db").write_bytes(damage)
    store = Store.open(root)
    assert "damaged" in store.warnings[0]
    assert int(store.snapshots.allocate(), 36) > int(first, 36)
    assert store.sweep_list() == [first]
    store.close()


def test_empty_database_file_is_filled(root: str) -> None:
    os.makedirs(root)
    Path(f"{root}/ladle.db").write_bytes(b"")
    store = Store.open(root)
    store.facts.put("a", "b", b"c")
    assert store.warnings == []
    store.close()


def test_damage_met_in_use_is_set_aside_at_once(root: str) -> None:
    store = Store.open(root)
    for number in range(2000):
        store.facts.put("kind", str(number), os.urandom(100))
    store.close()
    path = Path(f"{root}/ladle.db")
    data = bytearray(path.read_bytes())
    data[3 * 4096 :] = os.urandom(len(data) - 3 * 4096)
    path.write_bytes(data)
    store = Store.open(root)
    with pytest.raises(BuildError, match="damaged") as caught:
        [store.facts.get("kind", str(number)) for number in range(2000)]
    assert caught.value.code == "ST0005"
    store.close()
    again = Store.open(root)
    again.facts.put("kind", "1", b"x")
    again.close()


def test_unusable_place_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match="cannot write to the store") as caught:
        Store.open(str(tmp_path / "file" / "store"))
    assert (caught.value.code, "LADLE_ROOT" in caught.value.help) == ("ST0003", True)


IN_NAMESPACE = """
import os, sys, subprocess
from ladle.core.api.errors import BuildError
from ladle.core.store.store import Store
root, options = sys.argv[1:]
os.makedirs(root, exist_ok=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", root], check=True)
store = Store.open(root)
store.facts.put("a", "b", b"c")
if options:
    store.close()
    subprocess.run(["mount", "-o", "remount," + options, root], check=True)
try:
    store = Store.open(root)
    for number in range(1000):
        store.facts.put("a", str(number), bytes(1000))
        store.blobs.put(os.urandom(1000))
except BuildError as error:
    print(error.code, error.message)
"""


@pytest.mark.root
@pytest.mark.parametrize(("options", "code"), [("ro", "ST0003"), ("", "ST0004")])
def test_read_only_and_full_disks_are_errors_for_people(root: str, options: str, code: str) -> None:
    """In a mount namespace of its own, which takes its tmpfs with it."""
    command = ["unshare", "-m", "--propagation", "private", sys.executable, "-c", IN_NAMESPACE, root, options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout[:6], done.stderr) == (code, "")


def test_locked_for_too_long_is_an_error_for_people(store: Store, root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladle.core.store.opening.BUSY_SECONDS", 0.3)
    other = sqlite3.connect(f"{root}/ladle.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BuildError, match="locked by another process") as caught:
        store.facts.put("a", "b", b"c")
    assert caught.value.code == "ST0002"
    assert store.facts.get("a", "b") is None
    other.close()
    store.facts.put("a", "b", b"c")


def test_waits_for_a_short_lock(store: Store, root: str) -> None:
    other = sqlite3.connect(f"{root}/ladle.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, lambda: other.execute("COMMIT"))
    timer.start()
    store.facts.put("a", "b", b"c")
    timer.join()
    other.close()
    assert store.facts.get("a", "b") == b"c"


def test_ten_processes_write_at_once(store: Store, spawn: Any) -> None:
    code = textwrap.dedent("""
        records = store.records()
        print("ready", flush=True)
        sys.stdin.readline()
        for number in range(30):
            snapshot = store.snapshots.allocate()
            store.snapshots.commit(snapshot)
            records.add({"layers": [], "snapshot": snapshot}, [f"{sys.argv[1]}-{number}".encode()], {})
            store.facts.put("kind", f"{sys.argv[1]}-{number}", snapshot.encode())
            store.blobs.put(b"shared %d" % number)
    """)
    processes = [spawn(code, str(each)) for each in range(10)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0] * 10
    records = store.records()
    found = [records.lookup([f"{each}-{number}".encode()]) for each in range(10) for number in range(30)]
    assert len({record.result["snapshot"] for record in found if record is not None}) == 300


def test_ten_processes_make_one_store(root: str, spawn: Any) -> None:
    processes = [spawn("store.facts.put('kind', sys.argv[1], b'x')\nprint(store.warnings)", str(n)) for n in range(10)]
    assert {process.communicate(timeout=60)[0] for process in processes} == {"[]\n"}
    store = Store.open(root)
    assert all(store.facts.get("kind", str(number)) == b"x" for number in range(10))
    store.close()


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.05])
def test_killed_at_any_moment_leaves_a_usable_store(store: Store, spawn: Any, moment: float) -> None:
    code = textwrap.dedent("""
        print("ready", flush=True)
        number = 0
        while True:
            with store.database.transaction() as connection:
                connection.execute("INSERT INTO fact VALUES('one', ?, x'00', 0)", (str(number),))
                connection.execute("INSERT INTO fact VALUES('two', ?, x'00', 0)", (str(number),))
            store.snapshots.allocate()
            number += 1
    """)
    process = spawn(code)
    process.stdout.readline()
    threading.Event().wait(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = Store.open(store.root)
    assert again.warnings == []
    count = "SELECT count(*) FROM fact WHERE kind = ?"
    assert again.database.one(count, ("one",)) == again.database.one(count, ("two",))
    dead = again.sweep_list()
    again.swept(dead)
    assert again.sweep_list() == []
    again.close()


def test_threads_share_a_store(store: Store) -> None:
    def work(name: str) -> None:
        for number in range(50):
            store.facts.put(name, str(number), name.encode())
            assert store.facts.get(name, str(number)) == name.encode()

    threads = [threading.Thread(target=work, args=(str(each),)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.facts.get("3", "49") == b"3"


def test_forked_child_has_its_own_connection_and_lease(store: Store) -> None:
    mine = store.snapshots.allocate()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            store.snapshots.allocate()
            store.facts.put("from", "child", b"x")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert store.facts.get("from", "child") == b"x"
    orphans = store.sweep_list()
    assert len(orphans) == 1
    assert mine not in orphans
