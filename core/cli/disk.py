# SPDX-License-Identifier: Apache-2.0
"""`ladle du` and `ladle prune`: what the store takes, and making it smaller."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ladle.core.api.errors import UsageError
from ladle.core.store.gc import Decision, age_text, collect, measure, size_text, sized
from ladle.core.store.policies import Policy, check_filters, parse_duration, parse_filter, parse_size
from ladle.core.store.usage import Item, Usage, list_usage

if TYPE_CHECKING:
    from ladle.core.store.store import Store

T = TypeVar("T")
_FORMATS = ("text", "json")


def run_du(root: str, filters: Sequence[str], *, verbose: bool, form: str) -> int:
    """Print what is in the store and return 0."""
    check_filters(filters)
    _check_format(form)

    async def work(store: Store, worker: Any) -> Usage:
        await measure(store, worker)
        with store.database.transaction() as connection:
            return sized(list_usage(store, connection), connection)

    usage = _with_store(root, work)
    tests = [parse_filter(text) for text in filters]
    items = [item for item in usage.items if not tests or any(test(item) for test in tests)]
    if form == "json":
        click.echo(json.dumps(_plain_usage(usage, items), indent=2))
    elif verbose:
        for item in items:
            click.echo("\n".join(f"{name + ':':13}{value}" for name, value in _fields(item).items()) + "\n")
        _print_totals(usage, items)
    else:
        _print_tree(items)
        _print_totals(usage, items)
    return 0


def run_prune(root: str, policy: PruneFlags, *, dry_run: bool, form: str) -> int:
    """Remove what the flags ask for, say why each item goes or stays, and return 0."""
    _check_format(form)
    wanted = policy.checked()

    async def work(store: Store, worker: Any) -> Any:
        return await collect(store, worker, [wanted(store.root)], dry_run=dry_run)

    done = _with_store(root, work)
    if form == "json":
        said = [_fields(each.item) | {"goes": each.goes, "why": each.why} for each in done.decisions]
        click.echo(json.dumps({"items": said, "before": done.before, "after": done.after}, indent=2))
        return 0
    for each in sorted(done.decisions, key=lambda each: not each.goes):
        click.echo(_line(each, dry_run=dry_run))
    verb = "would go" if dry_run else "went"
    click.echo(f"{size_text(done.before - done.after)} {verb}, {size_text(done.after)} left")
    return 0


class PruneFlags:
    """The flags of `ladle prune`, as they were written."""

    def __init__(
        self, filters: Sequence[str], keep: str, reserved: str, max_used: str, min_free: str, *, all: bool
    ) -> None:
        self._filters = filters
        self._keep = keep
        self._sizes = (reserved, max_used, min_free)
        self._all = all

    def checked(self) -> Callable[[str], Policy]:
        """Return what makes the policy of a store's root; raises `UsageError` for flags that are not valid."""
        filters, keep = check_filters(self._filters), parse_duration(self._keep or 0)
        for size in self._sizes:
            parse_size(size or 0, 1)

        def policy(root: str) -> Policy:
            import os

            space = os.statvfs(root)
            disk = space.f_blocks * space.f_frsize
            reserved, max_used, min_free = (parse_size(size or 0, disk) for size in self._sizes)
            return Policy(
                all=self._all, filters=filters, keep=keep, reserved=reserved, max_used=max_used, min_free=min_free
            )

        return policy


def _with_store(root: str, work: Callable[[Store, Any], Coroutine[Any, Any, T]]) -> T:
    """Do something with a store and a worker that can read and remove all of its files."""
    from ladle.core.build.worker_thread import EngineThread
    from ladle.core.cli.setup import make_registry
    from ladle.core.store.store import Store

    store = Store.open(root or None)
    try:
        engine = EngineThread(store, make_registry(), executors=())
        try:
            return engine.call(work(store, engine.worker))
        finally:
            engine.close()
    finally:
        store.close()


def _check_format(form: str) -> None:
    if form not in _FORMATS:
        raise UsageError(f"--format {form!r} is unknown", code="LA0185", help="text or json")


def _fields(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "parents": sorted(item.parents),
        "created": datetime.fromtimestamp(item.created, UTC).isoformat(timespec="seconds"),
        "type": item.type,
        "description": item.description,
        "size": item.size,
        "inodes": item.inodes,
        "in_use": item.in_use,
        "shared": item.children > 0,
        "last_used": datetime.fromtimestamp(item.used, UTC).isoformat(timespec="seconds"),
        "usage_count": item.count,
    }


def _plain_usage(usage: Usage, items: Sequence[Item]) -> dict[str, Any]:
    return {"items": [_fields(item) for item in items], "other": dict(usage.fixed), "total": usage.total}


def _print_tree(items: Sequence[Item]) -> None:
    """Print the items by type, each layer below the one that it stands on."""
    shown = {item.id for item in items}
    for kind in sorted({item.type for item in items}):
        of_kind = [item for item in items if item.type == kind]
        click.echo(f"{kind}  {size_text(sum(item.size for item in of_kind))}")
        above: dict[str, list[Item]] = {}
        for item in of_kind:
            for parent in sorted(item.parents & shown)[:1] or [""]:
                above.setdefault(parent, []).append(item)
        pending = [(1, item) for item in reversed(above.get("", []))]
        while pending:
            depth, item = pending.pop()
            flags = " (in use)" if item.in_use else ""
            name = f"{'  ' * min(depth, 20)}{item.id[:24]}"
            used = age_text(max(0.0, datetime.now(UTC).timestamp() - item.used))
            click.echo(f"{name:44} {size_text(item.size):>9}  used {used} ago{flags}  {item.description}".rstrip())
            pending += [(depth + 1, child) for child in reversed(above.get(item.id, []))]


def _print_totals(usage: Usage, items: Sequence[Item]) -> None:
    shared = sum(item.size for item in items if item.children)
    exclusive = sum(item.size for item in items if not item.children)
    reclaimable = sum(item.size for item in items if not item.in_use)
    click.echo(f"Shared:      {size_text(shared)}")
    click.echo(f"Private:     {size_text(exclusive)}")
    click.echo(f"Reclaimable: {size_text(reclaimable)}")
    click.echo(f"Other:       {size_text(sum(usage.fixed.values()))}")
    click.echo(f"Total:       {size_text(usage.total)}")


def _line(each: Decision, *, dry_run: bool) -> str:
    word = ("would go" if dry_run else "gone") if each.goes else "stays"
    item = each.item
    return (
        f"{word:8}  {item.id[:24]:24} {item.type:20} {size_text(item.size):>9}  {each.why}  {item.description}".rstrip()
    )
