# SPDX-License-Identifier: Apache-2.0
"""Layers as blobs: what is known is used again, what is missing is made once, base layers keep their form."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.services import Facts, Services
from ladle.core.build.layer_blobs import ORIGINAL, layer_descriptors, variant_name
from ladle.core.build.loose_layers import LOOSE
from ladle.core.build.origins import remember_origin

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Store:
    """Blobs and snapshots in dictionaries and a directory; its worker writes a text as a diff, and counts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base: set[str] = set()
        self.variants: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.jobs: list[dict[str, Any]] = []
        self.running = self.most = 0

    def path(self, digest: str) -> str:
        return str(self.root / digest)

    def has(self, digest: str) -> bool:
        return Path(self.path(digest)).exists()

    def temporary(self) -> str:
        return str(self.root / f"part-{threading.get_ident()}-{len(list(self.root.iterdir()))}")

    def adopt(self, path: str, digest: str) -> None:
        Path(path).rename(self.path(digest))

    def hold(self, snapshots: Sequence[str]) -> bool:
        return all((self.root / "snapshots" / snapshot).is_dir() for snapshot in snapshots)

    def is_base(self, snapshot: str) -> bool:
        return snapshot in self.base

    def blob(self, snapshot: str, variant: str) -> Mapping[str, Any] | None:
        return self.variants.get((snapshot, variant))

    def maker(self, snapshot: str) -> str:
        return f"RUN {snapshot}" if snapshot == "made" else ""

    def set_blob(self, snapshot: str, variant: str, descriptor: Mapping[str, Any]) -> None:
        self.variants[(snapshot, variant)] = descriptor

    async def run(self, job: str, args: dict[str, Any], **_: Any) -> dict[str, Any]:
        assert job == "diff"
        self.jobs.append(args)
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0.01)
        data = repr((args["snapshot"], args["compression"], args["epoch"])).encode()
        Path(args["out"]).write_bytes(data)
        self.running -= 1
        return {
            "digest": digest_of(data),
            "size": len(data),
            "media_type": GZIP,
            "diff_id": digest_of(b"tar"),
            "more": 1,
        }

    def add_base(self, snapshot: str, tar: bytes) -> dict[str, Any]:
        data = gzip.compress(tar, mtime=0)
        descriptor = {"digest": digest_of(data), "size": len(data), "media_type": GZIP, "diff_id": digest_of(tar)}
        Path(self.path(descriptor["digest"])).write_bytes(data)  # type: ignore[arg-type]
        self.base.add(snapshot)
        self.set_blob(snapshot, ORIGINAL, descriptor)
        return descriptor


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def services(store: Store, facts: Facts) -> Services:
    locks: dict[str, threading.Lock] = {}

    @contextmanager
    def single_flight(key: str) -> Iterator[None]:
        with locks.setdefault(key, threading.Lock()):
            yield

    unused: Any = None
    fake: Any = store
    return Services(
        root=str(store.root),
        blobs=fake,
        snapshots=fake,
        facts=facts,
        session=unused,
        worker=fake,
        reporter=unused,
        single_flight=single_flight,
        hold=unused,
    )


def descriptors(services: Services, *layers: str, **options: Any) -> list[dict[str, Any]]:
    return asyncio.run(layer_descriptors(services, layers, **options))


def test_makes_each_missing_layer_over_those_below_it(services: Services, store: Store) -> None:
    made = descriptors(services, "1", "2", "3")
    assert [(job["parents"], job["snapshot"]) for job in store.jobs] == [([], "1"), (["1"], "2"), (["1", "2"], "3")]
    assert all(store.has(one["digest"]) and set(one) == {"digest", "size", "media_type", "diff_id"} for one in made)
    assert store.most == 2 or len(os.sched_getaffinity(0)) == 1


def test_a_known_variant_is_used_again(services: Services, store: Store) -> None:
    first = descriptors(services, "1", "2")
    assert descriptors(services, "1", "2") == first
    assert len(store.jobs) == 2
    descriptors(services, "1", compression="zstd", level=3)
    assert store.jobs[-1]["compression"] == "zstd"


def test_a_blob_that_is_gone_is_made_again(services: Services, store: Store) -> None:
    (first,) = descriptors(services, "1")
    Path(store.path(first["digest"])).unlink()
    assert descriptors(services, "1") == [first]
    assert store.has(first["digest"])


def test_two_exports_at_once_make_a_layer_once(services: Services, store: Store) -> None:
    async def both() -> list[list[dict[str, Any]]]:
        return await asyncio.gather(*(layer_descriptors(services, ["1"]) for _ in range(2)))

    first, second = asyncio.run(both())
    assert first == second
    assert len(store.jobs) == 1


def test_base_layers_go_out_as_they_came(services: Services, store: Store) -> None:
    original = store.add_base("1", b"the tar")
    made = descriptors(services, "1", "2", epoch=5, compression="zstd")
    assert made[0] == original
    assert [(job["snapshot"], job["epoch"]) for job in store.jobs] == [("2", 5)]
    assert ("2", "zstd@epoch=5") in store.variants


