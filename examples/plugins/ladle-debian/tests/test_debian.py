# SPDX-License-Identifier: Apache-2.0
"""References and releases, without mmdebstrap: what they mean, and what is refused."""

from __future__ import annotations

import pytest
from ladle_debian import reference

from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import parse_platform
from ladle.core.testing import SourceContract

DIGEST = "sha256:" + "a" * 64


class TestContract(SourceContract):
    source = "ladle_debian:DebianSource"
    pinned = f"debian://trixie@{DIGEST}?variant=apt"
    other = f"debian://trixie@sha256:{'b' * 64}?variant=apt"
    bad = "debian://../etc"


def test_the_same_wishes_are_the_same_text() -> None:
    first = reference.parse("trixie?include=b,a&variant=minbase")
    second = reference.parse("trixie?include=a,b&components=main")
    assert first.pinned(DIGEST) == second.pinned(DIGEST)
    assert reference.parse(first.pinned(DIGEST)).pinned(DIGEST) == first.pinned(DIGEST)
    assert first.pinned(DIGEST) != reference.parse("trixie?include=a").pinned(DIGEST)


def test_what_apt_gets() -> None:
    signed = reference.parse("trixie?mirror=https://x.example/debian/&keyring=/k.gpg&components=main,contrib")
    assert signed.sources == "deb [signed-by=/k.gpg] https://x.example/debian trixie main contrib"
    assert signed.release == "https://x.example/debian/dists/trixie/"
    assert reference.parse("trixie?trusted=yes").sources == f"deb [trusted=yes] {reference.MIRROR} trixie main"


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("", "'' is no suite"),
        ("--help", "'--help' is no suite"),
        ("a/../b", "is no suite"),
        ("trixie@sha256:x", "is no digest"),
        ("trixie?mirrors=x", "'mirrors' is unknown"),
        ("trixie?include=a&include=b", "given twice"),
        ("trixie?include=$(id)", "include= has '$(id)'"),
        ("trixie?include=-x", "include= has '-x'"),
        ("trixie?variant=- ", "is none of minbase"),
        ("trixie?mirror=file:///", "no http:// or https://"),
        ("trixie?mirror=http://x/ [trusted=yes]", "no http:// or https://"),
        ("trixie?trusted=1", "may only be yes"),
        ("trixie?keyring=../k", "no absolute path"),
        ("trixie?x", "no list of NAME=VALUE"),
    ],
)
def test_what_means_nothing_is_refused(ref: str, expected: str) -> None:
    with pytest.raises(BuildError) as caught:
        reference.parse(ref)
    assert expected in caught.value.message
    assert caught.value.code == "DEBIAN0001"


def test_a_password_is_not_shown() -> None:
    with pytest.raises(BuildError) as caught:
        reference.parse("trixie?mirror=http://me:hunter2@x/")
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("platform", "expected"), [("linux/amd64", "amd64"), ("linux/arm/v7", "armhf"), ("linux/ppc64le", "ppc64el")]
)
def test_architectures(platform: str, expected: str) -> None:
    assert reference.architecture(parse_platform(platform)) == expected


@pytest.mark.parametrize("platform", ["windows/amd64", "linux/wasm"])
def test_architectures_that_debian_does_not_have(platform: str) -> None:
    with pytest.raises(BuildError, match="Debian has nothing for"):
        reference.architecture(parse_platform(platform))
