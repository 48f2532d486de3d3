# SPDX-License-Identifier: Apache-2.0
"""Which image of an index suits: the cases that containerd's own rules distinguish."""

from __future__ import annotations

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import parse_platform
from ladle.core.oci.documents import Descriptor
from ladle.core.oci.platform_match import acceptable, select_platform
from ladle.llb.ops import Platform


def platform(text: str) -> Platform:
    system, arch, *variant = text.split("/")
    return Platform(os=system, architecture=arch, variant=variant[0] if variant else "")


def entry(text: str, **annotations: str) -> Descriptor:
    return Descriptor(
        media_type="x", digest=text, size=0, platform=platform(text) if text else None, annotations=annotations
    )


@pytest.mark.parametrize(
    ("wanted", "there", "chosen"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], "linux/amd64"),
        ("linux/amd64", ["linux/386"], "linux/386"),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2"], "linux/amd64/v2"),
        ("linux/amd64/v3", ["linux/amd64/v1", "linux/amd64/v4"], "linux/amd64/v1"),
        ("linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"),
        ("linux/arm/v7", ["linux/arm"], "linux/arm"),
        ("linux/arm64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64/v8"),
        ("linux/arm64", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("linux/x86_64", ["linux/amd64"], "linux/amd64"),
        ("linux/s390x", ["linux/s390x"], "linux/s390x"),
    ],
)
def test_the_best_is_chosen(wanted: str, there: list[str], chosen: str) -> None:
    assert select_platform("app", [entry(text) for text in there], platform(wanted)).digest == chosen


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("linux/amd64", ["linux/amd64/v2"]),
        ("linux/arm/v6", ["linux/arm/v7"]),
        ("linux/386", ["linux/amd64"]),
        ("linux/amd64", ["windows/amd64"]),
        ("linux/amd64", []),
    ],
)
def test_what_does_not_suit_is_an_error_with_a_list(wanted: str, there: list[str]) -> None:
    with pytest.raises(BuildError) as caught:
        select_platform("app", [entry(text) for text in there], platform(wanted))
    assert caught.value.code == "LA0205"
    assert caught.value.notes == (f"it has: {', '.join(there) or 'none'}",)


def test_attestations_are_no_images() -> None:
    statement = entry("unknown/unknown", **{"vnd.docker.reference.type": "attestation-manifest"})
    with pytest.raises(BuildError) as caught:
        select_platform("app", [statement, entry("unknown/unknown")], platform("linux/amd64"))
    assert caught.value.notes == ("it has: none",)


def test_an_entry_without_a_platform_is_asked_for_it() -> None:
    chosen = select_platform(
        "app", [entry("")], platform("linux/amd64"), platform_of=lambda one: platform("linux/amd64")
    )
    assert chosen.platform is None


def test_parsed_platforms_accept_themselves_first() -> None:
    for text in ("linux/amd64", "linux/arm64/v8", "linux/arm", "linux/riscv64"):
        wanted = parse_platform(text)
        assert acceptable(wanted)[0] == (wanted.os, wanted.architecture, wanted.variant)
