# SPDX-License-Identifier: Apache-2.0
"""Platforms as containerd reads and writes them."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.api.platforms import format_platform, local_platform, parse_platform


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be an ARM machine."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/AMD64", "linux/amd64"),
        (" linux/amd64 ", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("amd64", "linux/amd64"),
        ("i386", "linux/386"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
        ("macos/arm64", "darwin/arm64"),
        ("linux", "linux/arm64"),
        ("local", "linux/arm64"),
        ("linux/odd/variant", "linux/odd/variant"),
    ],
)
@pytest.mark.usefixtures("machine")
def test_platforms(text: str, written: str) -> None:
    platform = parse_platform(text)
    assert format_platform(platform) == written
    assert parse_platform(written) == platform


@pytest.mark.parametrize(
    "text",
    ["", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux//v1", "linux/am d64", "linux/nosuch", "no/amd64", "*"],
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_platform(text)
    assert caught.value.code == "LA0101"
    assert repr(text) in caught.value.message


def test_this_machine() -> None:
    assert local_platform().os == "linux"
    assert parse_platform(format_platform(local_platform())) == local_platform()
