# SPDX-License-Identifier: Apache-2.0
"""What the author of a frontend tests with: no network, no store, no sandbox (docs/tutorial.md).

`FakeContext` answers a frontend from memory, `compiled` and `failure` run it once, `same_graph` compares graphs,
`check_deterministic` runs it under shuffled orders, `FrontendContract` is the suite that every frontend passes. The
pytest plugin (loaded by itself where ladle is installed) adds the fixtures `lowers_to` and `recorded_solve`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # every run of pytest imports this package: each name is loaded when it is first used
if TYPE_CHECKING:
    from typing import Any

    from ladle.frontends.testing.context import FakeContext as FakeContext
    from ladle.frontends.testing.context import FakeTree as FakeTree
    from ladle.frontends.testing.contract import FrontendContract as FrontendContract
    from ladle.frontends.testing.determinism import check_deterministic as check_deterministic
    from ladle.frontends.testing.graphs import first_difference as first_difference
    from ladle.frontends.testing.graphs import graph_of as graph_of
    from ladle.frontends.testing.graphs import same_graph as same_graph
    from ladle.frontends.testing.graphs import shown as shown
    from ladle.frontends.testing.load import load_frontend as load_frontend
    from ladle.frontends.testing.run import compiled as compiled
    from ladle.frontends.testing.run import failure as failure

_HOMES = {
    "context": ("FakeContext", "FakeTree"),
    "contract": ("FrontendContract",),
    "determinism": ("check_deterministic",),
    "graphs": ("first_difference", "graph_of", "same_graph", "shown"),
    "load": ("load_frontend",),
    "run": ("compiled", "failure"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"ladle.frontends.testing.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
