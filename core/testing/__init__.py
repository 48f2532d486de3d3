# SPDX-License-Identifier: Apache-2.0
"""The contracts of plugins as suites of tests, for their authors: subclass one, say what the plugin is, run pytest.

`FrontendContract`, `SourceContract`, `ExporterContract`, `ExecutorContract` and `SnapshotterContract`; ladle's own
plugins pass them (docs/plugins.md). All but the first two build with the `ladle` that is installed beside them: the
plugin has to be installed too, by pip, so that its entry point is part of what is tested.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ladle.core.testing.executor import ExecutorContract as ExecutorContract
    from ladle.core.testing.exporter import ExporterContract as ExporterContract
    from ladle.core.testing.run import build as build
    from ladle.core.testing.snapshotter import SnapshotterContract as SnapshotterContract
    from ladle.core.testing.source import SourceContract as SourceContract
    from ladle.core.testing.source import services as services
    from ladle.frontends.testing import FrontendContract as FrontendContract

_HOMES = {
    "ladle.core.testing.executor": ("ExecutorContract",),
    "ladle.core.testing.exporter": ("ExporterContract",),
    "ladle.core.testing.run": ("build",),
    "ladle.core.testing.snapshotter": ("SnapshotterContract",),
    "ladle.core.testing.source": ("SourceContract", "services"),
    "ladle.frontends.testing": ("FrontendContract",),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
