# SPDX-License-Identifier: Apache-2.0
"""The registry of this installation: the static tables of the built-ins."""

from __future__ import annotations

from ladle.core.registry import Registry


def make_registry() -> Registry:
    """Return a registry with every built-in plugin."""
    from ladle.frontends.builtin import BUILTIN as FRONTENDS
    from ladle.frontends.builtin import RUNNERS
    from ladle.plugins.builtin import TABLE as PLUGINS

    return Registry({"frontend": FRONTENDS, "frontend-runner": RUNNERS}, PLUGINS)
