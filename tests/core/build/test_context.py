# SPDX-License-Identifier: Apache-2.0
"""The context of a frontend: what it may read, what its names stand for, and that every answer is recorded."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.api.frontend import HostBase, ResolvedImage
from ladle.core.api.platforms import parse_platform
from ladle.core.build.context import RecordingContext
from ladle.core.build.reads import MAX_FILE_BYTES, file_read
from ladle.core.build.request import BuildRequest
from ladle.core.build.session import LocalSession

Ask = Callable[..., BuildRequest]
Write = Callable[..., Path]
AMD64 = parse_platform("linux/amd64")
ARM64 = parse_platform("linux/arm64")


class Sources:
    """Sources that answer everything, and remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(self, scheme: str) -> Any:
        return self

    def resolve(self, ref: str, *, platform: Any, scheme: str) -> ResolvedImage:
        self.asked.append((scheme, ref))
        return ResolvedImage(
            name=ref, scheme=scheme, pinned=ref, digest="sha256:d", config=b"{}", platform=platform, attrs=()
        )

    def resolve_host(self) -> HostBase:
        return HostBase(dirs=("/usr",))


def made(request: BuildRequest) -> tuple[RecordingContext, LocalSession, Sources]:
    session, sources = LocalSession(), Sources()
    return RecordingContext(request, session, sources, lambda: "machine-1"), session, sources


def test_the_build_file(ask: Ask, write: Write) -> None:
    directory = write({"Dockerfile": "FROM scratch\n", "sub/other.Dockerfile": "x"})
    context, _, _ = made(ask(directory))
    assert context.build_file() == ("Dockerfile", b"FROM scratch\n")
    assert context.reads == [file_read(f"{directory}/Dockerfile", b"FROM scratch\n")]
    other, _, _ = made(ask(directory, file=f"{directory}/sub/other.Dockerfile"))
    assert other.build_file() == ("sub/other.Dockerfile", b"x")


def test_a_build_file_outside_is_shown_as_the_user_reaches_it(
    ask: Ask, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = write({"D": "x"}, "outside")
    context, _, _ = made(ask(write({}), file=f"{outside}/D"))
    monkeypatch.chdir(outside.parent)
    assert context.build_file() == ("outside/D", b"x")


def test_a_missing_build_file(ask: Ask, write: Write) -> None:
    directory = write({"Dockerfile/x": ""})
    with pytest.raises(BuildError, match="is not a file") as caught:
        made(ask(directory))[0].build_file()
    assert caught.value.code == "LA0131"
    context, _, _ = made(ask(directory, file=f"{directory}/absent"))
    with pytest.raises(BuildError, match="does not exist"):
        context.build_file()
    assert context.reads == [file_read(f"{directory}/absent", None)]


def test_stdin_is_read_once_and_within_bounds(ask: Ask, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"FROM scratch\n")))
    context, _, _ = made(ask(write({}), file="-"))
    assert context.build_file() == context.build_file() == ("Dockerfile", b"FROM scratch\n")
    assert context.reads == []
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(bytes(MAX_FILE_BYTES + 1))))
    with pytest.raises(BuildError) as caught:
        made(ask(write({}), file="-"))[0].build_file()
    assert caught.value.code == "LA0130"


@pytest.mark.parametrize("path", ["a", "/a", "./a", "../a", "../../context/../a", "sub/../a", "//a"])
def test_reads_stay_inside(ask: Ask, write: Write, path: str) -> None:
    directory = write({"a": "inside", "sub/b": ""})
    (directory.parent / "a").write_text("outside")
    context, _, _ = made(ask(directory))
    assert context.read(path) == b"inside"
    assert context.reads == [file_read(f"{directory}/a", b"inside")]


def test_links_lead_nowhere_outside(ask: Ask, write: Write) -> None:
    directory = write({"a": "inside"})
    (directory.parent / "secret").write_text("outside")
    (directory / "good").symlink_to("a")
    (directory / "up").symlink_to("../secret")
    (directory / "absolute").symlink_to("/etc/passwd")
    (directory / "folder").symlink_to("..")
    context, _, _ = made(ask(directory))
    assert context.read("good") == b"inside"
    for bad in ("up", "absolute", "folder/secret"):
        with pytest.raises(BuildError) as caught:
            context.read(bad)
        assert caught.value.code == "LA0132"


def test_a_context_reached_through_a_link(ask: Ask, write: Write) -> None:
    directory = write({"a": "inside"})
    (directory.parent / "link").symlink_to(directory)
    assert made(ask(directory.parent / "link"))[0].read("a") == b"inside"


