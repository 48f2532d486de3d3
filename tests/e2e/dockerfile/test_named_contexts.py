# SPDX-License-Identifier: Apache-2.0
"""`--build-context NAME=…` in all its forms, in FROM, COPY --from and mounts (DF-81, DF-82)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.dockerfile.conftest import Repository
from tests.support.command import Ladle, steps
from tests.support.images import BUSYBOX_CONFIG, Layout, busybox_layer
from tests.support.servers import Site, archive

Built = Callable[..., Path]
EVERYWHERE = """\
FROM busybox AS used
RUN --mount=from=other,target=/m cp -r /m /mounted
COPY --from=other / /copied/
FROM other AS based
FROM scratch
COPY --from=used /mounted /mounted
COPY --from=used /copied /copied
COPY --from=based / /based/
"""


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def same_everywhere(out: Path) -> set[str]:
    """Return what is in the context, which has to be the same by each way to it."""
    assert names(out / "mounted") == names(out / "copied") == names(out / "based")
    return names(out / "copied")


@pytest.mark.row("DF-76", "DF-81")
def test_a_directory_with_its_own_ignore_file(built: Built, context: Callable[..., Path]) -> None:
    other = context({"x": "1", "hidden": "2", ".dockerignore": "hidden\n.dockerignore\n"}, "other")
    out = built(EVERYWHERE, f"--build-context=other={other}", **{".dockerignore": "x"})
    assert same_everywhere(out) == {"x"}


@pytest.mark.row("DF-57", "DF-80", "DF-81")
@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        ("", {"Dockerfile", "a", "sub", "later"}),
        ("#v1", {"Dockerfile", "a", "sub"}),
        ("#v1:sub", {"Dockerfile", "b"}),
        ("?branch=main&subdir=sub", {"Dockerfile", "b"}),
        ("?tag=v1&checksum={first}", {"Dockerfile", "a", "sub"}),
        ("?commit={first}", {"Dockerfile", "a", "sub"}),
        ("?ref=v1&keep-git-dir=true", {"Dockerfile", "a", "sub", ".git"}),
    ],
)
def test_a_repository(built: Built, repository: Repository, suffix: str, expected: set[str]) -> None:
    out = built(
        "FROM scratch\nCOPY --from=other / /all/\n",
        f"--build-context=other={repository.url}{suffix.format(first=repository.first)}",
    )
    assert names(out / "all") == expected


@pytest.mark.row("DF-81")
def test_a_repository_everywhere(built: Built, repository: Repository) -> None:
    assert same_everywhere(built(EVERYWHERE, f"--build-context=other={repository.url}#v1:sub")) == {"Dockerfile", "b"}


@pytest.mark.row("DF-81")
def test_a_file_by_url_is_named_by_its_server(built: Built, site: Site) -> None:
    url = site.put("/get/3", b"data", content_disposition='attachment; filename="../up/named.txt"')
    out = built(EVERYWHERE, f"--build-context=other={url}")
    assert same_everywhere(out) == {"named.txt"}
    assert (out / "copied" / "named.txt").read_text() == "data"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Return a layout with an image that has a label, a variable and a trigger."""
    config = {**BUSYBOX_CONFIG, "config": {"Env": ["PATH=/bin", "KEPT=yes"], "OnBuild": ["RUN echo $KEPT > /fired"]}}
    Layout(tmp_path / "labelled").image("1", config, [busybox_layer()])
    return tmp_path / "labelled"


@pytest.mark.row("DF-81", "DF-82")
@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("base", "base"),
        ("alpine", "alpine"),
        ("alpine", "docker.io/library/alpine:latest"),
        ("docker.io/library/alpine:3.20", "alpine:3.20"),
        ("alpine::linux/amd64", "alpine"),
    ],
)
def test_an_image_takes_the_place_of_another_with_its_config(
    built: Built, labelled: Path, name: str, used: str
) -> None:
    dockerfile = f"FROM {used} AS a\nFROM scratch\nCOPY --from=a /fired /\n"
    out = built(dockerfile, f"--build-context={name}=oci-layout://{labelled}:1", "--platform=linux/amd64")
    assert (out / "fired").read_text() == "yes\n"


