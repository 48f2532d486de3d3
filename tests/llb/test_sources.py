# SPDX-License-Identifier: Apache-2.0
"""Sources: identifiers and attributes as BuildKit's client writes them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladle import llb
from ladle.llb.errors import LLBError
from ladle.llb.ops import SourceOp
from ladle.llb.references import normalise_reference


def source_of(state: llb.State) -> SourceOp:
    op = llb.marshal(state).vertices[0].op
    assert isinstance(op, SourceOp)
    return op


GIT = {"git.authheadersecret": "GIT_AUTH_HEADER", "git.authtokensecret": "GIT_AUTH_TOKEN"}


@pytest.mark.parametrize(
    ("state", "identifier", "attrs"),
    [
        (llb.image("alpine", resolve_mode="default"), "docker-image://docker.io/library/alpine:latest", {}),
        (
            llb.image("x/y:1", resolve_mode="pull", layer_limit=0, checksum="sha256:a"),
            "docker-image://docker.io/x/y:1",
            {"image.resolvemode": "pull", "image.layerlimit": "0", "image.checksum": "sha256:a"},
        ),
        (llb.oci_layout("s@sha256:a", store="s"), "oci-layout://s@sha256:a", {"oci.store": "s"}),
        (
            llb.local("c", include_patterns=["<a>", "ü"], follow_paths=["b"], differ="none", metadata_transfer=["x"]),
            "local://c",
            {
                "local.includepattern": '["\\u003ca\\u003e","ü"]',
                "local.followpaths": '["b"]',
                "local.differ": "none",
                "local.metadatatransfer": "true",
                "local.metadatatransferexclude": '["x"]',
            },
        ),
        (
            llb.git("https://u:p@example.org/t/r.git", "v1", subdir="sub", keep_git_dir=True),
            "git://example.org/t/r.git#v1:sub",
            GIT | {"git.fullurl": "https://u:p@example.org/t/r.git", "git.keepgitdir": "true"},
        ),
        (
            llb.git("git@example.org:t/r.git", "main", mtime="commit"),
            "git://example.org/t/r.git#main",
            GIT | {"git.fullurl": "git@example.org:t/r.git", "git.mountsshsock": "default", "git.mtime": "commit"},
        ),
        (llb.git("example.org/r"), "git://example.org/r", GIT | {"git.fullurl": "https://example.org/r"}),
        (
            llb.http("https://e/x", filename="f", perm=0o644, uid=0, headers={"Accept": "a/b"}),
            "https://e/x",
            {"http.filename": "f", "http.perm": "0644", "http.uid": "0", "http.header.accept": "a/b"},
        ),
        (llb.source("mine://x", {"b": "1", "a": "2", "none": ""}), "mine://x", {"a": "2", "b": "1"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_identifier_and_attributes(state: llb.State, identifier: str, attrs: dict[str, str]) -> None:
    op = source_of(state)
    assert op.identifier == identifier
    assert op.attrs == tuple(sorted(attrs.items()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: llb.image("alpine", resolve_mode="never"), "resolve_mode 'never'"),
        (lambda: llb.local("c", differ="all"), "differ 'all'"),
        (lambda: llb.git("ftp://e/x"), "unknown scheme 'ftp'"),
        (lambda: llb.git("https://e/x", mtime="now"), "mtime 'now'"),
        (lambda: llb.http("ftp://e/x"), "'ftp://e/x' is not"),
        (lambda: llb.http("http://e/x", headers={"Cookie": "c"}), "header 'Cookie' cannot be set"),
    ],
)
def test_wrong_values_are_named(make: Callable[[], llb.State], message: str) -> None:
    with pytest.raises(LLBError, match=message):
        make()


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3", "docker.io/library/alpine:3"),
        ("a/b", "docker.io/a/b:latest"),
        ("index.docker.io/a", "docker.io/library/a:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("ghcr.io/a@sha256:0", "ghcr.io/a@sha256:0"),
        ("ghcr.io/a:1@sha256:0", "ghcr.io/a:1@sha256:0"),
    ],
)
def test_references_in_full(short: str, full: str) -> None:
    assert normalise_reference(short) == full
    assert normalise_reference(full) == full


@pytest.mark.parametrize("ref", ["", "Alpine", "a b", "alpine:", "docker.io/", "x/"])
def test_wrong_references_are_refused(ref: str) -> None:
    with pytest.raises(LLBError, match="is not valid"):
        normalise_reference(ref)
