# SPDX-License-Identifier: Apache-2.0
"""The registry of plugins: one at a time, and each mistake names its plugin."""

from __future__ import annotations

import sys

import pytest

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.registry import Registry, near

TABLE = {
    "source": {"a": "string:Template", "b": "no.such.module:X", "c": "string:NoSuch"},
    "exporter": {"a": "json:dumps"},
}


def test_names_are_in_order_and_by_kind() -> None:
    registry = Registry(TABLE, {"source": {"z": "x:y"}})
    assert registry.names("source") == ("a", "b", "c", "z")
    assert registry.names("exporter") == ("a",)
    assert registry.names("nothing") == ()
    assert registry.target("source", "b") == "no.such.module:X"


def test_a_plugin_is_loaded_when_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    registry = Registry({"kind": {"x": "colorsys:rgb_to_hsv"}})
    assert "colorsys" not in sys.modules
    loaded = registry.load("kind", "x")
    assert loaded is registry.load("kind", "x") is sys.modules["colorsys"].rgb_to_hsv


@pytest.mark.parametrize(("name", "why"), [("b", "ModuleNotFoundError"), ("c", "AttributeError")])
def test_a_broken_plugin_breaks_nothing_else(name: str, why: str) -> None:
    registry = Registry(TABLE)
    with pytest.raises(BuildError, match=f"the source '{name}' cannot be loaded from .*{why}") as caught:
        registry.load("source", name)
    assert caught.value.code == "LA0112"
    assert registry.load("source", "a").__name__ == "Template"


def test_an_unknown_name_shows_the_others() -> None:
    with pytest.raises(UsageError) as caught:
        Registry({"exporter": {"oci": "x:y", "docker": "x:z"}}).target("exporter", "dokcer")
    assert caught.value.code == "LA0111"
    assert caught.value.help == "there are: docker, oci; did you mean 'docker'?"
    with pytest.raises(UsageError) as caught:
        Registry().target("exporter", "oci")
    assert caught.value.help == "there are: none"


def test_two_plugins_of_one_name() -> None:
    with pytest.raises(BuildError, match=r"two source plugins are called 'a': string:Template and other:A") as caught:
        Registry(TABLE, {"source": {"a": "other:A"}})
    assert caught.value.code == "LA0110"
    assert Registry(TABLE, TABLE).names("exporter") == ("a",)


def test_near_names() -> None:
    assert near("biuld", ("build", "inspect")) == "; did you mean 'build'?"
    assert near("zzz", ("build",)) == ""