@pytest.mark.row("DF-81")
def test_an_image_of_a_registry(built: Built, registry: str) -> None:
    dockerfile = "FROM other AS a\nRUN echo x > /x\nFROM scratch\nCOPY --from=a /x /\nCOPY --from=other /etc /etc\n"
    out = built(dockerfile, f"--build-context=other=docker-image://{registry}/busybox:latest")
    assert names(out) == {"x", "etc"}


@pytest.mark.row("DF-81")
def test_a_platform_of_its_own_comes_first(built: Built, context: Callable[..., Path]) -> None:
    any_other, arm = context({"any": ""}, "any"), context({"arm": ""}, "arm")
    flags = (f"--build-context=other={any_other}", f"--build-context=other::linux/arm64={arm}")
    dockerfile = "FROM scratch\nCOPY --from=other / /all/\n"
    assert names(built(dockerfile, *flags, "--platform=linux/arm64") / "all") == {"arm"}
    assert names(built(dockerfile, *flags, "--platform=linux/amd64") / "all") == {"any"}


@pytest.mark.row("DF-81")
def test_a_stage_in_place_of_an_image(built: Built) -> None:
    dockerfile = """\
FROM other AS user
RUN echo $E > /seen
FROM busybox AS base
ENV E=set
RUN echo made > /made
FROM scratch
COPY --from=user /made /seen /
COPY --from=other /made /again
"""
    out = built(
        dockerfile,
        "--build-context=other=target:base",
        "--target=",
    )
    assert (out / "seen").read_text() == "set\n"
    assert (out / "again").read_text() == "made\n"


@pytest.mark.row("DF-81")
@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["other=target:nowhere"], 'the named context is the stage "nowhere", which is not there'),
        (["other=target:used"], "circular dependency detected on stage: used"),
        (["other=input:more"], "the input 'more', which this build does not have"),
        (["other=input:more", "more=docker-image://other"], "named contexts stand for each other: other -> more"),
    ],
)
def test_what_leads_nowhere(ladle: Ladle, context: Callable[..., Path], flags: list[str], said: str) -> None:
    directory = context({"Dockerfile": "FROM other AS used\nFROM used\nCOPY --from=other / /\n"})
    done = ladle("build", *(f"--build-context={flag}" for flag in flags), directory, check=False)
    assert done.returncode == 1
    assert said in done.stderr.decode()
    assert "Dockerfile:1" in done.stderr.decode()


@pytest.mark.row("DF-81")
def test_contexts_that_stand_for_others(built: Built, context: Callable[..., Path]) -> None:
    directory = context({"x": ""}, "directory")
    flags = ("other=input:second", "second=docker-image://third", f"third={directory}")
    out = built("FROM scratch\nCOPY --from=other / /all/\n", *(f"--build-context={flag}" for flag in flags))
    assert names(out / "all") == {"x"}


@pytest.mark.row("DF-81")
def test_a_fetched_context_is_asked_for_anew_and_cached(
    ladle: Ladle, context: Callable[..., Path], site: Site, tmp_path: Path
) -> None:
    url = site.put("/x", b"1")
    directory = context({"Dockerfile": "FROM scratch\nCOPY --from=other / /\n"})
    build = ("build", f"--build-context=other={url}", "-o", tmp_path / "out", directory)
    ladle(*build)
    assert steps(ladle(*build), "DONE") == []
    assert [status for _, status in site.answers] == [200, 304]
    site.put("/x", b"2")
    ladle(*build)
    assert (tmp_path / "out" / "x").read_text() == "2"


@pytest.mark.row("DF-78", "DF-81")
def test_a_graph_with_its_contexts(
    ladle: Ladle, context: Callable[..., Path], repository: Repository, site: Site, tmp_path: Path
) -> None:
    url = site.put("/x", archive({"Dockerfile": "", "main": "m"}))
    directory = context({"Dockerfile": "FROM scratch\nCOPY main /\nCOPY --from=other /b /\n", "main": "m"})
    ladle("compile", f"--build-context=other={repository.url}#v1:sub", "-o", tmp_path / "x.llb", directory)
    for number, place in enumerate((str(directory), url)):
        out = tmp_path / f"out{number}"
        ladle("build", "--llb", tmp_path / "x.llb", "-o", out, place)
        assert names(out) == {"main", "b"}
