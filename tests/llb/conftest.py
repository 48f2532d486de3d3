# SPDX-License-Identifier: Apache-2.0
"""Graphs that several test files look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladle import llb
from ladle.llb import mounts
from ladle.llb.ops import CacheSharing, HostIP, NetMode, Platform, ProxyEnv, SecurityMode, Ulimit

AMD64 = Platform(os="linux", architecture="amd64")


@pytest.fixture(scope="session")
def amd64() -> Platform:
    return AMD64


@pytest.fixture(scope="session")
def rich() -> llb.Definition:
    """A graph with every kind of op, most options, metadata, locations and two results."""
    info = llb.SourceInfo(filename="Dockerfile", language="Dockerfile", data=b"FROM alpine\nRUN make\n")
    line = llb.Location(source=info, ranges=(llb.Range(start_line=2, end_line=2, end_character=8),))
    context = llb.local("context", include_patterns=["src/**", "a&b"], exclude_patterns=["*.o"], shared_key_hint="ctx")
    base = llb.image("alpine", resolve_mode="local", layer_limit=3).env(PATH="/bin").dir("/w").user("kim")
    made = base.run(
        "make -j 4",
        mounts=[
            mounts.bind(context, "src", path="/src", keep=True),
            mounts.cache("/cache", sharing=CacheSharing.LOCKED),
            mounts.tmpfs("/t", size=4096),
            mounts.secret("tok", optional=True),
            mounts.ssh("/run/agent", id="default"),
        ],
        secret_env=[mounts.secret_env("tok", "TOKEN")],
        extra_hosts=[HostIP(host="h", ip="10.0.0.1")],
        ulimit=[Ulimit(name="nofile", soft=10, hard=20)],
        proxy_env=ProxyEnv(http_proxy="http://p"),
        network=NetMode.NONE,
        security=SecurityMode.SANDBOX,
        valid_exit_codes=[0, 3],
        name="RUN make",
        location=line,
        meta=llb.OpMetadata(progress_group=llb.ProgressGroup(id="g", name="all"), export_cache=False, caps=("x",)),
    )
    staged = llb.Actions().mkdir("/stage", parents=True).mkfile("/stage/f", b"\x00\xff").on(None)
    chain = (
        llb.Actions()
        .mkdir("out", mode=0o700, owner="1000:staff")
        .copy(made.mount("src"), "/bin/*", "out/", allow_wildcard=True, create_dest_path=True, mode_str="u=rwX")
        .copy(staged, "/stage/f", "/etc/", include_patterns=("f",), timestamp=0)
        .rm("/tmp/x", allow_not_found=True)
        .symlink("../a", "link")
    )
    files = made.root.file(chain, ignore_cache=True)
    fetched = llb.git("https://example.org/team/repo.git", "v1", subdir="sub", keep_git_dir=True)
    merged = llb.merge([llb.diff(base, files), fetched, llb.http("https://example.org/x", perm=0o755)])
    first, second = llb.passthrough("together", [merged, llb.oci_layout("store@sha256:" + "0" * 64, store="s")])
    nested = llb.build(first.requires("later", second), filename="graph.llb", inputs={"more": context})
    return llb.marshal({"": nested, "empty": llb.scratch()}, platform=AMD64)


@pytest.fixture(scope="session")
def golden() -> Path:
    """What the real BuildKit made of some Dockerfiles."""
    return Path(__file__).parents[1] / "cases" / "golden"