def test_force_compresses_base_layers_anew_without_touching_their_tar(services: Services, store: Store) -> None:
    original = store.add_base("1", b"the tar" * 1000)
    assert descriptors(services, "1", force=True) == [original]
    (zstd,) = descriptors(services, "1", force=True, compression="zstd", epoch=5)
    (plain,) = descriptors(services, "1", force=True, compression="uncompressed")
    assert zstd["media_type"].endswith("+zstd")
    assert zstd["diff_id"] == plain["diff_id"] == plain["digest"] == original["diff_id"]
    assert Path(store.path(plain["digest"])).read_bytes() == b"the tar" * 1000
    assert not store.jobs
    assert not list(store.root.glob("part-*"))


def lose(store: Store, services: Services) -> tuple[dict[str, Any], bytes]:
    """Lose the blob of a base layer that came from `place`; return its description and its bytes."""
    original = store.add_base("1", b"the tar")
    path = Path(store.path(original["digest"]))
    data = path.read_bytes()
    path.unlink()
    remember_origin(services, original["digest"], "fake", "the place")
    return original, data


def test_a_lost_base_layer_is_fetched_again_once(services: Services, store: Store) -> None:
    original, data = lose(store, services)
    asked: list[tuple[str, str, int]] = []

    class Source:
        async def restore(self, place: str, layer: Any) -> None:
            asked.append((place, layer.digest, layer.size))
            await asyncio.sleep(0.01)
            Path(store.path(layer.digest)).write_bytes(data)

    services = replace(services, source=lambda scheme: Source() if scheme == "fake" else None)

    async def both() -> list[list[dict[str, Any]]]:
        return await asyncio.gather(*(layer_descriptors(services, ["1"]) for _ in range(2)))

    assert asyncio.run(both()) == [[original], [original]]
    assert asked == [("the place", original["digest"], original["size"])]
    assert not store.jobs


@pytest.mark.parametrize("how", ["fails", "gives nothing", "cannot", "unknown"])
def test_a_layer_that_cannot_be_fetched_again_gets_another_digest(how: str, services: Services, store: Store) -> None:
    original, _ = lose(store, services)
    warned: list[tuple[str, str]] = []

    class Source:
        async def restore(self, place: str, layer: Any) -> None:
            if how == "fails":
                raise BuildError("the registry is away", code="LA0207")

    class Reporter:
        def warning(self, text: str, *, help: str = "") -> None:
            warned.append((text, help))

    reporter: Any = Reporter()
    made: Any = object() if how == "cannot" else Source()
    services = replace(services, reporter=reporter, source=None if how == "unknown" else lambda scheme: made)
    (descriptor,) = descriptors(services, "1")
    assert descriptor["digest"] != original["digest"]
    assert descriptor["diff_id"] == digest_of(b"tar")
    assert len(store.jobs) == len(warned) == 1
    reason = {"fails": "the registry is away", "gives nothing": "the place gave another one"}
    assert reason.get(how, "it is not known where it came from") in warned[0][0]
    assert "other digests" in warned[0][1]


def test_a_failed_layer_leaves_nothing_behind(services: Services, store: Store) -> None:
    async def fail(job: str, args: dict[str, Any], **_: Any) -> dict[str, Any]:
        Path(args["out"]).write_bytes(b"half")
        raise OSError("no space")

    store.run = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no space"):
        descriptors(services, "1", "2")
    assert not list(store.root.iterdir())


@pytest.mark.parametrize(
    ("layer", "notes"), [("made", ("more", "the layer was made by RUN made")), ("other", ("more",))]
)
def test_an_error_names_the_step_that_made_the_layer(
    layer: str, notes: tuple[str, ...], services: Services, store: Store
) -> None:
    async def refuse(job: str, args: dict[str, Any], **_: Any) -> dict[str, Any]:
        raise BuildError("no", code="LA0604", notes=["more"], help="do")

    store.run = refuse  # type: ignore[method-assign]
    with pytest.raises(BuildError) as caught:
        descriptors(services, layer)
    assert (caught.value.message, caught.value.code, caught.value.notes) == ("no", "LA0604", notes)
    assert caught.value.help == "do"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(("gzip",), "gzip"), (("zstd", 3), "zstd:3"), (("gzip", None, 1700000000), "gzip@epoch=1700000000")],
)
def test_names_of_variants(arguments: tuple[Any, ...], name: str) -> None:
    assert variant_name(*arguments) == name


def test_a_layer_that_can_lie_anywhere_is_written_as_it_is(store: Store, services: Services) -> None:
    for layer, loose in (("s3", b"s3"), ("s4", b"s9")):
        services.facts.put(LOOSE, layer, loose)
    descriptors(services, "s1", "s2", "s3", "s4")
    assert {job["snapshot"]: (job["parents"], job["loose"]) for job in store.jobs} == {
        "s1": ([], False),
        "s2": (["s1"], False),
        "s3": ([], True),
        "s4": (["s1", "s2", "s3"], False),
    }
