# SPDX-License-Identifier: Apache-2.0
"""ARGs and the build arguments that mean something: what steps see of them, and what the cache does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.ops import ExecOp, FileOp

Make = Callable[..., Any]


def vertices(make: Make, text: str, **build_args: str) -> list[Any]:
    """Return the vertices of a file that is compiled with some build arguments."""
    image = DockerfileFrontend().compile(make(text, options={"build_args": build_args})).images[0]
    return list(image.state.marshal(platform=image.platform).vertices)


def environments(make: Make, text: str, **build_args: str) -> list[dict[str, str]]:
    """Return what the RUN steps see, without PATH and the base's own."""
    steps = [vertex.op.meta.env for vertex in vertices(make, text, **build_args) if isinstance(vertex.op, ExecOp)]
    return [
        {name: value for name, _, value in (entry.partition("=") for entry in step) if name not in ("PATH", "LANG")}
        for step in steps
    ]


@pytest.mark.row("DF-30", "DF-73")
def test_a_global_argument_is_seen_where_it_is_declared_again(make_context: Make) -> None:
    text = "ARG A=1\nFROM busybox\nRUN x\nARG A\nRUN y\nARG A=2\nRUN z\n"
    assert environments(make_context, text) == [{}, {"A": "1"}, {"A": "2"}]
    assert environments(make_context, text, A="9") == [{}, {"A": "9"}, {"A": "9"}]


@pytest.mark.row("DF-73")
def test_a_stage_on_a_stage_has_its_arguments(make_context: Make) -> None:
    text = "FROM busybox AS one\nARG A=1\nENV B=2\nFROM one\nRUN x\n"
    assert environments(make_context, text) == [{"A": "1", "B": "2"}]


@pytest.mark.row("DF-74", "DF-29")
def test_of_arg_and_env_the_later_line_wins(make_context: Make) -> None:
    assert environments(make_context, "FROM busybox\nENV X=1\nARG X=2\nRUN x\n") == [{"X": "2"}]
    assert environments(make_context, "FROM busybox\nARG X=2\nENV X=1\nRUN x\n", X="3") == [{"X": "1"}]
    assert environments(make_context, "FROM busybox\nENV X=1\nARG X\nRUN x\n") == [{"X": "1"}]


@pytest.mark.row("DF-75")
def test_an_argument_changes_runs_and_no_copies(make_context: Make) -> None:
    text = "FROM busybox AS one\nARG A\nRUN x\nFROM busybox\nARG A\nCOPY a /a\nCOPY --from=one b /b\n"

    def digests(value: str) -> tuple[str, str]:
        found = vertices(make_context, text, A=value)
        (run,) = [vertex.digest for vertex in found if isinstance(vertex.op, ExecOp)]
        return run, next(vertex.digest for vertex in found if isinstance(vertex.op, FileOp))

    (run, copy), (other_run, same_copy) = digests("1"), digests("2")
    assert run != other_run
    assert copy == same_copy


@pytest.mark.row("DF-64")
def test_the_host_name_of_steps(make_context: Make) -> None:
    (step,) = [
        vertex.op
        for vertex in vertices(make_context, "FROM busybox\nRUN x\n", BUILDKIT_SANDBOX_HOSTNAME="box")
        if isinstance(vertex.op, ExecOp)
    ]
    assert step.meta.hostname == "box"


@pytest.mark.row("DF-65")
def test_the_space_of_cache_names(make_context: Make) -> None:
    text = "FROM busybox\nRUN --mount=type=cache,target=/c x\n"
    for given, wanted in (({}, "//c"), ({"BUILDKIT_CACHE_MOUNT_NS": "me"}, "me//c")):
        (step,) = [vertex.op for vertex in vertices(make_context, text, **given) if isinstance(vertex.op, ExecOp)]
        assert [mount.cache_opt.id for mount in step.mounts if mount.cache_opt] == [wanted]


@pytest.mark.row("DF-70")
def test_what_scanners_are_told_is_no_variable(make_context: Make) -> None:
    text = "FROM busybox\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nARG BUILDKIT_SBOM_SCAN_CONTEXT=true\nRUN x\n"
    assert environments(make_context, text) == [{}]


@pytest.mark.row("DF-69")
def test_the_epoch_is_the_time_of_what_is_made(make_context: Make) -> None:
    found = vertices(make_context, "FROM scratch\nCOPY a /\n", SOURCE_DATE_EPOCH="1700000000")
    (file,) = [vertex.op for vertex in found if isinstance(vertex.op, FileOp)]
    assert getattr(file.actions[0].action, "timestamp", 0) == 1_700_000_000 * 10**9


@pytest.mark.row("DF-87")
@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ("FROM b AS a\nFROM a AS b\nCOPY --from=c x /\nFROM b AS c\n", "", "circular dependency detected on stage: "),
        ("FROM scratch AS build\n", "biuld", 'target stage "biuld" could not be found (did you mean build?)'),
        ("FROM missing\n", "", "failed to resolve source metadata for "),
    ],
)
def test_stages_that_are_not_there(make_context: Make, text: str, target: str, said: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        DockerfileFrontend().compile(make_context(text, options={"target": target}))
    assert any(said in each.message for each in caught.value.diagnostics), caught.value.diagnostics


@pytest.mark.row("DF-40", "DF-35", "DF-36", "DF-37", "DF-38")
def test_what_goes_to_the_config(make_context: Make) -> None:
    text = 'FROM busybox\nMAINTAINER me\nSHELL ["sh","-x"]\nSTOPSIGNAL 9\nUSER a:b\nVOLUME /v ["/w"]\nVOLUME ["/x"]\n'
    config = DockerfileFrontend().compile(make_context(text)).images[0].config
    assert config["author"] == "me"
    assert config["config"]["Shell"] == ["sh", "-x"]
    assert config["config"]["StopSignal"] == "9"
    assert config["config"]["User"] == "a:b"
    assert "/v" in config["config"]["Volumes"]
    assert "/x" in config["config"]["Volumes"]
