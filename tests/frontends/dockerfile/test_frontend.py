# SPDX-License-Identifier: Apache-2.0
"""What the options, contexts and other answers of the world change."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.frontend import BuildResult, Context, HostBase, NamedContext
from ladle.frontends.builtin import BUILTIN
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.ops import ExecOp, FileOp, MkDir, NetMode, Platform, SourceOp
from ladle.llb.vertex import Vertex

Make = Callable[..., Any]
ARM64 = Platform(os="linux", architecture="arm64")
AMD64 = Platform(os="linux", architecture="amd64")


def compile_context(context: Context) -> BuildResult:
    return DockerfileFrontend().compile(context)


def vertices(result: BuildResult, image: int = 0) -> list[Vertex]:
    made = result.images[image]
    return list(made.state.marshal(platform=made.platform).vertices)


def execs(result: BuildResult, image: int = 0) -> list[ExecOp]:
    return [vertex.op for vertex in vertices(result, image) if isinstance(vertex.op, ExecOp)]


def sources(result: BuildResult, image: int = 0) -> list[SourceOp]:
    return [vertex.op for vertex in vertices(result, image) if isinstance(vertex.op, SourceOp)]


def names(result: BuildResult, image: int = 0) -> list[str]:
    made = result.images[image]
    definition = made.state.marshal(platform=made.platform)
    return [definition.metadata_of(vertex).name for vertex in definition.vertices]


@pytest.mark.parametrize(
    ("path", "mine"),
    [
        ("Dockerfile", True),
        ("dir/dockerfile", True),
        ("Dockerfile.dev", True),
        ("app.Dockerfile", True),
        ("Containerfile", True),
        ("build.yaml", False),
        ("dockerfiles/readme.md", False),
    ],
)
def test_detect(path: str, mine: bool) -> None:
    assert DockerfileFrontend.detect(path, b"") is mine


def test_it_is_in_the_table_of_built_ins() -> None:
    module, _, name = BUILTIN["dockerfile"].partition(":")
    assert (module, name) == (DockerfileFrontend.__module__, DockerfileFrontend.__name__)


def test_importing_it_loads_neither_lark_nor_the_graph() -> None:
    code = (
        "import sys, ladle.frontends.dockerfile.frontend;"
        "print([name for name in ('lark', 'ladle.llb.ops', 'asyncio', 'pluggy', 'click') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_graph_is_the_same_for_every_hash_seed() -> None:
    code = """
from ladle.core.api.frontend import CompileOptions
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.ops import Platform
class Fake:
    options = CompileOptions(
        platforms=(Platform(os="linux", architecture="amd64"),), build_args={"http_proxy": "p", "A": "b"}
    )
    def build_file(self):
        return "Dockerfile", b"FROM scratch\\nARG A\\nENV B=$A\\nRUN x\\nCOPY a b c/ /d/\\nLABEL z=1 y=2\\nVOLUME /b /a"
    def named_context(self, name, *, platform): return None
    def ignore_file(self): return None
    def warn(self, diagnostic): pass
    def read(self, path, *, beside_build_file=False): return None
made = DockerfileFrontend().compile(Fake()).images[0]
print(made.state.marshal(platform=made.platform).to_bytes().hex(), made.config)
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_every_platform_is_compiled_and_named(make_context: Make) -> None:
    text = "FROM --platform=$BUILDPLATFORM busybox AS b\nARG TARGETARCH\nRUN make $TARGETARCH\n"
    text += "FROM busybox\nCOPY --from=b a /"
    made = compile_context(make_context(text, options={"platforms": (AMD64, ARM64)}))
    assert [image.platform for image in made.images] == [AMD64, ARM64]
    assert made.images[1].config["architecture"] == "arm64"
    assert "[linux/amd64->arm64 b 2/2] RUN make arm64" in names(made, 1)
    assert "[linux/arm64 stage-1 2/2] COPY --from=b a /" in names(made, 1)
    assert "[linux/amd64 b 2/2] RUN make amd64" in names(made, 0)


