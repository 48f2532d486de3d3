# SPDX-License-Identifier: Apache-2.0
"""Images from a real registry: resolving, pinning, fetching, sharing layers, going without network."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.reference import parse_reference
from ladle.core.api.services import Services
from ladle.core.build.origins import ORIGIN, restored
from ladle.llb.ops import Platform, SourceOp
from ladle.plugins.sources.docker_image import DockerImageSource

AMD64 = Platform(os="linux", architecture="amd64")
ARM = Platform(os="linux", architecture="arm", variant="v7")


def fetched(source: DockerImageSource, pinned: str, platform: Platform = AMD64, **attrs: str) -> Any:
    op = SourceOp(identifier=f"docker-image://{pinned}", attrs=tuple(sorted(attrs.items())))
    return asyncio.run(source.fetch(op, platform, source.pin(op, platform)))


def test_resolves_pins_and_fetches_an_image(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}, {"b": b"2"}]), "one")
    registry.push(layout, "one", "app:one")
    source = DockerImageSource(services)
    found = source.resolve(f"{registry.host}/app:one", platform=AMD64, scheme="docker-image")
    assert found.pinned == f"{registry.host}/app:one@{found.digest}"
    assert json.loads(found.config)["config"] == {"Cmd": ["sh"]}
    assert found.platform == AMD64

    ref = fetched(source, found.pinned)
    assert ref == {"kind": "layers", "layers": ["1", "2"]}
    assert Path(services.root, "snapshots/1/a").read_bytes() == b"1"
    assert Path(services.root, "snapshots/2/b").read_bytes() == b"2"
    worker: Any = services.worker
    assert [args["parents"] for args in worker.named("apply")] == [[], ["1"]]
    blob = services.snapshots.blob("2", "original")
    assert blob is not None
    assert services.blobs.has(blob["digest"])


def test_fetching_again_downloads_and_applies_nothing(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"again": b"1"}]), "t")
    registry.push(layout, "t", "again:t")
    source = DockerImageSource(services)
    pinned = source.resolve(f"{registry.host}/again:t", platform=AMD64, scheme="docker-image").pinned
    first = fetched(source, pinned)
    jobs = len(services.worker.jobs)  # type: ignore[attr-defined]
    assert fetched(DockerImageSource(services), pinned) == first
    assert len(services.worker.jobs) == jobs  # type: ignore[attr-defined]


def test_a_lost_blob_is_fetched_from_where_it_came(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"lost": b"1"}]), "t")
    registry.push(layout, "t", "deep/lost:t")
    source = DockerImageSource(services)
    fetched(source, source.resolve(f"{registry.host}/deep/lost:t", platform=AMD64, scheme="docker-image").pinned)
    blob = services.snapshots.blob("1", "original")
    assert blob is not None
    assert services.facts.get(ORIGIN, blob["digest"]) == f"docker-image {registry.host}/deep/lost".encode()
    path = Path(services.blobs.path(blob["digest"]))
    data = path.read_bytes()
    path.unlink()
    offline = replace(services, offline=True)
    offline = replace(offline, source=lambda _: DockerImageSource(offline))
    assert not asyncio.run(restored(offline, blob))
    assert not path.exists()
    assert asyncio.run(restored(replace(services, source=lambda _: DockerImageSource(services)), blob))
    assert path.read_bytes() == data


def test_images_share_the_layers_that_they_have_in_common(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"base": b"b"}, {"x": b"x"}]), "x")
    layout.tag(layout.image([{"base": b"b"}, {"y": b"y"}]), "y")
    refs = []
    for tag in ("x", "y"):
        registry.push(layout, tag, f"shared:{tag}")
        source = DockerImageSource(services)
        found = source.resolve(f"{registry.host}/shared:{tag}", platform=AMD64, scheme="docker-image")
        refs.append(fetched(source, found.pinned)["layers"])
    assert refs[0][0] == refs[1][0]
    assert refs[0][1] != refs[1][1]
    assert len(services.worker.named("apply")) == 3  # type: ignore[attr-defined]


def test_two_fetches_at_once_apply_each_layer_once(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"base": b"b"}, {"x": b"x"}]), "x")
    registry.push(layout, "x", "both:x")

    async def both() -> list[Any]:
        sources = [DockerImageSource(services) for _ in range(2)]
        op = SourceOp(identifier=f"docker-image://{registry.host}/both:x")
        return await asyncio.gather(*(source.fetch(op, AMD64, source.pin(op, AMD64)) for source in sources))

    first, second = asyncio.run(both())
    assert first == second
    assert len(services.worker.named("apply")) == 2  # type: ignore[attr-defined]


def test_an_index_gives_the_image_of_the_platform(services: Services, registry: Any, layout: Any) -> None:
    images = [
        layout.image([{"arch": b"amd64"}]) | {"platform": {"os": "linux", "architecture": "amd64"}},
        layout.image([{"arch": b"arm"}], architecture="arm")
        | {"platform": {"os": "linux", "architecture": "arm", "variant": "v6"}},
    ]
    layout.tag(layout.index(*images), "multi")
    registry.push(layout, "multi", "multi:1")
    source = DockerImageSource(services)
    found = source.resolve(f"{registry.host}/multi:1", platform=ARM, scheme="docker-image")
    assert found.platform.architecture == "arm"
    snapshot = fetched(source, found.pinned, ARM)["layers"][0]
    assert Path(services.root, "snapshots", snapshot, "arch").read_bytes() == b"arm"

    with pytest.raises(BuildError) as caught:
        source.resolve(
            f"{registry.host}/multi:1", platform=Platform(os="linux", architecture="s390x"), scheme="docker-image"
        )
    assert caught.value.code == "LA0205"
    assert caught.value.notes == ("it has: linux/amd64, linux/arm/v6",)


def test_a_single_image_is_taken_whatever_its_platform(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "one")
    registry.push(layout, "one", "single:1")
    found = DockerImageSource(services).resolve(f"{registry.host}/single:1", platform=ARM, scheme="docker-image")
    assert found.platform == AMD64


def test_the_key_is_the_digest_and_later_has_aliases(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"k": b"1"}]), "k")
    registry.push(layout, "k", "key:1")
    source = DockerImageSource(services)
    digest = source._digest(parse_reference(f"{registry.host}/key:1"))
    op = SourceOp(identifier=f"docker-image://{registry.host}/key:1@{digest}")
    before = DockerImageSource(services).pin(op, AMD64)
    assert before.aliases == ()
    fetched(source, f"{registry.host}/key:1@{digest}")
    after = DockerImageSource(services).pin(op, AMD64)
    assert after.key == before.key
    assert after.aliases[0] == f"manifest {digest}"
    assert after.aliases[1].startswith("chain sha256:")


def test_a_layer_limit_takes_the_lowest_layers(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}, {"b": b"2"}]), "one")
    registry.push(layout, "one", "limit:1")
    source = DockerImageSource(services)
    name = f"{registry.host}/limit:1"
    assert len(fetched(source, name, AMD64, **{"image.layerlimit": "1"})["layers"]) == 1
    limited = source.pin(SourceOp(identifier=f"docker-image://{name}", attrs=(("image.layerlimit", "1"),)), AMD64)
    assert limited.key != source.pin(SourceOp(identifier=f"docker-image://{name}"), AMD64).key


def test_a_wrong_checksum_is_refused(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "one")
    registry.push(layout, "one", "sum:1")
    op = SourceOp(identifier=f"docker-image://{registry.host}/sum:1", attrs=(("image.checksum", "sha256:" + "0" * 64),))
    with pytest.raises(BuildError) as caught:
        DockerImageSource(services).pin(op, AMD64)
    assert caught.value.code == "LA0206"


@pytest.mark.parametrize(("name", "code"), [("nothing/here:1", "LA0202"), ("known:missing", "LA0203")])
def test_says_what_is_not_there(services: Services, registry: Any, layout: Any, name: str, code: str) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "one")
    registry.push(layout, "one", "known:there")
    with pytest.raises(BuildError) as caught:
        DockerImageSource(services).resolve(f"{registry.host}/{name}", platform=AMD64, scheme="docker-image")
    assert caught.value.code == code
    assert name.split(":", maxsplit=1)[0] in caught.value.message


def test_a_reference_that_is_none_is_refused(services: Services) -> None:
    with pytest.raises(BuildError) as caught:
        DockerImageSource(services).resolve("Not A Ref", platform=AMD64, scheme="docker-image")
    assert caught.value.code == "LA0201"


def test_an_unreachable_registry_falls_back_to_the_last_answer(
    make_services: Callable[..., Services], layout: Any
) -> None:
    services = make_services()
    with pytest.raises(BuildError) as caught:
        DockerImageSource(services).resolve("127.0.0.1:1/app:1", platform=AMD64, scheme="docker-image")
    assert caught.value.code == "LA0204"
    assert "127.0.0.1:1" in caught.value.message

    manifest = layout.image([{"a": b"1"}])
    for blob in (layout.path / "blobs/sha256").iterdir():
        services.blobs.put(blob.read_bytes())
    services.facts.put("tag", "127.0.0.1:1/app:1", manifest["digest"].encode())
    found = DockerImageSource(services).resolve("127.0.0.1:1/app:1", platform=AMD64, scheme="docker-image")
    assert found.digest == manifest["digest"]
    reporter: Any = services.reporter
    assert "127.0.0.1:1/app:1" in reporter.warnings[0]


def test_offline_uses_the_store_alone(make_services: Callable[..., Services], registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "one")
    registry.push(layout, "one", "off:1")
    name = f"{registry.host}/off:1"
    offline = make_services(offline=True)
    with pytest.raises(BuildError) as caught:
        DockerImageSource(offline).resolve(name, platform=AMD64, scheme="docker-image")
    assert caught.value.code == "LA0209"
    online = make_services("online")
    digest = DockerImageSource(online).resolve(name, platform=AMD64, scheme="docker-image").digest
    offline = replace(online, offline=True)
    assert DockerImageSource(offline).resolve(name, platform=AMD64, scheme="docker-image").digest == digest


def test_a_known_tag_is_resolved_without_an_http_library(services: Services, registry: Any, layout: Any) -> None:
    layout.tag(layout.image([{"a": b"1"}]), "one")
    registry.push(layout, "one", "light:1")
    name = f"{registry.host}/light:1"
    script = (
        "import sys\n"
        "from ladle.plugins.registry.endpoint import find_endpoint\n"
        "from ladle.plugins.registry.head import head_digest\n"
        "import ladle.plugins.sources.docker_image\n"
        f"assert head_digest(find_endpoint({registry.host!r}), 'light', '1').startswith('sha256:')\n"
        "bad = {'httpx', 'http.client', 'asyncio', 'ssl', 'concurrent.futures'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert DockerImageSource(services).resolve(name, platform=AMD64, scheme="docker-image").name == name
