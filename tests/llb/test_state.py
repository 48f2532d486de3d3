# SPDX-License-Identifier: Apache-2.0
"""The builder: what each method puts into the graph, and what later steps inherit."""

from __future__ import annotations

from typing import Any

import pytest

from ladle import llb
from ladle.llb import mounts
from ladle.llb.errors import LLBError
from ladle.llb.ops import (
    BuildOp,
    ById,
    ByName,
    CacheOpt,
    ContentCache,
    Copy,
    DiffOp,
    ExecOp,
    FileOp,
    HostIP,
    MergeOp,
    MountType,
    NetMode,
    PassthroughOp,
    Platform,
    SecurityMode,
    Ulimit,
)
from ladle.llb.settings import Environment

BASE = llb.image("alpine")
ARM = Platform(os="linux", architecture="arm64")


def last(state: llb.State, platform: Platform | None = None) -> llb.Vertex:
    head = llb.marshal(state, platform=platform).head
    assert head is not None
    return head.vertex


def exec_of(state: llb.State) -> ExecOp:
    op = last(state).op
    assert isinstance(op, ExecOp)
    return op


def file_of(state: llb.State) -> FileOp:
    op = last(state).op
    assert isinstance(op, FileOp)
    return op


def test_settings_are_inherited_and_states_do_not_change() -> None:
    state = (
        BASE.env(A="1").add_env("B", "2").dir("/srv").dir("app").user("kim").hostname("box").network(NetMode.HOST)
        .security(SecurityMode.INSECURE).add_extra_host("h", "1.2.3.4").add_ulimit("core", 0, 1).cgroup_parent("p")
    )  # fmt: skip
    op = exec_of(state.run(["true"]).root)
    meta = op.meta
    assert (meta.env, meta.cwd, meta.user, meta.hostname) == (("A=1", "B=2"), "/srv/app", "kim", "box")
    assert (op.network, op.security, meta.cgroup_parent) == (NetMode.HOST, SecurityMode.INSECURE, "p")
    assert meta.extra_hosts == (HostIP(host="h", ip="1.2.3.4"),)
    assert meta.ulimit == (Ulimit(name="core", soft=0, hard=1),)
    assert exec_of(BASE.run(["true"]).root).meta.env == ()
    assert exec_of(state.reset().run(["true"]).root).meta.cwd == "/"
    assert exec_of(BASE.reset(state).run(["true"]).root).meta.cwd == "/srv/app"
    assert (state.get_env("A"), state.get_env("C"), state.get_dir(), state.get_user()) == ("1", None, "/srv/app", "kim")


def test_what_is_given_to_a_run_wins_there_only() -> None:
    state = BASE.env(A="1", B="2").dir("/srv").user("kim")
    made = state.run("sh -c 'echo a  b'", env={"A": "3"}, cwd="sub", user="", network=NetMode.NONE).root
    meta = exec_of(made).meta
    assert meta.args == ("sh", "-c", "echo a  b")
    assert (meta.env, meta.cwd, meta.user) == (("B=2", "A=3"), "/srv/sub", "")
    assert exec_of(made.run(["x"]).root).meta.env == ("A=1", "B=2")


def test_environments_are_shared_between_steps() -> None:
    one = BASE.env(A="1").run(["a"]).root
    two = one.run(["b"]).root
    assert exec_of(one).meta.env is exec_of(two).meta.env
    assert Environment.parse(["A=1", "B=x=y", "C"]).values == {"A": "1", "B": "x=y", "C": ""}
    assert BASE.with_environment(Environment({"Z": "1"})).get_env("Z") == "1"
    assert Environment({"A": "1", "B": "2"}).without("A").texts == ("B=2",)
    with pytest.raises(LLBError, match="variable 'A=B'"):
        BASE.add_env("A=B", "x")


