# SPDX-License-Identifier: Apache-2.0
"""What identifies a step, and what must not: FEATURES SV-10 and SV-11."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from ladle.core.build.runners.environment import Environment
from ladle.core.build.runners.exec import ExecRunner
from ladle.llb.ops import CacheOpt, ExecOp, HostIP, Meta, Mount, MountType, Platform, ProxyEnv, SourceOp
from ladle.llb.vertex import Edge, Vertex

ROOT = Mount(dest="/", input=0, output=0)
STEP = ExecOp(meta=Meta(args=("true",), env=("A=1",)), mounts=(ROOT,))
BASE = Vertex(op=SourceOp(identifier="docker-image://docker.io/library/busybox:latest"))
FILES = Vertex(op=SourceOp(identifier="local://context"))
MACHINE = Vertex(op=SourceOp(identifier="host:///usr"))


class _Nothing:
    services = None
    standing = ""


def runner(op: ExecOp, *inputs: Vertex, platform: Platform | None = None) -> ExecRunner:
    vertex = Vertex(op=op, inputs=tuple(Edge(source) for source in inputs or (BASE,)), platform=platform)
    return ExecRunner(vertex, op, cast("Environment", _Nothing()))


def with_meta(**fields: Any) -> ExecOp:
    return replace(STEP, meta=replace(STEP.meta, **fields))


DIFFERENT = {
    "args": with_meta(args=("false",)),
    "env": with_meta(env=("A=2",)),
    "cwd": with_meta(cwd="/tmp"),
    "user": with_meta(user="7"),
    "host name": with_meta(hostname="other"),
    "extra host": with_meta(extra_hosts=(HostIP(host="a", ip="1.2.3.4"),)),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_the_step_sees_is_in_its_key(what: str) -> None:
    assert runner(DIFFERENT[what]).key_parts() != runner(STEP).key_parts()


def test_the_platform_is_in_the_key() -> None:
    arm = Platform(os="linux", architecture="arm64")
    assert runner(STEP, platform=arm).key_parts() != runner(STEP).key_parts()


def test_proxies_and_addresses_of_extra_hosts_are_not() -> None:
    proxied = with_meta(proxy_env=ProxyEnv(http_proxy="http://p"))
    assert runner(proxied).key_parts() == runner(STEP).key_parts()
    here, there = (with_meta(extra_hosts=(HostIP(host="a", ip=ip),)) for ip in ("1.2.3.4", "5.6.7.8"))
    assert runner(here).key_parts() == runner(there).key_parts()


def test_what_of_an_input_is_mounted_is_in_the_key_although_its_content_counts() -> None:
    first, second = (
        replace(STEP, mounts=(ROOT, Mount(dest="/m", input=1, selector=path, readonly=True))) for path in ("/a", "/b")
    )
    assert runner(first, BASE, FILES).key_parts() != runner(second, BASE, FILES).key_parts()


def test_a_read_only_mount_counts_by_content_and_the_root_by_record() -> None:
    step = replace(STEP, mounts=(ROOT, Mount(dest="/m", input=1, selector="/a", readonly=True)))
    root, mount = runner(step, BASE, FILES).uses()
    assert not root.by_content
    assert mount.by_content
    assert [selector["path"] for selector in mount.selectors] == ["/a"]


def test_a_writable_mount_that_is_kept_counts_by_record() -> None:
    step = replace(STEP, mounts=(ROOT, Mount(dest="/m", input=1, output=1)))
    assert not runner(step, BASE, FILES).uses()[1].by_content


def test_the_machine_counts_by_its_own_key() -> None:
    step = replace(STEP, mounts=(ROOT, Mount(dest="/usr", input=1, readonly=True)))
    assert not runner(step, BASE, MACHINE).uses()[1].by_content


def test_the_identity_of_a_cache_is_no_part_of_the_key() -> None:
    one, other = (
        replace(STEP, mounts=(ROOT, Mount(dest="/c", mount_type=MountType.CACHE, cache_opt=CacheOpt(id=name))))
        for name in ("a", "b")
    )
    assert runner(one).key_parts() == runner(other).key_parts()
