# SPDX-License-Identifier: Apache-2.0
"""The hooks of ladle, for pluggy: what a module named in the entry-point group `ladle.hooks` may have.

The first five register plugins: each returns classes, which go by their `NAME` (sources by each of their `SCHEMES`).
The others observe: they are told what a build does and change nothing of it. Observers are called one at a time, on
whichever thread something happened; take only the arguments that you need. A build of which nothing at all has changed
ends before any plugin is looked for: it calls no hook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pluggy

PROJECT = "ladle"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as a hook: `@hookimpl`."""

REGISTRATION: dict[str, str] = {
    "frontend": "ladle_frontends",
    "source": "ladle_sources",
    "exporter": "ladle_exporters",
    "executor": "ladle_executors",
    "snapshotter": "ladle_snapshotters",
}
"""The hook that registers plugins of each kind."""


@hookspec
def ladle_frontends() -> Sequence[type]:
    """Return classes that keep the contract of a frontend (`core/api/frontend.py`)."""
    return ()


@hookspec
def ladle_sources() -> Sequence[type]:
    """Return classes that keep the contract of a source (`core/api/source.py`)."""
    return ()


@hookspec
def ladle_exporters() -> Sequence[type]:
    """Return classes that keep the contract of an exporter (`core/api/exporter.py`)."""
    return ()


@hookspec
def ladle_executors() -> Sequence[type]:
    """Return classes that keep the contract of an executor (`core/api/executor.py`)."""
    return ()


@hookspec
def ladle_snapshotters() -> Sequence[type]:
    """Return classes that keep the contract of a snapshotter (`core/api/snapshotter.py`)."""
    return ()


@hookspec
def ladle_solve_started(vertices: Mapping[str, str]) -> None:
    """The graph is compiled and about to be solved: `vertices` maps each digest to the name that people see."""


@hookspec
def ladle_vertex_started(digest: str, name: str) -> None:
    """A vertex begins to run."""


@hookspec
def ladle_vertex_cached(digest: str, name: str) -> None:
    """A vertex need not run."""


@hookspec
def ladle_vertex_finished(digest: str, name: str, seconds: float) -> None:
    """A vertex has run."""


@hookspec
def ladle_vertex_failed(digest: str, name: str, seconds: float, error: str) -> None:
    """A vertex has failed, or was stopped because something else had (`error` is `canceled`)."""


@hookspec
def ladle_export_finished(exporter: str, summary: str, metadata: Mapping[str, object]) -> None:
    """An exporter has written its output; `metadata` is what `--metadata-file` gets of it."""