def test_mounts_are_ordered_numbered_and_share_inputs() -> None:
    tool = llb.image("tool")
    made = BASE.dir("/w").run(
        ["x"],
        mounts=[
            mounts.secret("s"),
            mounts.bind(tool, "z", keep=True),
            mounts.bind(tool, "/a", path="/sub"),
            mounts.cache("/m", source=tool),
            mounts.bind(BASE, "/n", keep=True),
            mounts.bind(None, "/empty"),
        ],
    )
    rows = [(mount.dest, mount.input, mount.output) for mount in exec_of(made.root).mounts]
    assert rows == [
        ("/", 0, 0), ("/a", 1, -1), ("/empty", -1, -1), ("/m", 1, -1), ("/n", 0, 1), ("/w/z", 1, 2),
        ("/run/secrets/s", -1, 0),
    ]  # fmt: skip
    assert [llb.marshal(made.mount(target)).head for target in ("/n", "z")] == [
        llb.Edge(last(made.root), 1),
        llb.Edge(last(made.root), 2),
    ]
    with pytest.raises(LLBError, match="nothing is kept of a mount at '/a'"):
        made.mount("/a")


def test_a_read_only_root_leaves_the_state_as_it_was() -> None:
    made = BASE.run(["x"], readonly_root=True, mounts=[mounts.bind(None, "/out", keep=True)])
    assert made.root is BASE
    assert [mount.output for mount in exec_of(made.mount("/out")).mounts] == [-1, 0]


def test_kinds_of_mounts() -> None:
    specs = [mounts.tmpfs("/t"), mounts.ssh("/agent"), mounts.secret("s", "/s", mode=0o440), mounts.cache("/c")]
    op = exec_of(BASE.run(["x"], mounts=specs, secret_env=[mounts.secret_env("tok")]).root)
    kinds = [mount.mount_type for mount in op.mounts]
    assert kinds == [MountType.BIND, MountType.CACHE, MountType.TMPFS, MountType.SECRET, MountType.SSH]
    assert op.mounts[1].cache_opt == CacheOpt(id="/c")
    assert (op.secret_env[0].id, op.secret_env[0].name) == ("tok", "tok")


def test_host_brings_its_directories_to_every_run_and_to_nothing_else() -> None:
    host = llb.host(["/usr", "/lib"])
    made = host.mkdir("/x").run(["cc"], mounts=[mounts.bind(BASE, "/lib")]).root
    op = exec_of(made.run(["ld"]).root)
    assert [(mount.dest, mount.readonly, mount.output, mount.content_cache) for mount in op.mounts[1:]] == [
        ("/lib", True, -1, ContentCache.OFF),
        ("/usr", True, -1, ContentCache.OFF),
    ]
    own = exec_of(made).mounts
    assert [(mount.dest, mount.content_cache) for mount in own] == [
        ("/", ContentCache.DEFAULT), ("/lib", ContentCache.DEFAULT), ("/usr", ContentCache.OFF),
    ]  # fmt: skip
    names = {getattr(vertex.op, "identifier", "") for vertex in llb.marshal(host.mkdir("/x")).vertices}
    assert names == {"host://", ""}
    with pytest.raises(LLBError, match="'usr' is not an absolute directory"):
        llb.host(["usr"])


def test_several_actions_are_one_vertex() -> None:
    context = llb.local("context")
    chain = llb.Actions().copy(context, "a", "x/").copy(context, "/b", "x/.").copy(BASE, "../c", "y", owner="kim:5")
    state = BASE.dir("/w").file(chain)
    op = file_of(state)
    assert [(act.input, act.secondary_input, act.output) for act in op.actions] == [(0, 1, -1), (2, 1, -1), (3, 0, 0)]
    assert [(act.action.src, act.action.dest) for act in op.actions if isinstance(act.action, Copy)] == [
        ("/a", "/w/x/"), ("/b", "/w/x/."), ("/c", "/w/y"),
    ]  # fmt: skip
    owner = op.actions[2].action.owner  # type: ignore[union-attr]
    assert owner is not None
    assert (owner.user, owner.group) == (ByName(name="kim", input=0), ById(id=5))
    assert len(llb.marshal(state).vertices) == 3


def test_a_copy_may_read_another_chain() -> None:
    inner = llb.Actions().mkdir("/d").mkfile("/d/f", "text").on(None)
    op = file_of(BASE.file(llb.Actions().mkdir("/x").copy(inner, "/d/f", "/x/f").rm("/y")))
    assert [(act.input, act.secondary_input, act.output) for act in op.actions] == [
        (0, -1, -1), (-1, -1, -1), (2, -1, -1), (1, 3, -1), (4, -1, 0),
    ]  # fmt: skip


