# SPDX-License-Identifier: Apache-2.0
"""The store: a directory with blobs, snapshots and a database, shared by many ladle processes (DESIGN section 7).

Opening it is on the path of every cached build: one connection, one select; nothing else is imported or touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from ladle.core.api.errors import BuildError
from ladle.core.store import errors
from ladle.core.store.blobs import Blobs
from ladle.core.store.database import Database
from ladle.core.store.facts import Facts
from ladle.core.store.locks import FileFlight, Lease, sweep
from ladle.core.store.opening import make_directories
from ladle.core.store.pins import Pins
from ladle.core.store.records import Records, layers_present
from ladle.core.store.schema import SCHEMA
from ladle.core.store.snapshots import Snapshots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.records import Result

KEY_VERSION = 1
"""The version of the cache keys that are kept (`ladle.core.solver.keys.VERSION`)."""


class Store:
    """An open store. Safe to use from several threads."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.warnings: list[str] = []
        """What people should know about how it was opened."""
        versions = {"schema": SCHEMA, "keys": KEY_VERSION}
        self.database = Database(root, versions, self.warnings.append)
        self._lease = Lease(root)
        self._boot = ""
        self.pins = Pins(root, self.database, self._lease)
        self.blobs = Blobs(root, self._lease, self.pins)
        self.snapshots = Snapshots(root, self.database, self._lease, self.pins)
        self.facts = Facts(self.database)

    @classmethod
    def open(cls, root: str | None = None) -> Store:
        """Open the store at `root`, made if need be; default: $LADLE_ROOT, root's place, or the user's data home."""
        return cls(os.path.abspath(root or default_root()))

    def records(self, usable: Callable[[Result], bool] | None = None) -> Records:
        """Return the cache index; `usable`: whether a result is still there (default: all its snapshots are)."""
        return Records(self.database, self.pins, self.boot_id, usable or layers_present(self.root))

    def single_flight(self, key: str) -> FileFlight:
        """Return a lock for a key: at most one process on this store is inside `with` (or after `try_enter`)."""
        return FileFlight(self.root, key)

    def boot_id(self) -> str:
        """Return what tells this boot of the machine from others."""
        if not self._boot:
            try:
                with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                    self._boot = file.read().strip()
            except OSError:
                self._boot = "unknown"
        return self._boot

    def mark_synced(self) -> None:
        """Write everything to disk, and trust the records made so far across a loss of power."""
        row = self.database.one("SELECT max(id) FROM record")
        last = 0 if row is None or row[0] is None else int(row[0])
        if last <= int(self.database.meta.get("synced", "0")):
            return
        _sync_file_system(self.root)
        with self.database.transaction() as connection:
            update = "UPDATE meta SET value = ? WHERE name = 'synced' AND CAST(value AS INTEGER) < ?"
            connection.execute(update, (str(last), last))
        self.database.meta["synced"] = str(last)

    def sweep_list(self) -> list[str]:
        """Return the snapshots to be removed by the worker, as their makers died; removes their other files."""
        try:
            make_directories(self.root)
            self.blobs.sweep()
            orphans = self.snapshots.orphans()
            sweep(self.root)
            return orphans
        except OSError as error:
            raise errors.from_os(self.root, error) from error

    def swept(self, snapshots: Iterable[str]) -> None:
        """Forget snapshots that the worker has removed."""
        self.snapshots.forget(snapshots)

    def close(self) -> None:
        """Close the database and let go of what this process holds."""
        try:
            self.pins.end()
        except BuildError:
            return  # the database is damaged or the disk full: the pins end with the lease
        finally:
            self._lease.end()
            self.database.close()


def default_root() -> str:
    """Return where the store is unless told otherwise."""
    given = os.environ.get("LADLE_ROOT")
    if given:
        return given
    if os.geteuid() == 0:
        return "/var/lib/ladle"
    home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return f"{home}/ladle"


def _sync_file_system(root: str) -> None:
    """Do syncfs(2) on the file system of the store."""
    import ctypes

    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise errors.store_unwritable(root, f"syncfs: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)
