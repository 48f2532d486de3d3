# SPDX-License-Identifier: Apache-2.0
"""Stages: their names and bases, the target, and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError, SourceText
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.parse import parse
from ladle.frontends.dockerfile.stages import StageGraph, last_stage_name, needed, stage_graph
from ladle.frontends.dockerfile.words import Style

FILE = """\
FROM busybox AS one
RUN a
FROM one AS Two
COPY --from=ONE x y
FROM scratch AS three
COPY --from=1 x y
COPY --from=elsewhere x y
WORKDIR /z
FROM one AS two
"""


def graph(text: str, **values: str) -> StageGraph:
    return stage_graph(parse(SourceText("Dockerfile", text)), values, Style())


def test_names_bases_and_copies() -> None:
    one, two, three, again = graph(FILE).stages
    assert [stage.name for stage in (one, two, three, again)] == ["one", "two", "three", "two"]
    assert two.base is one
    assert again.base is one
    assert two.copies == {0: one}
    assert three.copies[0] is two
    assert three.copies[1].base_name == "elsewhere"
    assert [stage.steps for stage in (one, two, three, again)] == [2, 1, 3, 0]


def test_the_target_is_the_last_stage_or_the_last_of_its_name() -> None:
    made = graph(FILE)
    assert made.target("") is made.stages[3]
    assert made.target("TWO") is made.stages[3]
    assert made.target("three") is made.stages[2]
    assert made.target("2") is None
    assert last_stage_name(parse(SourceText("Dockerfile", FILE))) == "two"


def test_only_what_the_target_is_made_from_is_needed() -> None:
    made = graph(FILE)
    assert {stage.name for stage in needed(made.stages[3])} == {"two", "one"}
    assert len(needed(made.stages[2])) == 4


def test_a_stage_alone_has_no_shown_name() -> None:
    assert graph("FROM scratch").alone
    assert not graph("FROM scratch\nCOPY --from=busybox a b").alone
    assert graph("FROM scratch\nFROM scratch").stages[1].shown == "stage-1"


def test_variables_in_from() -> None:
    (stage,) = graph("FROM --platform=$P ${B:-x}", P="linux/arm64", B="img").stages
    assert stage.base_name == "img"
    assert stage.platform is not None
    assert stage.platform.architecture == "arm64"


@pytest.mark.parametrize("text", ["FROM a AS a\nCOPY --from=a x y", "FROM a AS b\nCOPY --from=1 x y\nFROM b"])
def test_stages_that_need_themselves(text: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        graph(text)
    assert caught.value.code == "DF0047"


def test_a_long_chain_of_stages() -> None:
    text = "FROM busybox AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\n" for n in range(2000))
    made = graph(text)
    assert len(needed(made.stages[-1])) == 2001


@pytest.mark.row("DF-55")
def test_a_stage_that_comes_later_is_shown(make_context: Callable[..., Any]) -> None:
    text = "FROM scratch AS one\nCOPY --from=two a b\n\nFROM scratch AS two\nCOPY c d\n"
    with pytest.raises(DiagnosticError) as caught:
        DockerfileFrontend().compile(make_context(text, options={"target": "one"}))
    (found,) = caught.value.diagnostics
    assert found.code == "DF0050"
    assert found.help == "the stage is defined later, at line 4: move it up"
    assert [text[label.span.start : label.span.end] for label in found.labels] == ["two", "FROM scratch AS two"]


@pytest.mark.row("DF-48", "DF-55")
@pytest.mark.parametrize("line", ["COPY --from=one a b", "RUN --mount=from=one,target=/x y"])
def test_a_stage_does_not_read_itself(make_context: Callable[..., Any], line: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        DockerfileFrontend().compile(make_context(f"FROM busybox AS one\n{line}\n"))
    assert caught.value.diagnostics[0].message.startswith(("cannot copy from", "cannot mount from", "circular"))
