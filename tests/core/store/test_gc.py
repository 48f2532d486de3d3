# SPDX-License-Identifier: Apache-2.0
"""What a collection decides, by itself, and what it leaves of a store."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.store.check import check
from ladle.core.store.gc import Decision, age_text, collect, decide, size_text
from ladle.core.store.policies import Policy
from ladle.core.store.store import Store
from ladle.core.store.usage import Item, Usage

NOW = 1_000_000.0


def item(name: str, used: float, *below: str, **more: Any) -> Item:
    """Return a layer of 10 bytes that was used so many seconds ago and stands on others."""
    values: dict[str, Any] = {"type": "regular", "path": f"snapshots/{name}", "size": 10} | more
    return Item(id=name, used=NOW - used, parents=set(below), **values)


def usage(*items: Item, free: int = 1000) -> Usage:
    """Return the usage of a store with these items and nothing else."""
    for each in items:
        each.children = sum(each.id in other.parents for other in items)
    return Usage(items=items, fixed={}, disk=10_000, free=free)


def gone(decisions: list[Decision]) -> list[str]:
    """Return what goes."""
    return [decision.item.id for decision in decisions if decision.goes]


@pytest.mark.row("DM-15")
def test_the_least_lately_used_go_first_until_there_is_room() -> None:
    found = decide(usage(item("a", 30), item("b", 20), item("c", 10)), [Policy(max_used=20)], now=NOW)
    assert gone(found) == ["a"]
    assert [decision.why for decision in found] == [
        "not used for 30 seconds, 30B of 20B taken",
        "there is room: 20B of 20B",
        "there is room: 20B of 20B",
    ]


@pytest.mark.row("DM-15")
def test_of_two_used_at_once_the_one_used_less_goes() -> None:
    both = usage(item("a", 10, count=5), item("b", 10, count=2))
    assert gone(decide(both, [Policy(max_used=10)], now=NOW)) == ["b"]


@pytest.mark.row("DM-15")
def test_a_parent_goes_after_its_last_child() -> None:
    tree = usage(item("base", 99), item("x", 20, "base"), item("y", 10, "base"))
    assert gone(decide(tree, [Policy(max_used=20)], now=NOW)) == ["x"]
    assert gone(decide(tree, [Policy(max_used=1)], now=NOW)) == ["base", "x", "y"]


def test_what_is_in_use_stays_with_all_below_it() -> None:
    tree = usage(item("base", 99), item("used", 50, "base", in_use=True), item("other", 10, "base"))
    found = decide(tree, [Policy()], now=NOW)
    assert gone(found) == ["other"]
    assert [decision.why for decision in found[:2]] == ["1 others stand on it", "in use"]


def test_what_was_used_lately_stays() -> None:
    found = decide(usage(item("old", 7200), item("new", 60)), [Policy(keep=3600)], now=NOW)
    assert gone(found) == ["old"]
    assert found[1].why == "used 60 seconds ago, kept for 60 minutes"


def test_internal_items_go_only_with_all_and_never_young() -> None:
    items = usage(item("old", 7200, type="internal"), item("young", 60, type="internal"))
    assert gone(decide(items, [Policy()], now=NOW)) == []
    assert gone(decide(items, [Policy(all=True)], now=NOW)) == ["old"]


def test_policies_follow_each_other() -> None:
    items = usage(item("m", 5, type="exec.cachemount"), item("a", 30), item("b", 20))
    policies = [Policy(filters=("type==exec.cachemount",), max_used=1), Policy(max_used=10)]
    assert gone(decide(items, policies, now=NOW)) == ["m", "a"]


def test_the_disk_asks_for_its_free_space() -> None:
    items = usage(item("a", 30), item("b", 20), free=5)
    assert gone(decide(items, [Policy(min_free=15)], now=NOW)) == ["a"]


@given(
    st.lists(st.tuples(st.integers(0, 99), st.booleans(), st.sets(st.integers(0, 9), max_size=2)), max_size=10),
    st.integers(0, 120),
)
def test_nothing_goes_that_something_stands_on(rows: list[tuple[int, bool, set[int]]], cap: int) -> None:
    items = usage(
        *(
            item(str(number), used, *(str(each) for each in below if each < number), in_use=busy)
            for number, (used, busy, below) in enumerate(rows)
        )
    )
    found = decide(items, [Policy(max_used=cap or 1)], now=NOW)
    went = set(gone(found))
    for each in items.items:
        assert not (each.in_use and each.id in went)
        assert each.id in went or not (each.parents & went)
    left = sum(each.size for each in items.items if each.id not in went)
    held = {each.id for each in items.items if each.in_use}
    for each in reversed(items.items):
        held |= each.parents if each.id in held else set()
    assert left <= (cap or 1) or {each.id for each in items.items} - went == held


class Hand:
    """A worker whose jobs are done here."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.jobs: list[str] = []

    async def run(self, job: str, args: dict[str, Any]) -> dict[str, Any]:
        self.jobs.append(job)
        for snapshot in args.get("snapshots", ()):
            shutil.rmtree(f"{self.root}/snapshots/{snapshot}")
        return {"usage": {path: [4096, 1] for path in args.get("paths", ())}}


