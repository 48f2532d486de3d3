# SPDX-License-Identifier: Apache-2.0
"""The registry of this installation: the static tables of the built-ins, then what is installed beside them."""

from __future__ import annotations

import os
import sys

from ladle.core.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def make_registry() -> Registry:
    """Return a registry with every built-in plugin; those of strangers are looked for when one is wanted."""
    from ladle.core.entrypoints import Strangers
    from ladle.frontends.builtin import BUILTIN as FRONTENDS
    from ladle.frontends.builtin import RUNNERS
    from ladle.plugins.builtin import TABLE as PLUGINS

    trace = plugin_tracer()
    strangers = Strangers(os.environ, trace=trace)
    return Registry({"frontend": FRONTENDS, "frontend-runner": RUNNERS}, PLUGINS, strangers=strangers, trace=trace)


def source_schemes() -> tuple[str, ...]:
    """Return the schemes of the sources that are installed beside ladle."""
    return tuple(entry.name for entry in make_registry().strangers("source"))


def plugin_tracer() -> Callable[[str], None] | None:
    """Return what prints how plugins are found, loaded and called, None where nobody asks for it."""
    if os.environ.get("LADLE_TRACE_PLUGINS", "") in ("", "0"):
        return None
    return lambda text: print(f"plugins: {text}", file=sys.stderr)
