# SPDX-License-Identifier: Apache-2.0
"""Local directories: keyed by content, filtered by BuildKit's attributes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services
from ladle.core.content.scan import load_table
from ladle.llb.ops import Platform, SourceOp
from ladle.plugins.sources.local import LocalSource


@pytest.fixture
def context(services: Services, tmp_path: Path) -> Path:
    directory = tmp_path / "context"
    directory.mkdir()
    services.session.locals["context"] = str(directory)  # type: ignore[attr-defined]
    for name in ("a.txt", "b.txt", "skip.log"):
        (directory / name).write_text(name)
    return directory


def op(**attrs: Any) -> SourceOp:
    pairs = tuple(sorted((f"local.{key}", json.dumps(value)) for key, value in attrs.items()))
    return SourceOp(identifier="local://context", attrs=pairs)


def test_the_key_follows_the_content_and_not_the_times(services: Services, context: Path) -> None:
    first = LocalSource(services).pin(op(), None)
    os.utime(context / "a.txt", (1, 1))
    assert LocalSource(services).pin(op(), None).key == first.key
    (context / "a.txt").write_text("other")
    assert LocalSource(services).pin(op(), None).key != first.key


def test_filters_decide_what_is_seen(services: Services, context: Path) -> None:
    source = LocalSource(services)
    pins = [
        source.pin(op(excludepatterns=["*.log"]), None),
        source.pin(op(followpaths=["a.txt", "b.txt"]), None),
        source.pin(op(includepattern=["*.txt"]), None),
    ]
    assert len({pin.key for pin in pins}) == 1
    for pin in pins:
        assert pin.ref is not None
        assert sorted(load_table(pin.ref["table"]).entries) == [b"a.txt", b"b.txt"]
        assert pin.ref["root"] == str(context)


def test_fetching_gives_the_ref_of_the_pin(services: Services, context: Path) -> None:
    source = LocalSource(services)
    pin = source.pin(op(), None)
    assert asyncio.run(source.fetch(op(), None, pin)) == pin.ref


@pytest.mark.parametrize("text", ["nonsense", "{}", "[1]", "null"])
def test_attributes_that_are_no_lists_are_refused(services: Services, context: Path, text: str) -> None:
    broken = SourceOp(identifier="local://context", attrs=(("local.excludepatterns", text),))
    with pytest.raises(BuildError) as caught:
        LocalSource(services).pin(broken, None)
    assert caught.value.code == "LA0219"


def test_a_directory_is_no_image(services: Services) -> None:
    with pytest.raises(BuildError) as caught:
        LocalSource(services).resolve("context", platform=Platform(os="linux", architecture="amd64"), scheme="local")
    assert caught.value.code == "LA0218"
