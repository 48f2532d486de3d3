# SPDX-License-Identifier: Apache-2.0
"""Stores that something happened to: a right build follows, or a clear message; never a wrong result."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.store.check import check
from tests.support.command import Ladle, steps
from tests.support.faulty import refused
from tests.support.victim import assert_whole_archive

pytestmark = pytest.mark.root
DOCKERFILE = """\
FROM {base} AS first
COPY a /a
RUN seq 1 3000 > /numbers
FROM first
RUN sha256sum /a /numbers > /sums
"""


class Site:
    """A context, a store and the outputs of builds."""

    def __init__(self, ladle: Ladle, directory: Path, base: str) -> None:
        self.ladle = ladle
        self.directory = directory
        self.context = directory / "context"
        self.context.mkdir()
        (self.context / "Dockerfile").write_text(DOCKERFILE.format(base=base))
        (self.context / "a").write_text("first\n")
        self.count = 0
        self.built = self.build()
        self.tree = Path(f"{directory}/out1.tar.tree").read_bytes()

    def run(
        self, *, check: bool = True, flags: tuple[str, ...] = ()
    ) -> tuple[subprocess.CompletedProcess[bytes], Path]:
        """Build to a new place."""
        self.count += 1
        out = self.directory / f"out{self.count}.tar"
        outputs = (f"--output=type=oci,dest={out},rewrite-timestamp=true", f"--output=type=tar,dest={out}.tree")
        env = {"SOURCE_DATE_EPOCH": "1700000000"}
        done = self.ladle("build", *flags, *outputs, self.context, check=check, env=env, timeout=90)
        return done, out

    def build(self) -> bytes:
        """Return the image that a build gives."""
        _, out = self.run()
        assert_whole_archive(out)
        return out.read_bytes()

    def assert_right(self, *, same_image: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Build, with the same result as before anything happened, in a store that is sound."""
        done, out = self.run()
        assert b"Traceback" not in done.stderr
        assert Path(f"{out}.tree").read_bytes() == self.tree
        assert_whole_archive(out)
        if same_image:
            assert out.read_bytes() == self.built
            findings = check(str(self.ladle.store))
            assert not findings, findings
        return done


@pytest.fixture
def site(ladle: Ladle, tmp_path: Path, registry: str) -> Site:
    return Site(ladle, tmp_path, f"{registry}/busybox:latest")


def blobs(site: Site) -> list[Path]:
    """Return the blobs of the store, largest first: the base layer, our layers, documents."""
    return sorted((site.ladle.store / "blobs" / "sha256").iterdir(), key=lambda path: -path.stat().st_size)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


@pytest.mark.parametrize("damage", [flip, cut, empty, Path.unlink])
def test_all_blobs_damaged(site: Site, damage: Callable[[Path], None]) -> None:
    for path in blobs(site):
        damage(path)
    if damage is not Path.unlink:
        assert len(check(str(site.ladle.store))) == len(blobs(site))
    # the base's layer is fetched again; what no build looks at stays damaged
    site.assert_right(same_image=False)
    assert Path(f"{site.directory}/out{site.count}.tar").read_bytes() == site.built


def test_a_lost_base_layer_is_fetched_again_or_said_to_be_another(site: Site) -> None:
    """Without the registry the image is made all the same, with digests of its own; then it is the old one again."""
    lost = blobs(site)[0]
    lost.unlink()
    _, out = site.run(flags=("--offline",))
    assert_whole_archive(out)
    assert out.read_bytes() != site.built
    assert lost.name.encode() not in out.read_bytes()
    site.assert_right()
    assert lost.exists()


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
def test_blobs_damaged_and_snapshots_lost(site: Site, damage: Callable[[Path], None]) -> None:
    for path in blobs(site):
        damage(path)
    shutil.rmtree(site.ladle.store / "snapshots")
    (site.ladle.store / "snapshots").mkdir()
    site.assert_right()


def test_decay_without_a_trace_is_found_when_unpacking(site: Site) -> None:
    layer = blobs(site)[0]
    times = (layer.stat().st_atime_ns, layer.stat().st_mtime_ns)
    flip(layer)
    os.utime(layer, ns=times)
    shutil.rmtree(site.ladle.store / "snapshots")
    (site.ladle.store / "snapshots").mkdir()
    done, out = site.run(check=False)
    refused(done)
    assert not out.exists()
    site.assert_right()


def test_each_snapshot_lost_by_itself(site: Site) -> None:
    for name in sorted(os.listdir(site.ladle.store / "snapshots")):
        if not name.startswith("."):
            shutil.rmtree(site.ladle.store / "snapshots" / name, ignore_errors=True)
            (site.context / "a").write_text("other\n")
            site.build()
            (site.context / "a").write_text("first\n")
            site.run()
    (site.context / "a").write_text("third\n")
    site.build()
    (site.context / "a").write_text("first\n")
    site.assert_right()


def test_ladle_db_deleted_while_snapshots_stay(site: Site) -> None:
    before = set(os.listdir(site.ladle.store / "snapshots"))
    for name in ("ladle.db", "ladle.db-wal", "ladle.db-shm"):
        (site.ladle.store / name).unlink(missing_ok=True)
    site.assert_right()
    assert before & set(os.listdir(site.ladle.store / "snapshots")) <= {".new"}


def database_in_use(site: Site) -> dict[str, bytes]:
    """Return the files of the database as a killed process leaves them, the log not yet written back."""
    store = site.ladle.store
    connection = sqlite3.connect(store / "ladle.db")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    with connection:
        connection.execute("INSERT INTO fact VALUES('test', 'test', zeroblob(100000), 0)")
    files = {name: (store / name).read_bytes() for name in ("ladle.db", "ladle.db-wal", "ladle.db-shm")}
    connection.close()
    return files


