# SPDX-License-Identifier: Apache-2.0
"""The contract of a source as a suite of tests."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from ladle.core.api.contracts import faults
from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import local_platform
from ladle.core.api.services import Services
from ladle.core.api.source import Pin
from ladle.core.build.session import LocalSession
from ladle.core.build.worker_thread import LazyWorker
from ladle.core.progress.modes import Quiet
from ladle.core.progress.reporter import BuildReporter
from ladle.core.registry import load_attribute
from ladle.core.store.store import Store
from ladle.core.testing.run import expect
from ladle.llb.ops import SourceOp
from ladle.plugins.builtin import TABLE


@contextmanager
def services(root: Path, *, offline: bool = False) -> Iterator[Services]:
    """Give what the engine gives to plugins: a real store in a directory, and a real worker, started at first need."""
    store = Store.open(str(root))
    worker = LazyWorker(store, lambda: {"snapshotter": TABLE["snapshotter"]["overlay"], "executors": []})
    try:
        yield Services(
            root=str(root),
            blobs=store.blobs,
            snapshots=store.snapshots,
            facts=store.facts,
            session=LocalSession(),
            worker=worker,
            reporter=BuildReporter(Quiet()),
            single_flight=store.single_flight,
            hold=store.pins.hold,
            offline=offline,
        )
    finally:
        worker.close()
        store.close()


class SourceContract:
    """Every test of a source that needs to know only some identifiers; nothing is fetched from anywhere.

    class TestContract(SourceContract):
        source = "ladle_debian:DebianSource"
        pinned = "debian://trixie@sha256:aaaa…"
        other = "debian://trixie@sha256:bbbb…"
        bad = "debian://../etc"
    """

    source: ClassVar[str]
    """`module:Class`."""
    pinned: ClassVar[str]
    """An identifier that says exactly which tree is meant, so that its pin needs no network."""
    other: ClassVar[str]
    """Another one, of another tree."""
    bad: ClassVar[str] = ""
    """An identifier that means nothing; "" where there is none."""
    attrs: ClassVar[Mapping[str, str]] = {}
    """Attributes of the first identifier's op, and of the others."""
    image: ClassVar[bool] = True
    """Whether its trees can be bases: `resolve` answers then, and refuses otherwise."""

    def prepare(self, given: Services, place: Path) -> None:
        """Put what a pin needs into the session or the store; `place` is an empty directory."""

    def made(self, given: Services, place: Path) -> Any:
        """Return the source, made as a build makes it."""
        place.mkdir(parents=True, exist_ok=True)
        self.prepare(given, place)
        return load_attribute(self.source, "the source")(given)

    def op(self, identifier: str) -> SourceOp:
        """Return the op of an identifier."""
        return SourceOp(identifier=identifier, attrs=tuple(sorted(self.attrs.items())))

    def pin(self, identifier: str, root: Path) -> Pin:
        """Pin an identifier with a fresh source, where no connection can be made."""
        with services(root / "store") as given, _unconnected():
            found: Pin = self.made(given, root / "place").pin(self.op(identifier), local_platform())
            return found

    def test_it_has_what_a_source_has(self) -> None:
        """The class has the members of its kind, and the scheme of its identifiers."""
        cls = load_attribute(self.source, "the source")
        scheme = self.pinned.partition("://")[0]
        found = faults("source", scheme, cls)
        expect(not found, "; ".join(found))

    def test_a_pin_is_the_same_wherever_it_is_made(self, tmp_path: Path) -> None:
        """The key depends on the identifier alone, not on the store; another tree has another one."""
        first = self.pin(self.pinned, tmp_path / "1")
        second = self.pin(self.pinned, tmp_path / "2")
        expect(isinstance(first, Pin) and first.key, "there is no key")
        expect(first.key == second.key, f"the keys differ: {first.key} and {second.key}")
        expect(self.pin(self.other, tmp_path / "1").key != first.key, "another tree has the same key")

    def test_what_is_wrong_is_told(self, tmp_path: Path) -> None:
        """A bad identifier is a `BuildError` with a code and a message, whichever question meets it first."""
        if not self.bad:
            return
        try:
            self.pin(self.bad, tmp_path)
        except BuildError as error:
            expect(error.code and error.message, "the error has no code or no message")
            return
        raise AssertionError(f"{self.bad} has a pin")

    def test_a_file_is_no_image(self, tmp_path: Path) -> None:
        """`resolve` gives an image pinned by its digest with its config, or refuses as `BuildError`."""
        scheme, _, ref = self.pinned.partition("://")
        with services(tmp_path / "store", offline=True) as given, _unconnected():
            source = self.made(given, tmp_path / "place")
            try:
                found = source.resolve(ref, platform=local_platform(), scheme=scheme)
            except BuildError as error:
                expect(error.code, "the error has no code")
                return
        expect(self.image, f"{self.pinned} is resolved as an image")
        expect(found.scheme == scheme and found.digest in found.pinned, f"{found.pinned} holds no digest")
        config = json.loads(found.config)
        expect(config.get("os") and config.get("architecture"), "the image's config does not say its platform")

    def test_offline_is_obeyed(self, tmp_path: Path) -> None:
        """Without the network a fetch gives the tree that is kept, or says as `BuildError` that there is none."""
        with services(tmp_path / "store", offline=True) as given, _unconnected():
            source = self.made(given, tmp_path / "place")
            op, platform = self.op(self.pinned), local_platform()
            try:
                found = asyncio.run(source.fetch(op, platform, source.pin(op, platform)))
            except BuildError as error:
                expect(error.code, "the error has no code")
                return
        expect(found.get("kind") in ("layers", "local", "host"), f"{found!r} is no ref")


@contextmanager
def _unconnected() -> Iterator[None]:
    """Let no connection of this process succeed but to its own sockets; raises `AssertionError` if one was tried."""
    real = socket.socket.connect
    asked = []

    def connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            asked.append(address)
            raise ConnectionRefusedError(f"no connection to {address} in this test")
        real(self, address)

    with patch.object(socket.socket, "connect", connect):
        try:
            yield
        finally:
            expect(not asked, f"a connection to {asked[:1]} was asked for")