def test_absences_are_recorded(ask: Ask, write: Write) -> None:
    directory = write({"other/Dockerfile": "", "other/beside": "1"})
    context, _, _ = made(ask(directory, file=f"{directory}/other/Dockerfile"))
    assert context.read("beside") is None
    assert context.read("beside", beside_build_file=True) == b"1"
    assert context.reads == [file_read(f"{directory}/beside", None), file_read(f"{directory}/other/beside", b"1")]


def test_an_unreadable_file_is_named(ask: Ask, write: Write) -> None:
    directory = write({"large": bytes(MAX_FILE_BYTES + 1)})
    with pytest.raises(BuildError, match="larger than") as caught:
        made(ask(directory))[0].read("large")
    assert caught.value.code == "LA0133"


def test_the_build_files_own_ignore_file_comes_first(ask: Ask, write: Write) -> None:
    directory = write({"Dockerfile": "", ".dockerignore": "common"})
    context, _, _ = made(ask(directory))
    assert context.ignore_file() == (".dockerignore", b"common")
    assert file_read(f"{directory}/Dockerfile.dockerignore", None) in context.reads
    write({"Dockerfile.dockerignore": ""})
    assert made(ask(directory))[0].ignore_file() == ("Dockerfile.dockerignore", b"")
    assert made(ask(directory, file="-"))[0].ignore_file() == (".dockerignore", b"common")
    (directory / ".dockerignore").unlink()
    assert made(ask(directory, file="-"))[0].ignore_file() is None


def test_an_image_by_tag_is_a_read(ask: Ask, write: Write) -> None:
    context, _, sources = made(ask(write({})))
    context.resolve_image("busybox", platform=ARM64)
    assert sources.asked == [("docker-image", "busybox")]
    assert context.reads == [
        ("tag", "busybox", "linux/arm64", "docker.io", "library/busybox", "latest", "", "sha256:d")
    ]


def test_a_layout_is_reached_by_name_only(ask: Ask, write: Write) -> None:
    layout = write({"index.json": "{}"}, "layout")
    again = write({"index.json": "[]"}, "more/layout")
    context, session, sources = made(ask(write({})))
    image = context.resolve_image(f"{layout}:1", platform=AMD64, scheme="oci-layout")
    other = context.resolve_image(f"{again}@sha256:{'a' * 64}", platform=AMD64, scheme="oci-layout")
    assert (image.pinned, other.pinned) == ("layout:1", f"layout-@sha256:{'a' * 64}")
    assert not [ref for _, ref in sources.asked if "/" in ref]
    assert (session.layout("layout"), session.layout("layout-")) == (str(layout), str(again))
    assert context.layouts == {"layout": str(layout), "layout-": str(again)}
    assert file_read(f"{layout}/index.json", b"{}") in context.reads


def test_named_contexts(ask: Ask, write: Write) -> None:
    directory = write({".dockerignore": "*.o"}, "dir")
    layout = write({"index.json": "{}"}, "layout")
    given = (
        f"local={directory}",
        "busybox=docker-image://alpine:3",
        f"docker.io/library/base:1=oci-layout://{layout}",
        "machine=host://",
    )
    context, session, sources = made(ask(write({}), contexts=given))
    local = context.named_context("local", platform=AMD64)
    assert local is not None
    assert (local.kind, local.local, local.ignore) == ("local", "local", "*.o")
    assert session.local("local") == str(directory)
    image = context.named_context("docker.io/library/busybox:latest", platform=AMD64)
    assert image is not None
    assert image.image is not None
    assert image.image.name == "alpine:3"
    base = context.named_context("base:1", platform=AMD64)
    assert base is not None
    assert base.image is not None
    assert base.image.scheme == "oci-layout"
    assert sources.asked[-1][1].startswith("docker.io-library-base-1")
    host = context.named_context("machine", platform=AMD64)
    assert host is not None
    assert host.host == HostBase(dirs=("/usr",))
    assert ("host", "machine-1") in context.reads
    assert context.named_context("other", platform=AMD64) is None
    assert context.named_context("not a reference", platform=AMD64) is None


def test_a_context_for_one_platform_comes_first(ask: Ask, write: Write) -> None:
    given = ("x=docker-image://any", "x::linux/arm64=docker-image://arm")
    context, _, sources = made(ask(write({}), contexts=given))
    for platform in (AMD64, ARM64):
        context.named_context("x", platform=platform)
    assert sources.asked == [("docker-image", "any"), ("docker-image", "arm")]
