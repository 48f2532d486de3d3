# SPDX-License-Identifier: Apache-2.0
"""`RUN --mount`: each option with its default, each check with its message (DF-43 to DF-48)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb import marshal
from ladle.llb.ops import CacheSharing, ExecOp, Mount, MountType

Compile = Callable[..., ExecOp]


@pytest.fixture
def step(make_context: Callable[..., Any]) -> Compile:
    """Return a function that compiles a RUN with these mounts, in /w, and returns its op."""

    def compile_step(*mounts: str, before: str = "", **options: Any) -> ExecOp:
        flags = " ".join(f"--mount={mount}" for mount in mounts)
        text = f"FROM alpine AS one\nFROM alpine\nWORKDIR /w\n{before}RUN {flags} x\n"
        result = DockerfileFrontend().compile(make_context(text, options=options))
        return next(vertex.op for vertex in marshal(result.images[0].state).vertices if isinstance(vertex.op, ExecOp))

    return compile_step


def only(op: ExecOp) -> Mount:
    """Return the one mount beside the root."""
    (mount,) = [mount for mount in op.mounts if mount.dest != "/"]
    return mount


@pytest.mark.row("DF-43")
@pytest.mark.parametrize(
    ("text", "selector", "readonly"),
    [
        ("target=/a", "", True),
        ("type=bind,dst=/a", "", True),
        ("type=BIND,destination=/a,source=/", "", True),
        ("target=/a,source=d/e", "/d/e", True),
        ("target=/a,src=../d", "/d", True),
        ("target=/a,from=one,source=/d", "/d", True),
        ("target=/a,rw", "", False),
        ("target=/a,readwrite=true", "", False),
        ("target=/a,rw=false", "", True),
        ("target=/a,ro=false", "", False),
        ("target=/a,readonly", "", True),
    ],
)
def test_bind(step: Compile, text: str, selector: str, readonly: bool) -> None:
    mount = only(step(text))
    assert (mount.mount_type, mount.dest, mount.selector) == (MountType.BIND, "/a", selector)
    assert (mount.readonly, mount.has_output) == (readonly, False)


@pytest.mark.row("DF-44")
@pytest.mark.parametrize(
    ("text", "id", "sharing", "readonly"),
    [
        ("target=/c", "//c", CacheSharing.SHARED, False),
        ("target=/c/../c/", "//c", CacheSharing.SHARED, False),
        ("target=/c,id=own", "/own", CacheSharing.SHARED, False),
        ("target=/c,sharing=private", "//c", CacheSharing.PRIVATE, False),
        ("target=/c,sharing=locked,ro", "//c", CacheSharing.LOCKED, True),
    ],
)
def test_cache(step: Compile, text: str, id: str, sharing: CacheSharing, readonly: bool) -> None:
    mount = only(step(f"type=cache,{text}"))
    assert mount.cache_opt is not None
    assert (mount.cache_opt.id, mount.cache_opt.sharing, mount.readonly) == (id, sharing, readonly)
    assert (mount.input, mount.has_output) == (-1, False)


@pytest.mark.row("DF-44")
def test_cache_with_first_contents_or_an_owner(step: Compile) -> None:
    for text in ("mode=0700", "uid=1", "gid=2"):
        made = only(step(f"type=cache,target=/c,{text}"))
        assert (made.selector, made.input >= 0) == ("/cache", True)
    seeded = only(step("type=cache,target=/c,from=one,source=/seed,uid=1"))
    assert (seeded.selector, seeded.input >= 0) == ("/seed", True)
    spaced = only(step("type=cache,target=/c", build_args={"BUILDKIT_CACHE_MOUNT_NS": "ns"})).cache_opt
    assert spaced is not None
    assert spaced.id == "ns//c"


@pytest.mark.row("DF-45")
@pytest.mark.parametrize(("text", "size"), [("", 0), (",size=64m", 64 << 20), (",size=1.5g", 3 << 29), (",size=7", 7)])
def test_tmpfs(step: Compile, text: str, size: int) -> None:
    mount = only(step(f"type=tmpfs,target=/t{text}"))
    assert mount.mount_type is MountType.TMPFS
    assert (mount.tmpfs_opt.size if mount.tmpfs_opt else 0) == size


@pytest.mark.row("DF-46")
@pytest.mark.parametrize(
    ("text", "dest", "values"),
    [
        ("id=a", "/run/secrets/a", ("a", 0, 0, 0o400, True)),
        ("source=b/c", "/run/secrets/c", ("b/c", 0, 0, 0o400, True)),
        ("target=/x/d", "/x/d", ("d", 0, 0, 0o400, True)),
        ("id=a,target=/x,required", "/x", ("a", 0, 0, 0o400, False)),
        ("id=a,mode=0440,uid=1,gid=2,required=true", "/run/secrets/a", ("a", 1, 2, 0o440, False)),
        ("id=a,env=A,target=/x,required=false", "/x", ("a", 0, 0, 0o400, True)),
    ],
)
def test_secret(step: Compile, text: str, dest: str, values: tuple[str, int, int, int, bool]) -> None:
    op = step(f"type=secret,{text}")
    mount, secret = only(op), only(op).secret_opt
    assert secret is not None
    assert (mount.dest, (secret.id, secret.uid, secret.gid, secret.mode, secret.optional)) == (dest, values)
    assert [(each.id, each.name) for each in op.secret_env] == ([("a", "A")] if "env" in text else [])


@pytest.mark.row("DF-46")
def test_a_secret_in_a_variable_alone_is_no_file(step: Compile) -> None:
    op = step("type=secret,id=a,env=A,required")
    assert [mount.dest for mount in op.mounts] == ["/"]
    assert [(each.id, each.name, each.optional) for each in op.secret_env] == [("a", "A", False)]


@pytest.mark.row("DF-47")
def test_ssh(step: Compile) -> None:
    op = step("type=ssh", "type=ssh,id=k,target=/s,required,mode=0640,uid=1,gid=2")
    first, second = (mount for mount in op.mounts if mount.ssh_opt is not None)
    assert [first.dest, second.dest] == ["/run/buildkit/ssh_agent.0", "/s"]
    assert first.ssh_opt is not None
    assert second.ssh_opt is not None
    assert (first.ssh_opt.mode, first.ssh_opt.optional) == (0o600, True)
    assert (second.ssh_opt.id, second.ssh_opt.uid, second.ssh_opt.gid) == ("k", 1, 2)
    assert (second.ssh_opt.mode, second.ssh_opt.optional) == (0o640, False)
    assert "SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0" in op.meta.env
    mine = step("type=ssh", before="ENV SSH_AUTH_SOCK=/mine\n")
    assert [entry for entry in mine.meta.env if "SSH" in entry] == ["SSH_AUTH_SOCK=/mine"]


@pytest.mark.row("DF-48")
def test_a_relative_target_is_below_the_working_directory(step: Compile) -> None:
    assert only(step("target=rel/")).dest.rstrip("/") == "/w/rel"
    assert only(step("type=tmpfs,target=t")).dest == "/w/t"


REFUSED = {
    "type=volume,target=/a": "unsupported mount type",
    "target=/a,mode=755": 'mode not allowed for "bind" type mounts',
    "type=tmpfs,target=/a,uid=1": 'uid not allowed for "tmpfs" type mounts',
    "target=/a,gid=1": 'gid not allowed for "bind" type mounts',
    "target=/a,sharing=locked": "invalid cache sharing set for bind mount",
    "type=cache,target=/a,sharing=some": "unsupported sharing value",
    "type=cache,target=/a,required": "unexpected key 'required' for mount type 'cache'",
    "target=/a,size=1": "unexpected key 'size' for mount type 'bind'",
    "type=tmpfs,target=/a,size=lots": "invalid value for size: lots",
    "type=secret": "invalid secret mount. one of source, target required",
    "type=secret,id=a,source=b": "both source and id can't be set",
    "type=secret,id=a,from=b": "secret mount should not have a from",
    "type=secret,id=a,sharing=shared": "secret mount should not define sharing",
    "type=secret,id=a,mode=9": "invalid value 9 for mode",
    "type=ssh,source=a": "ssh does not support source",
    "target=/": 'invalid mount target "/"',
    "type=tmpfs,target=/x/..": "invalid mount target",
    "target=/a,ro=perhaps": "invalid value for ro: perhaps",
    "target=/a,nothing": "invalid field 'nothing' must be a key=value pair",
    "target=/a,tarrget=/b": "unexpected key 'tarrget'",
}


@pytest.mark.row("DF-48", "DF-86")
@pytest.mark.parametrize("mount", REFUSED)
def test_checks_name_what_is_wrong_and_where(step: Compile, mount: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        step(mount)
    (diagnostic,) = caught.value.diagnostics
    assert REFUSED[mount] in diagnostic.message
    assert diagnostic.labels
