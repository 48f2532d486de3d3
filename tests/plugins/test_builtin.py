# SPDX-License-Identifier: Apache-2.0
"""The table of built-in plugins: each entry loads and has the members of its contract."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ladle.core.registry import Registry
from ladle.plugins.builtin import TABLE

MEMBERS = {
    "source": ("SCHEMES", "resolve", "pin", "fetch"),
    "exporter": ("NAME", "parse", "key", "export"),
    "executor": (),
    "snapshotter": (),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in TABLE.items() for name in names])
def test_each_plugin_loads_and_keeps_its_contract(kind: str, name: str) -> None:
    plugin = Registry(TABLE).load(kind, name)
    assert not [member for member in MEMBERS[kind] if not hasattr(plugin, member)]
    if kind == "source":
        assert name in plugin.SCHEMES
    if kind == "exporter":
        assert name == plugin.NAME


def test_sources_and_exporters_import_nothing_heavy() -> None:
    """A cached build pins its roots and parses its outputs, and must not pay for what only work needs."""
    targets = [target for kind in ("source", "exporter") for target in TABLE[kind].values()]
    modules = sorted({target.partition(":")[0] for target in targets})
    heavy = {"asyncio", "httpx", "http.client", "ssl", "lark", "pluggy", "click", "msgpack", "tarfile", "zstandard"}
    script = f"import sys, importlib\nfor one in {modules}: importlib.import_module(one)\n"
    script += f"found = {sorted(heavy)!r}\nprint([one for one in found if one in sys.modules])\n"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
