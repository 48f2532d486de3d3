# SPDX-License-Identifier: Apache-2.0
"""Image references as Docker normalises them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api.reference import Reference, parse_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "host", "path", "tag", "digest"),
    [
        ("busybox", "docker.io", "library/busybox", "latest", ""),
        ("busybox:1.36", "docker.io", "library/busybox", "1.36", ""),
        ("user/app", "docker.io", "user/app", "latest", ""),
        ("docker.io/busybox", "docker.io", "library/busybox", "latest", ""),
        ("index.docker.io/user/app:x", "docker.io", "user/app", "x", ""),
        (f"busybox@{DIGEST}", "docker.io", "library/busybox", "", DIGEST),
        (f"busybox:1@{DIGEST}", "docker.io", "library/busybox", "1", DIGEST),
        ("localhost/app", "localhost", "app", "latest", ""),
        ("localhost:5000/app:1", "localhost:5000", "app", "1", ""),
        ("reg.example.org/a/b/c:t", "reg.example.org", "a/b/c", "t", ""),
        ("reg.example.org:80/a", "reg.example.org:80", "a", "latest", ""),
        ("[::1]:5000/a", "[::1]:5000", "a", "latest", ""),
        ("Registry/app", "Registry", "app", "latest", ""),
        ("a__b/c--d.e_f", "docker.io", "a__b/c--d.e_f", "latest", ""),
        ("x:" + "t" * 128, "docker.io", "library/x", "t" * 128, ""),
    ],
)
def test_references(text: str, host: str, path: str, tag: str, digest: str) -> None:
    parsed = parse_reference(text)
    assert parsed == Reference(host, path, tag, digest)
    assert parse_reference(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "familiar"),
    [
        ("busybox", "busybox"),
        ("docker.io/library/busybox:1", "busybox:1"),
        ("docker.io/user/app:latest", "user/app"),
        ("quay.io/app", "quay.io/app"),
        (f"busybox@{DIGEST}", f"busybox@{DIGEST}"),
        (f"busybox:latest@{DIGEST}", f"busybox:latest@{DIGEST}"),
    ],
)
def test_familiar_names(text: str, familiar: str) -> None:
    assert parse_reference(text).familiar() == familiar


MALFORMED = f"""
:x x: x:y:z x@ x@sha256:1 x@{DIGEST}0 a//b /a a/ -a a- a..b x:{"t" * 129} http://x/y ../x
{"a" * 256} {"a" * 5000} x:-t é
"""


@pytest.mark.parametrize("text", ["", "x: y", "x\n", "ex ample/x", *MALFORMED.split()])
def test_malformed_references(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid reference format|at most"):
        parse_reference(text)


@pytest.mark.parametrize("text", ["Busybox", "user/App", "quay.io/App", "App:tag"])
def test_upper_case_is_named_as_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match="must be lowercase"):
        parse_reference(text)


def test_no_default_tag() -> None:
    assert parse_reference("x", default_tag="").tag == ""
    assert parse_reference("x").repository == "docker.io/library/x"


@given(st.text(max_size=30) | st.text(alphabet="aA0./:@-_", max_size=20))
def test_whatever_is_accepted_is_stable(text: str) -> None:
    try:
        parsed = parse_reference(text)
    except ValueError:
        return
    assert parse_reference(str(parsed)) == parsed
    assert parse_reference(parsed.familiar()) == parsed