@pytest.mark.parametrize("name", ["ladle.db", "ladle.db-wal", "ladle.db-shm"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6])
def test_a_damaged_database(site: Site, name: str, place: float) -> None:
    files = database_in_use(site)
    for each, data in files.items():
        start = int(len(data) * place)
        damaged = data[:start] + os.urandom(min(5000, len(data) - start)) + data[start + 5000 :]
        (site.ladle.store / each).write_bytes(damaged if each == name else data)
    done, out = site.run(check=False)
    if done.returncode:
        assert "set aside" in refused(done)
        assert not out.exists()
    site.assert_right()


def test_only_the_log_is_deleted(site: Site) -> None:
    for each, data in database_in_use(site).items():
        if each == "ladle.db":
            (site.ladle.store / each).write_bytes(data)
    site.assert_right()


def test_ladle_db_deleted_while_its_log_stays(site: Site) -> None:
    for each, data in database_in_use(site).items():
        (site.ladle.store / each).write_bytes(data)
    (site.ladle.store / "ladle.db").unlink()
    site.assert_right()


def test_a_truncated_database(site: Site) -> None:
    with (site.ladle.store / "ladle.db").open("r+b") as file:
        file.truncate(file.seek(0, 2) // 2)
    done, _ = site.run(check=False)
    if done.returncode:
        assert "set aside" in refused(done)
    site.assert_right()


def test_a_busy_database_is_waited_for(site: Site) -> None:
    connection = sqlite3.connect(site.ladle.store / "ladle.db", isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")

    def release() -> None:
        time.sleep(3)
        connection.execute("COMMIT")

    thread = threading.Thread(target=release)
    thread.start()
    (site.context / "a").write_text("other\n")
    began = time.monotonic()
    site.build()
    assert time.monotonic() - began > 2
    thread.join()
    connection.close()
    (site.context / "a").write_text("first\n")
    site.assert_right()


def set_version(site: Site, number: int) -> None:
    connection = sqlite3.connect(site.ladle.store / "ladle.db")
    with connection:
        connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (str(number),))
    connection.close()


def test_a_newer_ladles_store_is_left_alone(site: Site) -> None:
    set_version(site, 99)
    before = {path: path.stat().st_mtime_ns for path in site.ladle.store.rglob("*") if path.is_file()}
    done, out = site.run(check=False)
    assert "newer ladle" in refused(done)
    assert not out.exists()
    files = {path: path.stat().st_mtime_ns for path in site.ladle.store.rglob("*") if path.is_file()}
    assert {path: time for path, time in files.items() if "ladle.db-" not in path.name} == {
        path: time for path, time in before.items() if "ladle.db-" not in path.name
    }


def test_an_older_ladles_store_is_set_aside(site: Site) -> None:
    set_version(site, 0)
    site.assert_right()
    assert list(site.ladle.store.glob("ladle.db.old-*"))


@pytest.mark.parametrize("folder", ["scans", "stat", "receipts", "locks", "logs", "tmp", "cachemounts"])
@pytest.mark.parametrize("how", ["garbage", "gone"])
def test_helper_directories(site: Site, folder: str, how: str) -> None:
    path = site.ladle.store / folder
    if how == "gone":
        shutil.rmtree(path, ignore_errors=True)
    else:
        for file in list(path.rglob("*")) if path.is_dir() else []:
            if file.is_file():
                file.write_bytes(b"garbage" * 100)
    site.assert_right()
    (site.context / "a").write_text("other\n")
    site.build()


def test_garbage_beside_what_is_ours(site: Site) -> None:
    store = site.ladle.store
    (store / "tmp" / "garbage").write_text("x")
    (store / "locks" / "garbage").write_text("x")
    (store / "snapshots" / "garbage").mkdir()
    (store / "snapshots" / "zz-not an id").write_text("x")
    (store / "snapshots" / ("z" * 40)).mkdir()
    (site.context / "a").write_text("other\n")
    site.build()
    (site.context / "a").write_text("first\n")
    _, out = site.run()
    assert out.read_bytes() == site.built
    (store / "ladle.db").unlink()
    _, out = site.run()
    assert out.read_bytes() == site.built


def test_the_clock_went_back(site: Site) -> None:
    """As if everything had been made in the future: records, snapshots, files of the context and of the store."""
    future = time.time() + 40 * 86400
    connection = sqlite3.connect(site.ladle.store / "ladle.db")
    with connection:
        connection.execute("UPDATE record SET created = ?, used = ?", (future, future))
        connection.execute("UPDATE snapshot SET created = ?", (future,))
    connection.close()
    for folder in ("scans", "receipts", "locks", "logs"):
        for path in (site.ladle.store / folder).glob("*"):
            os.utime(path, (future, future))
    for path in site.context.iterdir():
        os.utime(path, (future, future))
    done = site.assert_right()
    assert not steps(done, "DONE")
    (site.context / "a").write_text("other\n")
    os.utime(site.context / "a", (future, future))
    assert site.build() != site.built
    (site.context / "a").write_text("first\n")
    os.utime(site.context / "a", (future, future))
    site.assert_right()


def test_store_check_names_what_is_wrong(site: Site) -> None:
    assert b"is sound" in site.ladle("store", "check").stdout
    flip(blobs(site)[0])
    number = next(name for name in os.listdir(site.ladle.store / "snapshots") if not name.startswith("."))
    shutil.rmtree(site.ladle.store / "snapshots" / number)
    said = refused(site.ladle("store", "check", check=False))
    assert "is damaged" in said
    assert f"the directory of the snapshot {number} is missing" in said
    assert blobs(site)[0].exists()