def test_build_arguments(make_context: Make) -> None:
    text = "ARG BASE=a\nFROM $BASE\nARG X=default\nARG Y\nARG BASE\nRUN x\nLABEL x=$X y=$Y base=$BASE"
    made = compile_context(make_context(text, options={"build_args": {"X": "given", "BASE": "b", "Z": "ignored"}}))
    assert made.images[0].config["config"]["Labels"] == {"x": "given", "y": "", "base": "b"}
    assert "X=given" in execs(made)[0].meta.env
    assert not any(text.startswith(("Y=", "Z=")) for text in execs(made)[0].meta.env)
    assert made.images[0].config["history"][-2]["created_by"] == "RUN |3 X=given Y= BASE=b /bin/sh -c x # buildkit"


def test_proxies_are_no_environment(make_context: Make) -> None:
    made = compile_context(
        make_context("FROM busybox\nRUN x", options={"build_args": {"HTTP_PROXY": "h", "no_proxy": "n"}})
    )
    (op,) = execs(made)
    assert op.meta.proxy_env is not None
    assert (op.meta.proxy_env.http_proxy, op.meta.proxy_env.no_proxy) == ("h", "n")
    assert op.meta.env == ("PATH=/bin", "LANG=C")
    assert made.images[0].config["history"][-1]["created_by"] == "RUN /bin/sh -c x # buildkit"


def test_what_the_command_line_puts_on_every_run(make_context: Make) -> None:
    options = {
        "network": "none",
        "hostname": "here",
        "add_hosts": (("db", "10.0.0.1"),),
        "ulimits": (("nofile", 1, 2),),
        "shm_size": 4096,
        "labels": {"z": "1"},
    }
    made = compile_context(make_context("FROM busybox\nRUN x\nRUN --network=host y", options=options))
    first, second = execs(made)
    assert (first.network, second.network) == (NetMode.NONE, NetMode.HOST)
    assert first.meta.hostname == "here"
    assert [(host.host, host.ip) for host in first.meta.extra_hosts] == [("db", "10.0.0.1")]
    assert [(limit.name, limit.soft, limit.hard) for limit in first.meta.ulimit] == [("nofile", 1, 2)]
    assert [mount.dest for mount in first.mounts] == ["/", "/dev/shm"]
    assert made.images[0].config["config"]["Labels"] == {"z": "1"}


@pytest.mark.parametrize(
    ("no_cache", "ignored"), [(None, []), ((), ["one", "two"]), (("ONE",), ["one"]), (("other",), [])]
)
def test_no_cache(make_context: Make, no_cache: tuple[str, ...] | None, ignored: list[str]) -> None:
    text = "FROM busybox AS one\nRUN one\nFROM one AS two\nRUN two"
    image = compile_context(make_context(text, options={"no_cache": no_cache})).images[0]
    definition = image.state.marshal(platform=image.platform)
    found = [
        vertex.op.meta.args[-1]
        for vertex in definition.vertices
        if isinstance(vertex.op, ExecOp) and definition.metadata_of(vertex).ignore_cache
    ]
    assert found == ignored


def test_source_date_epoch(make_context: Make) -> None:
    text = "FROM scratch\nWORKDIR /a\nCOPY x y"
    made = compile_context(make_context(text, options={"build_args": {"SOURCE_DATE_EPOCH": "60"}}))
    assert made.epoch == 60
    assert made.images[0].config["created"] == "1970-01-01T00:01:00Z"
    actions = [vertex.op.actions[0].action for vertex in vertices(made) if isinstance(vertex.op, FileOp)]
    assert [action.timestamp for action in actions if not isinstance(action, str)] == [60 * 10**9] * 2  # type: ignore[union-attr]
    assert isinstance(actions[0], MkDir)
    assert compile_context(make_context("ARG SOURCE_DATE_EPOCH=7\nFROM scratch")).epoch == 7
    assert compile_context(make_context("FROM scratch")).epoch is None


def test_the_host_is_mounted_on_its_runs_and_copied_by_nobody(make_context: Make) -> None:
    text = "FROM base AS b\nRUN make\nFROM scratch\nCOPY --from=b /out /"
    host = HostBase(dirs=("/usr", "/lib"), env=("LANG=C.UTF-8",))
    named = {"base": NamedContext(name="base", kind="host", host=host)}
    made = compile_context(make_context(text, named=named))
    (op,) = execs(made)
    assert [(mount.dest, mount.readonly) for mount in op.mounts] == [("/", False), ("/lib", True), ("/usr", True)]
    assert "LANG=C.UTF-8" in op.meta.env
    assert any(entry.startswith("PATH=") for entry in op.meta.env)
    same = compile_context(make_context(text.replace("FROM base", "FROM host://"), host=host))
    assert execs(same) == [op]
    with pytest.raises(DiagnosticError, match="may not use the host"):
        compile_context(make_context("FROM host://\nRUN x"))