def filled(store: Store) -> tuple[str, str]:
    """Return two layers, one on the other, each with a record, a fact and a blob."""
    made = []
    for _ in range(2):
        snapshot = store.snapshots.allocate()
        os.mkdir(f"{store.root}/snapshots/{snapshot}")
        store.snapshots.commit(snapshot)
        made.append(snapshot)
        store.records().add({"layers": list(made)}, [snapshot.encode()], {"name": f"step {snapshot}"})
        store.facts.put("chain", f"sha256:{snapshot}", snapshot.encode())
        store.snapshots.set_blob(snapshot, "gzip", {"digest": store.blobs.put(snapshot.encode())})
    return made[0], made[1]


def test_a_collection_leaves_a_sound_store(store: Store, root: str) -> None:
    below, above = filled(store)
    store.close()
    other = Store.open(root)
    worker = Hand(other.root)
    done = asyncio.run(collect(other, worker, [Policy(filters=(f"id=={above}",))]))
    assert [each.id for each in done.removed] == [above]
    assert done.before - done.after == 4096
    assert other.records().lookup([below.encode()]) is not None
    assert other.records().lookup([above.encode()]) is None
    assert other.facts.get("chain", f"sha256:{below}") is not None
    assert other.facts.get("chain", f"sha256:{above}") is None
    assert check(other.root) == []
    other.close()


def test_a_collection_that_is_killed_before_it_removes_leaves_orphans_to_sweep(store: Store, root: str) -> None:
    _, above = filled(store)
    store.close()
    other = Store.open(root)

    class Killed(Hand):
        async def run(self, job: str, args: dict[str, Any]) -> dict[str, Any]:
            if job == "remove":
                raise KeyboardInterrupt
            return await super().run(job, args)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(collect(other, Killed(other.root), [Policy(filters=(f"id=={above}",))]))
    assert other.sweep_list() == [above]
    other.close()


def test_what_this_process_holds_stays(store: Store) -> None:
    filled(store)
    done = asyncio.run(collect(store, Hand(store.root), [Policy(all=True)]))
    assert done.removed == ()
    assert {decision.why for decision in done.decisions if decision.item.type == "regular"} <= {
        "in use",
        "1 others stand on it",
    }


def test_a_dry_run_changes_nothing(store: Store, root: str) -> None:
    filled(store)
    store.close()
    other = Store.open(root)
    done = asyncio.run(collect(other, Hand(other.root), [Policy()], dry_run=True))
    assert len(done.removed) == 4
    again = asyncio.run(collect(other, Hand(other.root), [Policy()], dry_run=True))
    assert [each.id for each in again.removed] == [each.id for each in done.removed]
    other.close()


def test_numbers_for_people() -> None:
    assert [size_text(size) for size in (0, 999, 1000, 1_234_567, 5 * 10**15)] == [
        "0B",
        "999B",
        "1kB",
        "1.235MB",
        "5000TB",
    ]
    assert [age_text(seconds) for seconds in (0, 119, 120, 7200, 172800)] == [
        "0 seconds",
        "119 seconds",
        "2 minutes",
        "2 hours",
        "2 days",
    ]
