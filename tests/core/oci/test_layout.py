# SPDX-License-Identifier: Apache-2.0
"""Layout directories, chain ids, media types and Go's JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.oci.chain import chain_ids
from ladle.core.oci.gojson import go_json
from ladle.core.oci.layout import Layout, split_layout_name
from ladle.core.oci.media import layer_compression, layer_media_type, respelled


def put(root: Path, data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    (root / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (root / "blobs/sha256" / digest).write_bytes(data)
    return f"sha256:{digest}"


def write_index(root: Path, *entries: tuple[str, dict[str, str]]) -> None:
    manifests = [{"mediaType": "x", "digest": digest, "size": 1, "annotations": notes} for digest, notes in entries]
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))


def test_finds_by_tag_name_and_digest(tmp_path: Path) -> None:
    one, two, inner = (put(tmp_path, text) for text in (b"1", b"2", b"3"))
    write_index(
        tmp_path,
        (one, {"org.opencontainers.image.ref.name": "v1"}),
        (two, {"io.containerd.image.name": "docker.io/library/app:latest"}),
    )
    layout = Layout(str(tmp_path))
    assert layout.find("v1").digest == one
    assert layout.find().digest == two
    assert layout.find("docker.io/library/app:latest").digest == two
    assert layout.find(digest=one).digest == one
    assert layout.find(digest=inner).size == 1
    with pytest.raises(BuildError) as caught:
        layout.find("v2")
    assert caught.value.notes == ("it has: latest, v1",)


def test_blobs_are_verified_and_limited(tmp_path: Path) -> None:
    digest = put(tmp_path, b"good")
    write_index(tmp_path)
    layout = Layout(str(tmp_path))
    assert layout.read(digest) == b"good"
    with pytest.raises(BuildError, match="more than the 3 allowed"):
        layout.read(digest, limit=3)
    Path(layout.blob_path(digest)).write_bytes(b"evil")
    with pytest.raises(BuildError, match="digest mismatch"):
        layout.read(digest)
    for bad in ("sha256:" + "0" * 64, "sha256:../../x", "x"):
        with pytest.raises(BuildError) as caught:
            layout.blob_path(bad)
        assert caught.value.code == "LA0212"


def test_what_is_no_layout_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(BuildError) as caught:
            Layout(str(path))
        assert caught.value.code == "LA0212"
    (tmp_path / "index.json").write_text('{"config": {}, "layers": []}')
    with pytest.raises(BuildError):
        Layout(str(tmp_path)).index()


def test_splitting_names() -> None:
    digest = "sha256:" + "a" * 64
    assert split_layout_name(f"/a/b:tag@{digest}") == ("/a/b", "tag", digest)
    assert split_layout_name("base") == ("base", "", "")
    assert split_layout_name(f"base@{digest}") == ("base", "", digest)
    with pytest.raises(BuildError):
        split_layout_name("base@nonsense")


def test_chain_ids() -> None:
    first, second = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    combined = hashlib.sha256(f"{first} {second}".encode()).hexdigest()
    assert chain_ids([first, second]) == [first, f"sha256:{combined}"]
    assert chain_ids([]) == []


def test_media_types_of_layers() -> None:
    for compression in ("gzip", "zstd", "uncompressed"):
        for oci in (True, False):
            media_type = layer_media_type(compression, oci=oci)
            assert layer_compression(media_type) == compression
            assert respelled(media_type, oci=not oci) == layer_media_type(compression, oci=not oci)
    assert layer_compression("application/vnd.in-toto+json") == ""
    assert respelled("application/vnd.in-toto+json", oci=True) == "application/vnd.in-toto+json"


def test_json_has_the_bytes_of_go() -> None:
    value: dict[str, object] = {"b": "<&>\u2028\u2029é\u007f", "a": [1, True, None, {}, []], "c": "\b\f\n\x01\udcff"}
    assert go_json(value) == (
        '{"b":"\\u003c\\u0026\\u003e\\u2028\\u2029é\x7f","a":[1,true,null,{},[]],"c":"\\b\\f\\n\\u0001\\ufffd"}'.encode()
    )
    assert go_json({"a": [1], "b": []}, indent=True) == b'{\n  "a": [\n    1\n  ],\n  "b": []\n}'