def test_images_by_scheme(make_context: Make) -> None:
    context = make_context("FROM docker-image://busybox\nCOPY --from=oci-layout://store/x:1 a b")
    compile_context(context)
    assert context.asked == ["oci-layout://store/x:1", "docker-image://busybox"]


def test_a_named_directory_is_narrowed_to_what_is_copied(make_context: Make) -> None:
    lib = NamedContext(name="lib", kind="local", local="ctx-lib", ignore="*.o\n")
    text = "FROM scratch\nCOPY --from=lib b a /\nCOPY --from=lib:1 c /"
    made = compile_context(make_context(text, named={"lib": lib, "lib:1": lib}))
    (op,) = sources(made)
    assert op.identifier == "local://ctx-lib"
    assert op.attr("local.followpaths") == '["a","b","c"]'
    assert op.attr("local.excludepatterns") == '["*.o"]'


def test_a_named_directory_as_a_base_is_taken_whole(make_context: Make) -> None:
    named = {"root": NamedContext(name="root", kind="local", local="r")}
    (op,) = sources(compile_context(make_context("FROM root\nLABEL a=1", named=named)))
    assert op.attr("local.followpaths") == ""


def test_a_named_context_stands_for_a_stage(make_context: Make) -> None:
    named = {"build": NamedContext(name="build", kind="local", local="prebuilt")}
    text = "FROM busybox AS build\nRUN never\nFROM scratch\nCOPY --from=build /out /"
    made = compile_context(make_context(text, named=named))
    assert [op.identifier for op in sources(made)] == ["local://prebuilt"]
    assert not execs(made)


def test_ignore_rules_go_with_the_context(make_context: Make) -> None:
    files = {".dockerignore": b"# x\n/out\n!out/keep\n"}
    (op,) = sources(compile_context(make_context("FROM scratch\nCOPY . /", files=files)))
    assert op.attr("local.excludepatterns") == '["out","!out/keep"]'


def test_only_what_the_target_needs_is_looked_up(make_context: Make) -> None:
    context = make_context("FROM missing AS never\nFROM scratch AS two\nRUN x\nFROM never", options={"target": "TWO"})
    compile_context(context)
    assert context.asked == []


def test_an_image_without_layers_is_scratch(make_context: Make) -> None:
    images = {"docker.io/library/empty:latest": {"config": {"Env": ["A=1"]}, "rootfs": {"diff_ids": []}}}
    made = compile_context(make_context("FROM empty", images=images))
    assert made.images[0].state.is_scratch
    assert made.images[0].config["config"]["Env"][0] == "A=1"


def test_a_misspelled_stage_is_suggested(make_context: Make) -> None:
    with pytest.raises(DiagnosticError) as caught:
        compile_context(make_context("FROM busybox AS missin\nFROM scratch\nCOPY --from=missing a b"))
    assert "did you mean missin?" in caught.value.diagnostics[0].labels[0].text
    with pytest.raises(DiagnosticError, match=r"could not be found \(did you mean build\?\)"):
        compile_context(make_context("FROM scratch AS build", options={"target": "biuld"}))


def test_2000_instructions_compile_fast(make_context: Make) -> None:
    parts = (
        'ARG A{0}=x$A\nENV E{0}=${{A{0}}} F{0}="two words"\nRUN echo $E{0} && \\\n  make "$F{0}"\n'
        "COPY --chown=5:5 src{0}/*.c /dst/{0}/\nWORKDIR /w/{0}\nLABEL l{0}=$E{0}\nEXPOSE {1}\nUSER u\n"
    )
    text = "FROM busybox\n" + "".join(parts.format(number, number + 1) for number in range(250))
    compile_context(make_context("FROM scratch"))
    start = time.process_time()
    compile_context(make_context(text))
    assert time.process_time() - start < 1.5
