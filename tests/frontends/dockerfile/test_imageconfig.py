# SPDX-License-Identifier: Apache-2.0
"""Image configs: from a base, from nothing, and what is no config."""

from __future__ import annotations

import json

import pytest

from ladle.frontends.dockerfile.imageconfig import ImageConfig
from ladle.llb.ops import Platform

ARM = Platform(os="linux", architecture="arm", variant="v7")


@pytest.mark.row("DF-42")
def test_scratch() -> None:
    made = ImageConfig.empty(ARM).to_dict()
    assert list(made) == ["architecture", "config", "created", "history", "os", "rootfs", "variant"]
    assert made["created"] is None
    assert made["history"] is None


def test_a_base_is_kept_but_for_what_is_unknown_and_empty() -> None:
    base = {
        "architecture": "arm64",
        "os": "linux",
        "os.version": "1",
        "os.features": ["f"],
        "author": "me",
        "config": {"Cmd": ["x"], "Labels": {"b": "1", "a": "2"}, "Env": [], "Odd": 1, "Shell": ["s"]},
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "x"}],
        "rootfs": {"diff_ids": ["sha256:1"]},
    }
    made = ImageConfig.parse(json.dumps(base).encode())
    assert made.base_history == 1
    assert made.has_layers
    out = made.to_dict()
    assert out["config"] == {"Cmd": ["x"], "Labels": {"a": "2", "b": "1"}, "Shell": ["s"]}
    assert list(out["config"]["Labels"]) == ["a", "b"]
    assert (out["author"], out["os.version"], out["os.features"]) == ("me", "1", ["f"])
    assert out["created"] == "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("data", [b"", b"[]", b'{"config": []}', b'{"config": {}, "history": {"a": 1}}', b"\xff"])
def test_what_is_no_config(data: bytes) -> None:
    if data == b'{"config": []}':
        assert ImageConfig.parse(data).config == {}
        return
    with pytest.raises(ValueError, match=r"."):
        ImageConfig.parse(data)


def test_created_is_only_there_where_it_is_known() -> None:
    config = ImageConfig.empty(ARM)
    config.record("RUN x", None, layer=True)
    assert "created" not in config.to_dict()
    config.record("RUN y", 0, layer=True)
    assert config.to_dict()["created"] == "1970-01-01T00:00:00Z"


def test_a_copy_shares_nothing() -> None:
    config = ImageConfig.empty(ARM)
    other = config.copy()
    other.set_env("A", "1")
    other.record("x", None)
    assert config.words("Env") == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    assert not config.history


def test_another_platform_drops_the_variant() -> None:
    config = ImageConfig.empty(ARM)
    config.set_platform(Platform(os="linux", architecture="amd64"))
    assert (config.architecture, config.variant) == ("amd64", "")
