# SPDX-License-Identifier: Apache-2.0
"""The contract suites catch what they are for: plugins that do not keep the contract fail, each in its own test."""

from __future__ import annotations

import itertools
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.source import Pin
from ladle.core.testing import ExporterContract, SourceContract, build
from tests.support.distributions import install

_COUNT = itertools.count()
EXPORTER = """
import os, time
from ladle.core.api.exporter import ExportReport
from ladle.core.api.errors import UsageError

class Restless:
    NAME = "restless"

    def __init__(self, dest):
        self.dest = dest

    @classmethod
    def parse(cls, attrs):
        return cls(attrs["dest"])

    def key(self):
        return self.dest

    async def export(self, services, solved):
        with open(self.dest, "w") as file:
            file.write(str(time.time_ns()))
        return ExportReport(summary="done", replayable=False)
"""


class Restless:
    """A source that pins the same thing in another way each time, and anything at all."""

    SCHEMES = ("restless",)

    def __init__(self, services: object) -> None:
        self.services = services

    def resolve(self, ref: str, *, platform: object, scheme: str) -> Any:
        raise ValueError(ref)

    def pin(self, op: object, platform: object) -> Pin:
        return Pin(key=f"restless {next(_COUNT)}")

    async def fetch(self, op: object, platform: object, pin: Pin) -> Any:
        raise OSError("offline")


class Talker(Restless):
    """A source that asks the network whatever it is given."""

    SCHEMES = ("talker",)

    def pin(self, op: object, platform: object) -> Pin:
        socket.create_connection(("127.0.0.1", 9))
        return Pin(key="talker")


class SameForAll(Restless):
    """A source with one key for everything, whose `fetch` is no coroutine."""

    SCHEMES = ("same",)

    def pin(self, op: object, platform: object) -> Pin:
        return Pin(key="same")

    def fetch(self, op: object, platform: object, pin: Pin) -> Any:
        raise BuildError("no", code="LA0001")


def contract(source: type, scheme: str) -> SourceContract:
    made = SourceContract()
    for name, value in {
        "source": f"{source.__module__}:{source.__name__}",
        "pinned": f"{scheme}://a",
        "other": f"{scheme}://b",
        "bad": f"{scheme}://bad",
    }.items():
        setattr(made, name, value)
    return made


CASES: list[tuple[type, str, Callable[[SourceContract, Path], object], type[Exception], str]] = [
    (Restless, "restless", SourceContract.test_a_pin_is_the_same_wherever_it_is_made, AssertionError, "keys differ"),
    (Restless, "restless", SourceContract.test_what_is_wrong_is_told, AssertionError, "restless://bad has a pin"),
    (Restless, "restless", SourceContract.test_a_file_is_no_image, ValueError, "a"),
    (Restless, "restless", SourceContract.test_offline_is_obeyed, OSError, "offline"),
    (Talker, "talker", SourceContract.test_a_pin_is_the_same_wherever_it_is_made, AssertionError, "a connection to"),
    (SameForAll, "same", SourceContract.test_a_pin_is_the_same_wherever_it_is_made, AssertionError, "same key"),
    (SameForAll, "same", lambda made, _: made.test_it_has_what_a_source_has(), AssertionError, "fetch is not async"),
    (SameForAll, "wrong", lambda made, _: made.test_it_has_what_a_source_has(), AssertionError, "without 'wrong'"),
]


@pytest.mark.parametrize(("source", "scheme", "test", "kind", "expected"), CASES)
def test_a_bad_source_is_caught(
    source: type,
    scheme: str,
    test: Callable[[SourceContract, Path], object],
    kind: type[Exception],
    expected: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(kind, match=expected):
        test(contract(source, scheme), tmp_path)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (ExporterContract.test_the_same_build_gives_the_same_bytes, "two builds gave different files: x"),
        (ExporterContract.test_an_unchanged_build_writes_nothing, "wrote its files again"),
        (ExporterContract.test_bad_attributes_are_refused_before_anything_is_built, "the status is 0"),
    ],
)
def test_a_bad_exporter_is_caught(
    test: Callable[[ExporterContract, Path], None], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Contract(ExporterContract):
        exporter = "restless"
        attributes = "dest={out}/x"

    site = tmp_path / "site"
    install(site, "restless", points={"exporter": {"restless": "restless:Restless"}}, files={"restless.py": EXPORTER})
    monkeypatch.setenv("PYTHONPATH", str(site))
    with pytest.raises(AssertionError, match=expected):
        test(Contract(), tmp_path)


def test_a_build_that_fails_shows_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY absent /\n")
    with pytest.raises(AssertionError, match=r"failed with 1:\n(?s:.*)absent"):
        build(tmp_path, store=tmp_path / "store")
    assert isinstance(build(tmp_path, store=tmp_path / "store", check=False), subprocess.CompletedProcess)
