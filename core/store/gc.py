# SPDX-License-Identifier: Apache-2.0
"""Collecting: what goes from a store so that it stays within its policies, and why (FEATURES DM-15).

What a living build uses never goes, nor what something that stays stands on. The database forgets in one transaction;
the directories are removed after it. A collection that is killed in between leaves what the next worker sweeps up.
"""

from __future__ import annotations

import heapq
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ladle.core.store.snapshots import base36
from ladle.core.store.usage import Item, Usage, list_usage
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    import sqlite3

    from ladle.core.store.policies import Policy
    from ladle.core.store.store import Store

_POINTING = ("chain", "loose", "local-layer", "host-skeleton")
"""Kinds of facts whose value is a snapshot, also behind the word that says whose they are."""
_AGING = ("memo", "compile", "content", "solved-graph")
_FACT_SECONDS = 60 * 86400.0
_YOUNG_SECONDS = 3600.0


class Worker(Protocol):
    """Runs jobs where the files of layers can be read and removed."""

    async def run(self, job: str, args: dict[str, Any]) -> Mapping[str, Any]:
        """Run one job to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of an item, and why."""

    item: Item
    goes: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collection did, or would have done: a decision for each item, and the bytes that the store had and has."""

    decisions: tuple[Decision, ...]
    before: int
    after: int

    @property
    def removed(self) -> tuple[Item, ...]:
        """The items that went."""
        return tuple(decision.item for decision in self.decisions if decision.goes)


async def collect(
    store: Store, worker: Worker, policies: Sequence[Policy], *, dry_run: bool = False, now: float | None = None
) -> Collected:
    """Remove what the policies say, each in its turn; with `dry_run` only say it."""
    await measure(store, worker)
    moment = time.time() if now is None else now
    with store.database.transaction() as connection:
        usage = sized(list_usage(store, connection), connection)
        decisions = decide(usage, policies, now=moment)
        gone = [decision.item for decision in decisions if decision.goes]
        moved = [] if dry_run else _forget(store.root, connection, gone, now=moment)
    if not dry_run and gone:
        await _remove(store, worker, gone, moved)
    after = usage.total - sum(item.size for item in gone)
    return Collected(decisions=tuple(decisions), before=usage.total, after=after)


async def measure(store: Store, worker: Worker) -> None:
    """Have the worker measure the layers that nobody has measured, and the cache mounts that were used since."""
    select = "SELECT id FROM snapshot WHERE lease = '' AND size < 0"
    paths = [f"snapshots/{base36(number)}" for (number,) in store.database.all(select)]
    known = dict(store.database.all("SELECT name, measured FROM cache_mount"))
    mounts = f"{store.root}/cachemounts"
    for name in os.listdir(mounts) if os.path.isdir(mounts) else ():
        if os.path.isdir(f"{mounts}/{name}") and _changed(f"{mounts}/{name}.lock", known.get(name, 0.0)):
            paths.append(f"cachemounts/{name}")
    if not paths:
        return
    now = time.time()
    usage = (await worker.run("measure", {"paths": paths}))["usage"]
    layers = [(*usage[path], int(path.partition("/")[2], 36)) for path in paths if path[0] == "s" and path in usage]
    found = [(path.partition("/")[2], *usage[path], now) for path in paths if path[0] == "c" and path in usage]
    with store.database.transaction() as connection:
        connection.executemany("UPDATE snapshot SET size = ?, inodes = ? WHERE id = ?", layers)
        connection.executemany("INSERT OR REPLACE INTO cache_mount VALUES(?, ?, ?, ?)", found)


def _changed(lock: str, measured: float) -> bool:
    """Say whether a cache mount may have changed: a step has taken it since, or has it now."""
    from ladle.core.store.locks import is_locked

    try:
        return os.stat(lock).st_mtime >= measured - 1 or is_locked(lock)
    except OSError:
        return measured == 0.0


def sized(usage: Usage, connection: sqlite3.Connection) -> Usage:
    """Return the usage with the sizes of the cache mounts in it."""
    sizes = {name: (size, inodes) for name, size, inodes, _ in connection.execute("SELECT * FROM cache_mount")}
    for item in usage.items:
        if item.type == "exec.cachemount":
            item.size, item.inodes = sizes.get(item.id[2:], (0, 1))
    return usage


def decide(usage: Usage, policies: Sequence[Policy], *, now: float) -> list[Decision]:
    """Return what becomes of each item: least lately used first, then least often, until the policy has its room."""
    gone: dict[str, str] = {}
    items = {item.id: item for item in usage.items}
    children = {item.id: item.children for item in usage.items}
    total, free = usage.total, usage.free
    stays: dict[str, str] = {}
    for policy in policies:
        matches, room = policy.matches(), policy.room(total, free)
        bounded = bool(policy.max_used or policy.reserved or policy.min_free)
        ready = [(item.used, item.count, item.id) for item in usage.items if not children[item.id]]
        heapq.heapify(ready)
        while ready:
            item = items[heapq.heappop(ready)[2]]
            if item.id in gone:
                continue
            why = _stays(item, policy, matches(item), now)
            if not why and bounded and total <= room:
                why = f"there is room: {size_text(total)} of {size_text(room)}"
            if why:
                stays[item.id] = why
                continue
            gone[item.id] = f"not used for {age_text(now - item.used)}" + (
                f", {size_text(total)} of {size_text(max(room, 0))} taken" if bounded else ""
            )
            total -= item.size
            free += item.size
            for parent in item.parents:
                children[parent] -= 1
                if not children[parent]:
                    heapq.heappush(ready, (items[parent].used, items[parent].count, parent))
    return [_decision(item, gone, stays, children) for item in usage.items]


def _decision(item: Item, gone: Mapping[str, str], stays: Mapping[str, str], children: Mapping[str, int]) -> Decision:
    if item.id in gone:
        return Decision(item=item, goes=True, why=gone[item.id])
    if children[item.id]:
        return Decision(item=item, goes=False, why=f"{children[item.id]} others stand on it")
    return Decision(item=item, goes=False, why=stays.get(item.id, "no policy asks for it"))


def _stays(item: Item, policy: Policy, matching: bool, now: float) -> str:
    """Return why an item stays whatever room there is, "" if nothing keeps it."""
    if item.in_use:
        return "in use"
    if not matching:
        return "no policy asks for it"
    keep = max(policy.keep, _YOUNG_SECONDS if item.type == "internal" else 0.0)
    if now - item.used < keep:
        return f"used {age_text(now - item.used)} ago, kept for {age_text(keep)}"
    return ""


def _forget(root: str, connection: sqlite3.Connection, gone: Iterable[Item], *, now: float) -> list[str]:
    """Take items out of the database and files out of the store; returns directories that were moved aside."""
    moved = []
    layers, paths = set(), set()
    for item in gone:
        if item.type == "regular":
            layers.add(item.id)
        elif item.type in ("blob", "internal"):
            _unlink(f"{root}/{item.path}")
            paths.add(f"{root}/{item.path}")
        elif item.type != "exec.cachemount":
            aside = f"{root}/downloads/.gone-{os.urandom(6).hex()}"
            os.rename(f"{root}/{item.path}", aside)
            moved.append(aside)
            paths.add(f"{root}/{item.path}")
    _forget_records(connection, layers, paths)
    for layer in layers:
        connection.execute("DELETE FROM snapshot WHERE id = ?", (int(layer, 36),))
    _forget_facts(connection, layers, now=now)
    return moved


def _forget_records(connection: sqlite3.Connection, layers: set[str], paths: set[str]) -> None:
    """Forget the records whose results are gone."""
    from msgpack import unpackb

    doomed = []
    for number, packed in connection.execute("SELECT id, result FROM record").fetchall():
        result = unpackb(packed)
        if not layers.isdisjoint(result.get("layers", ())) or not paths.isdisjoint(_paths(result)):
            doomed.append((number,))
    connection.executemany("DELETE FROM record WHERE id = ?", doomed)


def _paths(result: Mapping[str, Any]) -> tuple[str, ...]:
    return str(result.get("root", "")), str(result.get("table", ""))


def _forget_facts(connection: sqlite3.Connection, layers: set[str], *, now: float) -> None:
    values = {layer.encode() for layer in layers}
    for kind in _POINTING:
        select = "SELECT kind, key, value FROM fact WHERE kind = ? OR kind LIKE ?"
        rows = connection.execute(select, (kind, f"% {kind}")).fetchall()
        doomed = [(found, key) for found, key, value in rows if bytes(value) in values or key in layers]
        connection.executemany("DELETE FROM fact WHERE kind = ? AND key = ?", doomed)
    for kind in _AGING:
        old = (kind, f"% {kind}", now - _FACT_SECONDS)
        connection.execute("DELETE FROM fact WHERE (kind = ? OR kind LIKE ?) AND made < ?", old)


async def _remove(store: Store, worker: Worker, gone: Sequence[Item], moved: Sequence[str]) -> None:
    layers = [item.id for item in gone if item.type == "regular"]
    mounts = [item.id[2:] for item in gone if item.type == "exec.cachemount"]
    if layers:
        await worker.run("remove", {"snapshots": layers})
    if mounts:
        await worker.run("discard", {"names": mounts})
        with store.database.transaction() as connection:
            connection.executemany("DELETE FROM cache_mount WHERE name = ?", [(name,) for name in mounts])
    for path in moved:
        shutil.rmtree(path, ignore_errors=True)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def size_text(size: int) -> str:
    """Return bytes for people: `12.3MB` (powers of 1,000, as buildx writes them)."""
    number, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.4g}{unit}"


def age_text(seconds: float) -> str:
    """Return a span of time for people, in its largest unit."""
    for span, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * span:
            return f"{seconds / span:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"
