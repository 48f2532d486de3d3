# SPDX-License-Identifier: Apache-2.0
"""`ladle doctor`: tries each rung of the ladder by which steps can run here, and says how to mend one that fails."""

from __future__ import annotations

import tempfile

import click

from ladle.core.api.errors import BuildError
from ladle.core.registry import Registry, load_attribute


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
    usable = False
    for name in registry.names("executor"):
        reason = load_attribute(registry.target("executor", name), f"the executor {name!r}").probe()
        usable = usable or reason is None
        _say(f"executor {name}", "works" if reason is None else f"not here: {reason}")
    return 0 if usable and standing else 1


def _worker(registry: Registry, directory: str) -> bool:
    from ladle.core.worker.client import Worker

    with Worker(directory, options={"snapshotter": registry.target("snapshotter", "overlay")}) as worker:
        try:
            found = worker.run_sync("probe", {})
        except BuildError as error:
            _fail("worker", error)
            return False
    rung = "root"
    if found["rootless"]:
        rung = "an ordinary user with one user id" if found["single_uid"] else "an ordinary user with subordinate ids"
    _say("worker", f"runs as {rung}" + (f" ({found['reason']})" if found["reason"] else ""))
    _say("snapshotter", f"{found['snapshotter']} works on kernel {found['kernel']}")
    return True


def _say(what: str, text: str) -> None:
    click.echo(f"{what + ':':18} {text}")


def _fail(what: str, error: BuildError) -> None:
    _say(what, error.message)
    for note in error.notes:
        _say("", note)
    if error.help:
        _say("", f"do: {error.help}")
