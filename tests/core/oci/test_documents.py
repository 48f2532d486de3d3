# SPDX-License-Identifier: Apache-2.0
"""Reading documents of strangers: good ones, and every way to be malformed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.oci.documents import (
    CONFIG_LIMIT,
    MANIFEST_LIMIT,
    Index,
    Manifest,
    is_digest,
    read_config,
    read_document,
)
from ladle.core.oci.media import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from ladle.llb.ops import Platform

DIGEST = "sha256:" + "a" * 64
ONE: dict[str, Any] = {"mediaType": "x", "digest": DIGEST, "size": 3}


def read(fields: Any, media_type: str = "") -> Any:
    return read_document(json.dumps(fields).encode(), what="it", media_type=media_type)


def test_a_manifest() -> None:
    manifest = read({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": ONE, "layers": [ONE, ONE]})
    assert isinstance(manifest, Manifest)
    assert [layer.size for layer in manifest.layers] == [3, 3]
    assert manifest.config.digest == DIGEST


def test_an_index_with_platforms_and_attestations() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v6", "os.version": "1", "os.features": ["f"]}
    statement = ONE | {"annotations": {"vnd.docker.reference.type": "attestation-manifest", "odd": 1}}
    index = read({"mediaType": DOCKER_INDEX, "manifests": [ONE | {"platform": platform}, statement]})
    assert isinstance(index, Index)
    assert index.manifests[0].platform == Platform(
        os="linux", architecture="arm", variant="v6", os_version="1", os_features=("f",)
    )
    assert [entry.is_attestation for entry in index.manifests] == [False, True]
    assert "odd" not in index.manifests[1].annotations


def test_the_type_may_come_from_the_transport_or_the_fields() -> None:
    fields = {"config": ONE, "layers": None}
    assert read(fields, f"{DOCKER_MANIFEST}; charset=utf-8").media_type == DOCKER_MANIFEST
    assert read(fields, "application/json").media_type == OCI_MANIFEST
    assert read({"manifests": []}).media_type == OCI_INDEX


@pytest.mark.parametrize(
    "fields",
    [
        [],
        {},
        {"mediaType": 1, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": ONE, "layers": [], "manifests": []},
        {"mediaType": OCI_MANIFEST, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": ONE, "layers": {}},
        {"mediaType": OCI_MANIFEST, "config": ONE, "layers": [1]},
        {"mediaType": OCI_MANIFEST, "config": ONE, "layers": [ONE] * 1025},
        {"mediaType": OCI_MANIFEST, "config": ONE | {"digest": "sha256:../../etc"}, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": ONE | {"size": -1}, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": ONE | {"size": True}, "layers": []},
        {"mediaType": OCI_MANIFEST, "config": ONE | {"mediaType": 7}, "layers": []},
        {"mediaType": OCI_INDEX, "manifests": [ONE | {"platform": "linux"}]},
        {"mediaType": OCI_INDEX, "manifests": [ONE | {"annotations": []}]},
        {"mediaType": OCI_INDEX, "manifests": [ONE | {"platform": {"os": "linux", "os.features": "x"}}]},
    ],
)
def test_malformed_documents_are_refused(fields: Any) -> None:
    with pytest.raises(BuildError) as caught:
        read(fields)
    assert caught.value.code == "LA0208"


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 200_000, b" " * (MANIFEST_LIMIT + 1)])
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(BuildError) as caught:
        read_document(data, what="it")
    assert caught.value.code == "LA0208"


def test_other_types_are_named() -> None:
    with pytest.raises(BuildError) as caught:
        read({"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"})
    assert caught.value.code == "LA0216"
    assert "schema 1" in caught.value.notes[0]


def test_a_config() -> None:
    fields = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}}
    config = read_config(json.dumps(fields).encode(), what="it")
    assert config.diff_ids == (DIGEST,)
    assert config.platform == Platform(os="linux", architecture="amd64")
    empty = json.dumps(fields | {"rootfs": {"diff_ids": None}}).encode()
    assert read_config(empty, what="it").diff_ids == ()


@pytest.mark.parametrize("data", [b"{}", b'{"rootfs": {"diff_ids": ["x"]}}', b" " * (CONFIG_LIMIT + 1)])
def test_malformed_configs_are_refused(data: bytes) -> None:
    with pytest.raises(BuildError) as caught:
        read_config(data, what="it")
    assert caught.value.code == "LA0208"


def test_digests() -> None:
    assert is_digest(DIGEST)
    assert not any(map(is_digest, ["", DIGEST + "a", DIGEST.upper(), DIGEST + "\n", None, "sha512:" + "a" * 128]))
