# SPDX-License-Identifier: Apache-2.0
"""Registries that hang up, lie, or refuse: the build is right in the end or says what is wrong; nothing bad is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.store.check import check
from tests.support.bad_registry import Answer, BadRegistry, Fault, bad_registry
from tests.support.command import Ladle
from tests.support.faulty import refused

pytestmark = pytest.mark.root
Build = Callable[..., str]


@pytest.fixture
def bad(busybox: Path) -> Iterator[BadRegistry]:
    with bad_registry(busybox) as registry:
        yield registry


@pytest.fixture
def build(ladle: Ladle, bad: BadRegistry, context: Callable[..., Path], tmp_path: Path) -> Build:
    """Return a function that builds on the registry's image; with `fails` it must not."""

    def run(*flags: str, fails: bool = False) -> str:
        files = context({"Dockerfile": f"FROM {bad.host}/app\nRUN echo 1 > /made\n"})
        out = tmp_path / "out"
        before = out.exists()
        done = ladle("build", *flags, "-o", out, files, check=not fails)
        findings = check(str(ladle.store))
        assert not findings, findings
        if fails:
            assert out.exists() == before
            return refused(done)
        assert (out / "made").read_text() == "1\n"
        assert (out / "bin" / "busybox").read_bytes() == Path("/bin/busybox").read_bytes()
        return done.stderr.decode()

    return run


def on(kind: str, change: Callable[[Answer], None], *, times: int = 1_000_000) -> Fault:
    """Return a fault that changes the first answers of a kind."""

    def fault(answer: Answer) -> None:
        if answer.kind == kind and answer.count < times:
            change(answer)

    return fault


def status(number: int, **headers: str) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.status, answer.body = number, b'{"errors":[{"code":"UNKNOWN"}]}'
        answer.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    return change


def hang_up(share: float) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.cut = int(len(answer.body) * share)

    return change


def flip(answer: Answer) -> None:
    middle = len(answer.body) // 2
    answer.body = answer.body[:middle] + bytes([answer.body[middle] ^ 0xFF]) + answer.body[middle + 1 :]


def shorten(answer: Answer) -> None:
    answer.body = answer.body[: len(answer.body) // 2]


def lengthen(answer: Answer) -> None:
    answer.body += b"more"


def other_digest(answer: Answer) -> None:
    answer.headers["Docker-Content-Digest"] = f"sha256:{'0' * 64}"


@pytest.mark.parametrize("kind", ["manifest", "config", "blob"])
@pytest.mark.parametrize("number", [429, 500, 503])
def test_a_refusal_that_passes(bad: BadRegistry, build: Build, kind: str, number: int) -> None:
    bad.fault = on(kind, status(number, Retry_After="0"), times=3)
    build()


@pytest.mark.parametrize("kind", ["manifest", "config", "blob"])
@pytest.mark.parametrize("number", [429, 500])
def test_a_refusal_that_stays(bad: BadRegistry, build: Build, kind: str, number: int) -> None:
    bad.fault = on(kind, status(number, Retry_After="0"))
    assert str(number) in build(fails=True)
    bad.fault = lambda answer: None
    build()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_hang_up_in_a_blob_is_taken_up_again(bad: BadRegistry, build: Build, share: float) -> None:
    bad.fault = on("blob", hang_up(share), times=2)
    build()


@pytest.mark.parametrize("kind", ["manifest", "config", "blob"])
def test_hanging_up_forever(bad: BadRegistry, build: Build, kind: str) -> None:
    bad.fault = on(kind, hang_up(0.0))
    said = build(fails=True)
    assert "broke off" in said or "cannot be reached" in said
    bad.fault = lambda answer: None
    build()


@pytest.mark.parametrize("kind", ["config", "blob"])
@pytest.mark.parametrize("lie", [flip, shorten, lengthen])
def test_wrong_bytes(bad: BadRegistry, build: Build, kind: str, lie: Callable[[Answer], None]) -> None:
    bad.fault = on(kind, lie)
    build(fails=True)
    bad.fault = lambda answer: None
    build()


@pytest.mark.parametrize("lie", [flip, shorten, lengthen, other_digest])
def test_a_lying_manifest(bad: BadRegistry, build: Build, lie: Callable[[Answer], None]) -> None:
    bad.fault = on("manifest", lie)
    build(fails=True)
    bad.fault = lambda answer: None
    build()


def test_a_registry_that_goes_away_after_the_first_build(bad: BadRegistry, build: Build) -> None:
    build()
    bad.fault = on("manifest", status(500, Retry_After="0"))
    said = build(fails=True)
    assert "500" in said
    build("--offline")
