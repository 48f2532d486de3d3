# SPDX-License-Identifier: Apache-2.0
"""Images from layout directories, good and bad."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Services
from ladle.llb.ops import Platform, SourceOp
from ladle.plugins.sources.oci_layout import OciLayoutSource

AMD64 = Platform(os="linux", architecture="amd64")


@pytest.fixture
def source(services: Services, layout: Any) -> OciLayoutSource:
    services.session.layouts["base"] = str(layout.path)  # type: ignore[attr-defined]
    return OciLayoutSource(services)


def op_of(found: Any) -> SourceOp:
    return SourceOp(identifier=f"oci-layout://{found.pinned}", attrs=found.attrs)


def fetched(source: OciLayoutSource, op: SourceOp) -> Any:
    return asyncio.run(source.fetch(op, AMD64, source.pin(op, AMD64)))


def test_resolves_pins_and_fetches(services: Services, source: OciLayoutSource, layout: Any) -> None:
    manifest = layout.image([{"a": b"1"}, {"b": b"2"}])
    layout.tag(manifest, "v1")
    found = source.resolve("base:v1", platform=AMD64, scheme="oci-layout")
    assert found.pinned == f"base:v1@{manifest['digest']}"
    assert found.attrs == (("oci.store", "base"),)
    ref = fetched(source, op_of(found))
    assert Path(services.root, "snapshots", ref["layers"][1], "b").read_bytes() == b"2"
    blob = services.blobs.path(services.snapshots.blob(ref["layers"][0], "original")["digest"])  # type: ignore[index]
    inside = layout.path / "blobs/sha256" / os.path.basename(blob)
    assert os.stat(blob).st_ino != inside.stat().st_ino


def test_a_pinned_image_in_the_store_needs_no_layout(source: OciLayoutSource, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "v1")
    op = op_of(source.resolve("base", platform=AMD64, scheme="oci-layout"))
    first = fetched(source, op)
    (layout.path / "index.json").unlink()
    assert fetched(source, op) == first


def test_several_images_want_a_tag(source: OciLayoutSource, layout: Any) -> None:
    for tag in ("one", "two"):
        layout.tag(layout.image([{tag: b"1"}]), tag)
    with pytest.raises(BuildError) as caught:
        source.resolve("base", platform=AMD64, scheme="oci-layout")
    assert caught.value.code == "LA0248"
    assert caught.value.notes == ("it has: one, two",)


def test_an_index_without_platforms_is_chosen_by_its_configs(source: OciLayoutSource, layout: Any) -> None:
    images = [layout.image([{"x": b"arm"}], architecture="arm64"), layout.image([{"x": b"amd"}])]
    layout.tag(layout.index(*images), "multi")
    found = source.resolve("base:multi", platform=AMD64, scheme="oci-layout")
    assert found.platform == AMD64


def test_a_damaged_layer_is_refused_and_not_kept(services: Services, source: OciLayoutSource, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "v1")
    op = op_of(source.resolve("base", platform=AMD64, scheme="oci-layout"))
    for blob in (layout.path / "blobs/sha256").iterdir():
        if blob.read_bytes().startswith(b"\x1f\x8b"):
            blob.write_bytes(b"forged")
    with pytest.raises(BuildError) as caught:
        fetched(source, op)
    assert caught.value.code == "LA0206"
    assert not [path for path in Path(services.root).iterdir() if path.name.startswith("temporary")]


@pytest.mark.parametrize("ref", ["", "base@sha256:short", "unknown:v1"])
def test_odd_names_are_refused(source: OciLayoutSource, layout: Any, ref: str) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "v1")
    with pytest.raises(BuildError):
        source.resolve(ref, platform=AMD64, scheme="oci-layout")
