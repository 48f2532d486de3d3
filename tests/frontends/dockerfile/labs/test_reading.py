# SPDX-License-Identifier: Apache-2.0
"""INCLUDE and IMPORT: what the parts of a build file come to, and what is said where they do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.frontend import NamedContext
from ladle.core.api.snippets import render as render_diagnostic
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.frontends.dockerfile.labs.frontend import DockerfileLabsFrontend
from ladle.frontends.dockerfile.labs.reading import MAX_INCLUDE_DEPTH, MAX_INCLUDED_FILES
from ladle.llb.render import render

Make = Callable[..., Any]


def graph(make: Make, text: str, files: Mapping[str, str], **more: Any) -> str:
    """Return the graph of a labs file as text."""
    context = make(text, files={name: data.encode() for name, data in files.items()}, **more)
    image = DockerfileLabsFrontend().compile(context).images[0]
    return render(image.state.marshal(platform=image.platform), "text")


def errors(make: Make, text: str, files: Mapping[str, str], **more: Any) -> list[str]:
    """Return the mistakes of a labs file as they are shown."""
    with pytest.raises(DiagnosticError) as caught:
        graph(make, text, files, **more)
    return [render_diagnostic(each) for each in caught.value.diagnostics]


def test_an_include_is_as_if_its_lines_stood_there(make_context: Make) -> None:
    files = {"args": "ARG BASE=busybox\n", "common/tools": "RUN a\nCOPY x /x\n", "stage": "FROM $BASE AS two\nRUN b\n"}
    text = (
        "INCLUDE args\nFROM $BASE AS one\nARG V=1\nINCLUDE common/tools\nRUN $V\nINCLUDE stage\nCOPY --from=one /x /\n"
    )
    pasted = (
        "ARG BASE=busybox\nFROM $BASE AS one\nARG V=1\nRUN a\nCOPY x /x\nRUN $V\n"
        "FROM $BASE AS two\nRUN b\nCOPY --from=one /x /\n"
    )
    assert graph(make_context, text, files) == graph(make_context, pasted, {})


def test_steps_say_the_file_that_they_stand_in(make_context: Make) -> None:
    context = make_context("FROM busybox\nINCLUDE steps\nRUN c\n", files={"steps": b"RUN a\n\nRUN b\n"})
    image = DockerfileLabsFrontend().compile(context).images[0]
    definition = image.state.marshal(platform=image.platform)
    places = {
        definition.metadata_of(vertex).name.rpartition("] ")[2]: (
            each.source.filename,
            each.ranges[0].start_line,
            each.source.data,
        )
        for vertex in definition.vertices
        for each in definition.locations.get(vertex.digest, ())
    }
    assert places["RUN a"] == ("steps", 1, b"RUN a\n\nRUN b\n")
    assert places["RUN b"][:2] == ("steps", 3)
    assert places["RUN c"][:2] == ("Dockerfile", 3)


def test_mistakes_are_shown_in_their_file_and_where_it_was_asked_for(make_context: Make) -> None:
    files = {"one": "RUN a\nINCLUDE two\n", "two": "# x\nCOPY --frm=a b c\n"}
    (said,) = errors(make_context, "FROM scratch\nINCLUDE one\n", files)
    assert "unknown flag: --frm" in said
    assert "--> two:2:6" in said
    assert "--> one:2:9: asked for here" in said
    assert "--> Dockerfile:2:9: asked for here" in said
    (said,) = errors(make_context, "FROM scratch\nINCLUDE one\n", {"one": "COPY --from=9 a b\n"})
    assert "invalid stage index 9" in said
    assert "--> one:1:13" in said
    assert "--> Dockerfile:2:9: asked for here" in said


@pytest.mark.parametrize(
    ("text", "files", "code", "places"),
    [
        ("FROM a\nINCLUDE no\n", {}, "DF0105", ["Dockerfile:2:9"]),
        ("FROM a\nINCLUDE --from=nobody x\n", {}, "DF0092", ["Dockerfile:2:16"]),
        ("FROM a\nINCLUDE x\n", {"x": "INCLUDE y\n", "y": "INCLUDE /x\n"}, "DF0093", ["y:1:9", "Dockerfile:2:9"]),
        ("FROM a\nINCLUDE Dockerfile\n", {"Dockerfile": "RUN x\n"}, "DF0093", ["Dockerfile:2:9"]),
        ("ARG X=y\nFROM a\nINCLUDE $X\n", {}, "DF0096", ["Dockerfile:3:9"]),
        ("FROM a\nINCLUDE\n", {}, "DF0097", ["Dockerfile:2:1"]),
        ("FROM a\nINCLUDE a b\n", {}, "DF0097", ["Dockerfile:2:11"]),
        ("FROM a\nIMPORT x\n", {"x": "FROM a\n"}, "DF0098", ["Dockerfile:2:1"]),
        ("IMPORT Dockerfile.2x\nFROM a\n", {"Dockerfile.2x": "FROM a\n"}, "DF0099", ["Dockerfile:1:8"]),
        ("IMPORT x AS x_%\nFROM a\n", {"x": "FROM a\n"}, "DF0099", ["Dockerfile:1:13"]),
        ("IMPORT x\nIMPORT y AS x\nFROM a\n", dict.fromkeys("xy", "FROM a\n"), "DF0100", ["Dockerfile:2:13"]),
        ("IMPORT x\nFROM a AS x\n", {"x": "FROM a\n"}, "DF0100", ["Dockerfile:2:11"]),
        ("FROM a\nINCLUDE x\n", {"x": "# escape=`\nRUN a\n"}, "DF0101", ["Dockerfile:2:9"]),
        ("INCLUDE x\nRUN a\n", {"x": "ARG a\n"}, "DF0040", ["Dockerfile:2:1"]),
        ("INCLUDE x\n", {"x": "RUN a\n"}, "DF0040", ["x:1:1", "Dockerfile:1:9"]),
        ("INCLUDE x\n", {"x": "ARG a\n"}, "DF0041", []),
        ("FROM a\nINCLUDE x\n", {"x": ""}, "DF0001", ["Dockerfile:2:9"]),
    ],
)
def test_what_does_not_fit(make_context: Make, text: str, files: dict[str, str], code: str, places: list[str]) -> None:
    (said,) = errors(make_context, text, files)
    assert said.startswith(f"error[{code}]")
    assert [place for place in places if f"--> {place}" not in said] == []


def test_files_are_neither_too_deep_nor_too_many(make_context: Make) -> None:
    chain = {f"f{number}": f"INCLUDE f{number + 1}\n" for number in range(MAX_INCLUDE_DEPTH + 1)}
    (said,) = errors(make_context, "FROM a\nINCLUDE f0\n", chain)
    assert said.startswith("error[DF0094]")
    last = f"f{MAX_INCLUDE_DEPTH - 1}"
    assert "RUN x" in graph(make_context, "FROM a\nINCLUDE f0\n", {**chain, last: "RUN x\n"})
    doubling = {f"f{number}": f"INCLUDE f{number + 1}\n" * 2 for number in range(12)} | {"f12": "RUN x\n"}
    (said, *_) = errors(make_context, "FROM a\nINCLUDE f0\n", doubling)
    assert said.startswith("error[DF0095]")
    assert str(MAX_INCLUDED_FILES) in said


def test_imported_stages_go_by_the_name_of_the_import(make_context: Make) -> None:
    lib = "ARG V=1\nFROM busybox AS Tools\nARG V\nRUN tools $V\nFROM tools\nCOPY --from=tools a /b\nRUN last\n"
    text = (
        "ARG V=2\nIMPORT lib.Dockerfile\nFROM lib.tools AS mine\nARG V\nRUN mine $V\n"
        "FROM lib\nCOPY --from=lib.tools /a /c\nRUN --mount=from=mine,target=/m x\nCOPY --from=0 /d /e\n"
    )
    made = graph(make_context, text, {"lib.Dockerfile": lib})
    assert "V=1" in made
    assert "V=2" in made
    for step in ("lib.tools 2/2] RUN tools 1", "lib.stage-1 1/2] COPY", "mine 1/1] RUN mine 2", "stage-1 3/3] COPY"):
        assert step in made, step


def test_an_imported_file_sees_its_own_stages_only(make_context: Make) -> None:
    lib = "FROM busybox AS one\nFROM scratch\nCOPY --from=mine /a /\n"
    context = make_context("IMPORT lib\nFROM scratch AS mine\nCOPY --from=lib /a /\n", files={"lib": lib.encode()})
    DockerfileLabsFrontend().compile(context)
    assert "docker-image://mine" in context.asked


def test_an_import_from_elsewhere_copies_from_there(make_context: Make) -> None:
    place = "https://example.com/lib.git#main:docker"
    lib = "FROM scratch AS out\nCOPY data /data\nINCLUDE more\n"
    files = {f"{place}/a/Dockerfile": lib, f"{place}/more": "COPY extra /\n"}
    made = graph(make_context, f"IMPORT --from={place} a/Dockerfile AS lib\nFROM lib.out\nCOPY mine /\n", files)
    assert made.count("git://example.com/lib.git#main:docker") == 1
    assert made.count("local://context") == 1
    named = {"shared": NamedContext(name="shared", kind="local", local="shared")}
    files = {"shared/lib": lib, "shared/more": "COPY extra /\n"}
    made = graph(make_context, "IMPORT --from=shared lib\nFROM lib.out\n", files, named=named)
    assert "local://shared" in made
    assert "local://context" not in made
    assert '"data"' in made or "data" in made


def test_an_include_from_elsewhere_copies_from_the_context(make_context: Make) -> None:
    place = "https://example.com/lib.git"
    made = graph(make_context, f"FROM scratch\nINCLUDE --from={place} steps\n", {f"{place}/steps": "COPY a /a\n"})
    assert "git://" not in made
    assert "local://context" in made


def test_checks_look_at_included_files_and_name_them(make_context: Make) -> None:
    files = {"steps": b"WORKDIR x\n", "lib": b"from scratch as y\nMAINTAINER me\n"}
    context = make_context("IMPORT lib\nFROM lib\nINCLUDE steps\n", files=files)
    DockerfileLabsFrontend().compile(context)
    found = {(each.rule, each.labels[0].span.source.name) for each in context.warnings}
    assert found == {("WorkdirRelativePath", "steps")}


def test_calls_read_the_parts_too(make_context: Make) -> None:
    files = {"lib": b"FROM scratch AS out\n", "args": b"ARG A=1\n"}
    text = "INCLUDE args\nIMPORT lib\nFROM lib.out AS end\nARG A\n"
    frontend = DockerfileLabsFrontend()
    assert [each["name"] for each in frontend.targets(make_context(text, files=files)).data["targets"]] == [
        "lib.out",
        "end",
    ]
    assert frontend.outline(make_context(text, files=files)).data["args"][0]["value"] == "1"
    assert frontend.lint(make_context(text, files=files)).status == 0
    assert frontend.fix(make_context("INCLUDE bad\n", files={"bad": b"FROM scratch as x\n"})).mended == ()


@pytest.mark.parametrize(
    "line",
    [
        "INCLUDE x",
        "include x",
        "IMPORT x AS y",
        "RUN --no-cache x",
        "RUN --cache-ttl=1d x",
        "COPY --if-exists a b",
    ],
)
def test_nothing_of_it_goes_without_being_asked_for(make_context: Make, line: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        DockerfileFrontend().compile(make_context(f"FROM scratch\n{line}\n", files={"x": b"FROM scratch\n"}))
    said = render_diagnostic(caught.value.diagnostics[0])
    assert said.startswith("error[DF0104]")
    assert "# syntax=ladle/dockerfile-labs" in said
    assert "Dockerfile:2:" in said


def test_triggers_of_a_base_go_by_the_file_that_fires_them(make_context: Make) -> None:
    images = {
        "docker.io/library/base:latest": {"config": {"OnBuild": ["RUN --no-cache x"]}, "rootfs": {"diff_ids": ["x"]}}
    }
    DockerfileLabsFrontend().compile(make_context("FROM base\n", images=images))
    with pytest.raises(DiagnosticError, match="unknown flag: --no-cache"):
        DockerfileFrontend().compile(make_context("FROM base\n", images=images))
