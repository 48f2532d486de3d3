# SPDX-License-Identifier: Apache-2.0
"""Requests: flags to typed values, and a code for each way to get one wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import UsageError
from ladle.core.build.request import BuildRequest, ContextSpec, make_request, parse_output
from ladle.core.cli.options import defaults

Ask = Callable[..., BuildRequest]

MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"platforms": ("linux/amd64/v1/x",)}, "LA0101", "linux/amd64/v1/x"),
    ({"platforms": ("linux/nosuch",)}, "LA0101", "linux/nosuch"),
    ({"network": "bridge"}, "LA0107", "bridge"),
    ({"build_args": ("=1",)}, "LA0108", "--build-arg '=1'"),
    ({"labels": ("=1",)}, "LA0108", "--label '=1'"),
    ({"add_hosts": ("db",)}, "LA0163", "--add-host 'db'"),
    ({"add_hosts": ("db:",)}, "LA0163", "--add-host 'db:'"),
    ({"ulimits": ("nofile=many",)}, "LA0164", "nofile=many"),
    ({"ulimits": ("nofile",)}, "LA0164", "nofile"),
    ({"jobs": "0"}, "LA0165", "--jobs"),
    ({"jobs": "-1"}, "LA0165", "--jobs"),
    ({"jobs": "²"}, "LA0165", "--jobs"),
    ({"shm_size": "64q"}, "LA0166", "--shm-size"),
    ({"shm_size": "m"}, "LA0166", "--shm-size"),
    ({"shm_size": "1bk"}, "LA0166", "--shm-size"),
    ({"tags": ("Upper",)}, "LA0109", "must be lowercase"),
    ({"tags": (f"x@sha256:{'a' * 64}",)}, "LA0109", "a tag has no digest"),
    ({"tags": ("",)}, "LA0109", "bad tag ''"),
    ({"contexts": ("base",)}, "LA0113", "'base'"),
    ({"contexts": ("=x",)}, "LA0113", "'=x'"),
    ({"contexts": ("base=",)}, "LA0113", "'base='"),
    ({"contexts": ("base=ftp://example.org/x",)}, "LA0113", "'ftp' is no kind of context"),
    ({"contexts": ("base=git@example.org:x?what=1",)}, "LA0115", "unexpected query"),
    ({"contexts": ("base=target:",)}, "LA0113", "is not a directory"),
    ({"contexts": ("base=/no/such/directory",)}, "LA0113", "is not a directory"),
    ({"outputs": ("",)}, "LA0114", "an empty --output"),
    ({"outputs": ("dest=x,tar=1",)}, "LA0114", "has no type"),
    ({"outputs": ("type=oci,x",)}, "LA0114", "'x' is not NAME=VALUE"),
]


@pytest.mark.parametrize(("flags", "code", "said"), MISTAKES, ids=[str(case[0]) for case in MISTAKES])
def test_mistakes(ask: Ask, tmp_path: Path, flags: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(tmp_path, **flags)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (None, "LA0104"),
        ("/no", "LA0106"),
    ],
)
def test_contexts_that_cannot_be(ask: Ask, path: str | None, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        ask(path)
    assert caught.value.code == code
    assert caught.value.help


def test_a_graph_may_have_a_context_but_no_build_file(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    with pytest.raises(UsageError) as caught:
        ask(tmp_path, llb="x.llb", file="Dockerfile")
    assert caught.value.code == "LA0103"
    with pytest.raises(UsageError, match="cannot both come from stdin"):
        ask("-", llb="-")
    alone, with_path = ask(None, llb="x.llb"), ask(tmp_path, llb="x.llb")
    assert (alone.llb, alone.context, alone.build_file) == ("x.llb", "", "")
    assert (with_path.llb, with_path.context, with_path.build_file) == ("x.llb", str(tmp_path), "")


def test_a_directory_that_is_there_is_no_address(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "git@host:path").mkdir()
    assert ask("git@host:path").context == f"{tmp_path}/git@host:path"
    assert ask("git@host:other").context == "git@host:other"


def test_a_file_is_no_context(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(UsageError, match="is not a directory"):
        ask(tmp_path / "f")


def test_the_build_file(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").mkdir()
    assert ask("c").build_file == f"{tmp_path}/c/Dockerfile"
    (tmp_path / "c" / "dockerfile").touch()
    assert ask("c").build_file == f"{tmp_path}/c/dockerfile"
    (tmp_path / "c" / "Dockerfile").touch()
    assert ask("c").build_file == f"{tmp_path}/c/Dockerfile"
    assert ask("c", file="other").build_file == f"{tmp_path}/other"
    stdin = ask("c", file="-")
    assert (stdin.build_file, stdin.context, stdin.options.filename) == ("-", f"{tmp_path}/c", "Dockerfile")


def test_build_arguments_take_the_environment(ask: Ask, tmp_path: Path) -> None:
    environ = {"FROM_HERE": "1", "SOURCE_DATE_EPOCH": "5"}
    flags = ("A=1", "A=2=3", "FROM_HERE", "NOT_SET", "EMPTY=", "B=1", "B")
    found = ask(tmp_path, build_args=flags, environ=environ).options.build_args
    assert found == {"A": "2=3", "FROM_HERE": "1", "EMPTY": "", "SOURCE_DATE_EPOCH": "5"}
    assert ask(tmp_path, build_args=("SOURCE_DATE_EPOCH=7",), environ=environ).options.build_args == {
        "SOURCE_DATE_EPOCH": "7"
    }


def test_values_become_typed(ask: Ask, tmp_path: Path) -> None:
    request = ask(
        tmp_path,
        tags=("app", "reg.example:5000/x/app:1"),
        labels=("a=1", "b", "c=="),
        platforms=("linux/amd64,linux/arm64", "arm"),
        add_hosts=("db:1.2.3.4", "six=[::1]", "old:::1"),
        ulimits=("nofile=1:2", "core=0"),
        shm_size="64m",
        jobs="3",
        network="default",
        no_cache_filter=("a,b", "c"),
    )
    options = request.options
    assert request.tags == ("docker.io/library/app:latest", "reg.example:5000/x/app:1")
    assert options.labels == {"a": "1", "b": "", "c": "="}
    assert [(p.os, p.architecture, p.variant) for p in options.platforms] == [
        ("linux", "amd64", ""),
        ("linux", "arm64", ""),
        ("linux", "arm", "v7"),
    ]
    assert options.add_hosts == (("db", "1.2.3.4"), ("six", "::1"), ("old", "::1"))
    assert options.ulimits == (("nofile", 1, 2), ("core", 0, 0))
    assert (options.shm_size, request.jobs, options.network) == (64 << 20, 3, "")
    assert options.no_cache == ("a", "b", "c")


def test_no_cache_means_everything(ask: Ask, tmp_path: Path) -> None:
    assert ask(tmp_path).options.no_cache is None
    assert ask(tmp_path, no_cache=True, no_cache_filter=("a",)).options.no_cache == ()


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("1", 1), ("2b", 2), ("1k", 1 << 10), ("1KB", 1 << 10), ("3M", 3 << 20), ("1gb", 1 << 30)],
)
def test_sizes(ask: Ask, tmp_path: Path, text: str, size: int) -> None:
    assert ask(tmp_path, shm_size=text).options.shm_size == size


def test_named_contexts(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir").mkdir()
    given = ("a=dir", "b=docker-image://busybox:1", "c=oci-layout://x:y", "d=host://", "e=dir")
    assert ask(tmp_path, contexts=given).contexts == (
        ContextSpec(name="a", kind="local", value=f"{tmp_path}/dir"),
        ContextSpec(name="b", kind="docker-image", value="busybox:1"),
        ContextSpec(name="c", kind="oci-layout", value="x:y"),
        ContextSpec(name="d", kind="host", value=""),
        ContextSpec(name="e", kind="local", value=f"{tmp_path}/dir"),
    )
    elsewhere = ("f=git@x.org:a", "g=https://x.org/a.git#v1", "h=https://x.org/a.txt", "i=target:stage", "j=input:a")
    assert [(spec.kind, spec.value) for spec in ask(tmp_path, contexts=elsewhere).contexts] == [
        ("git", "git@x.org:a"),
        ("git", "https://x.org/a.git#v1"),
        ("http", "https://x.org/a.txt"),
        ("target", "stage"),
        ("input", "a"),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "attributes"),
    [
        ("out", "local", {"dest": "/here/out"}),
        ("/a/b", "local", {"dest": "/a/b"}),
        ("-", "tar", {"dest": "-"}),
        ("type=tar", "tar", {}),
        ("type=oci,dest=x.tar", "oci", {"dest": "/here/x.tar"}),
        ("type=oci,dest=-", "oci", {"dest": "-"}),
        ("dest=x,type=local", "local", {"dest": "/here/x"}),
        ('type=oci,"name=a,b",dest=/x', "oci", {"name": "a,b", "dest": "/x"}),
        ("TYPE=oci,Dest=/x", "oci", {"dest": "/x"}),
        ("type=oci,annotation.a=b=c", "oci", {"annotation.a": "b=c"}),
    ],
)
def test_outputs(monkeypatch: pytest.MonkeyPatch, text: str, kind: str, attributes: dict[str, str]) -> None:
    monkeypatch.setattr("os.getcwd", lambda: "/here")
    assert parse_output(text) == (kind, attributes)


def test_a_context_of_a_strangers_source(write: Callable[..., Path]) -> None:
    directory = str(write({}))
    asked = []

    def schemes() -> tuple[str, ...]:
        asked.append(1)
        return ("brew",)

    def contexts(*texts: str) -> list[tuple[str, str]]:
        values = {**defaults(), "contexts": texts}
        made = make_request(values, [directory], environ={}, schemes=schemes)
        return [(spec.kind, spec.value) for spec in made.contexts]

    assert contexts("a=docker-image://x", "b=https://x.example/y") == [
        ("docker-image", "x"),
        ("http", "https://x.example/y"),
    ]
    assert not asked, "ladle's own kinds need no scan of what is installed"
    assert contexts("a=brew://stout?strong=1") == [("brew", "stout?strong=1")]
    with pytest.raises(UsageError) as caught:
        contexts("a=brwe://stout")
    assert "installed sources: brew" in caught.value.help
