# SPDX-License-Identifier: Apache-2.0
"""`ladle doctor`: tries each rung of the ladder by which steps can run here, and says how to mend one that fails."""

from __future__ import annotations

import tempfile
from typing import Any

import click

from ladle.core.api.errors import BuildError
from ladle.core.registry import Registry


def run_doctor(root: str) -> int:
    """Print what works; returns 0 if steps can run, else 1."""
    from ladle.core.cli.setup import make_registry
    from ladle.core.store.store import Store

    registry = make_registry()
    try:
        store = Store.open(root or None)
        where = store.root
        store.close()
        _say("store", where)
    except BuildError as error:
        _fail("store", error)
        return 1
    with tempfile.TemporaryDirectory(dir=where, prefix="doctor") as directory:
        standing = _worker(registry, directory)
    if standing is None:
        return 1
    for name, reason in standing["executors"].items():
        _say(f"executor {name}", f"not here: {reason}" if reason else "works")
    return 1 if all(standing["executors"].values()) else 0


def _worker(registry: Registry, directory: str) -> dict[str, Any] | None:
    from ladle.core.worker.client import Worker

    executors = [[name, registry.target("executor", name)] for name in registry.names("executor")]
    with Worker(directory, options={"snapshotter": registry.target("snapshotter", "overlay")}) as worker:
        try:
            found = worker.run_sync("probe", {"executors": executors})
        except BuildError as error:
            _fail("worker", error)
            return None
    rung = "root"
    if found["rootless"]:
        rung = "an ordinary user with one user id" if found["single_uid"] else "an ordinary user with subordinate ids"
    _say("worker", f"runs as {rung}" + (f" ({found['reason']})" if found["reason"] else ""))
    _say("snapshotter", f"{found['snapshotter']} works on kernel {found['kernel']}")
    return found


def _say(what: str, text: str) -> None:
    click.echo(f"{what + ':':18} {text}")


def _fail(what: str, error: BuildError) -> None:
    _say(what, error.message)
    for note in error.notes:
        _say("", note)
    if error.help:
        _say("", f"do: {error.help}")