def test_single_actions_and_paths() -> None:
    state = BASE.dir("/w")
    made: list[Any] = [
        file_of(step).actions[0].action
        for step in (
            state.mkdir("a/../b"), state.mkfile("f", "é"), state.rm("/../../x"), state.symlink("../t", "l"),
            state.copy(BASE.dir("/src"), "rel", "to/", dir_copy_contents=True),
        )
    ]  # fmt: skip
    assert [made[0].path, made[1].path, made[2].path, made[3].newpath] == ["/w/b", "/w/f", "/x", "/w/l"]
    assert (made[1].data, made[3].oldpath) == ("é".encode(), "../t")
    assert (made[4].src, made[4].dest, made[4].mode, made[4].dir_copy_contents) == ("/src/rel", "/w/to/", -1, True)


def test_the_platform_is_the_steps_or_the_states_or_that_of_marshal() -> None:
    amd64 = Platform(os="linux", architecture="amd64")
    assert last(BASE).platform is None
    assert last(BASE, amd64).platform == amd64
    pinned = llb.image("alpine", platform=ARM)
    assert last(pinned.run(["x"]).root, amd64).platform == ARM
    assert last(BASE.platform(ARM).run(["x"]).root, amd64).platform == ARM
    assert last(BASE.run(["x"], platform=ARM).root, amd64).platform == ARM
    assert last(pinned.mkdir("/x"), amd64).platform is None
    assert last(llb.local("context"), amd64).platform is None


def test_composing() -> None:
    one, two = BASE.mkdir("/1"), BASE.mkdir("/2")
    assert last(llb.merge([llb.scratch(), one])).op == last(one).op
    assert llb.merge([llb.scratch()]).is_scratch
    assert last(llb.merge([one, two, one])).op == MergeOp(inputs=(0, 1, 0))
    assert last(llb.diff(one, two)).op == DiffOp(lower=0, upper=1)
    assert last(llb.diff(one, llb.scratch())).op == DiffOp(lower=0, upper=-1)
    assert last(llb.diff(llb.scratch(), two)) == last(two)
    assert last(one.requires("gate", two, one)).op == PassthroughOp(id="gate", outputs=(0,))
    both = llb.passthrough("gate", [one, two])
    assert last(both[0]) == last(both[1])
    assert last(llb.build(one, inputs={"a": two})).op == BuildOp(inputs=(("a", 0), ("buildkit.llb.definition", 1)))
    for wrong in (
        lambda: llb.passthrough("x", []),
        lambda: llb.build(llb.scratch()),
        lambda: llb.scratch().requires("x"),
    ):
        with pytest.raises(LLBError, match="scratch"):
            wrong()


def test_functions_of_a_state_chain() -> None:
    state = llb.scratch().with_(lambda each: each.dir("/a"), lambda each: each.mkdir("b"))
    assert file_of(state.with_output(state)).actions[0].action.path == "/a/b"  # type: ignore[union-attr]
    assert BASE.apply(llb.State.add_env, "A", "1").get_env("A") == "1"


def test_options_of_steps() -> None:
    state = BASE.mkdir("/x", name="make x", constraints=("gpu",), meta=llb.OpMetadata(description=(("a", "1"),)))
    definition = llb.marshal(state)
    made = definition.vertices[-1]
    assert made.constraints == ("gpu",)
    assert definition.metadata_of(made).description == (("a", "1"), ("llb.customname", "make x"))
    with pytest.raises(LLBError, match="unknown option 'colour'"):
        BASE.mkdir("/x", colour="red")  # type: ignore[call-arg]
    with pytest.raises(LLBError, match="copy: unknown option 'colour'"):
        llb.Actions().copy(BASE, "/a", "/b", colour="red")
    with pytest.raises(LLBError, match="cannot be split"):
        BASE.run("echo '")
    with pytest.raises(LLBError, match="no actions"):
        BASE.file(llb.Actions())


def test_a_definition_can_be_built_on(rich: llb.Definition) -> None:
    state = llb.State.from_definition(rich)
    more = llb.marshal(state.mkdir("/more"))
    assert more.vertices[:-1] == rich.vertices
    assert {more.metadata_of(vertex) for vertex in rich.vertices} == {rich.metadata_of(each) for each in rich.vertices}
    assert more.locations == rich.locations
    assert llb.State.from_definition(rich, "empty").is_scratch
