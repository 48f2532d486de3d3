# SPDX-License-Identifier: Apache-2.0
"""Every case compiled: its graph and config, or what is wrong with it; then what needs options to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.frontend import BuildResult, NamedContext
from ladle.core.api.snippets import render as render_diagnostic
from ladle.frontends.dockerfile import errors
from ladle.frontends.dockerfile.frontend import DockerfileFrontend
from ladle.llb.render import render

CASES = sorted((Path(__file__).parents[2] / "cases" / "dockerfile").glob("*.Dockerfile"))
IMAGES: dict[str, Any] = {
    "docker.io/library/broken:latest": [],
}


def _triggers(*texts: str) -> dict[str, Any]:
    return {"config": {"OnBuild": list(texts)}, "rootfs": {"diff_ids": ["x"]}}


IMAGES |= {
    "docker.io/library/triggers:latest": _triggers("ENV FROM_TRIGGER=yes", "copy a /", "RUN <<EOF\necho x\nEOF"),
    "docker.io/library/triggers-odd:latest": _triggers("RUN x\nRUN y"),
    "docker.io/library/triggers-wrong:latest": _triggers("RUM x", "COPY --frm=a b c", "COPY --from=9 x y"),
    "docker.io/library/triggers-later:latest": _triggers("COPY --from=later x y", "RUN x"),
    "docker.io/library/triggers-from:latest": _triggers("FROM x", "ENV a"),
    "docker.io/library/triggers-index:latest": _triggers("COPY --from=99 x y"),
    "docker.io/library/triggers-port:latest": _triggers("EXPOSE 99999"),
}


class TextFile(SingleFileSnapshotExtension):
    """One plain text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.fixture
def text(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


def compile_text(context: Any) -> BuildResult:
    return DockerfileFrontend().compile(context)


def shown(context: Any) -> str:
    """Return what a build file becomes, as text."""
    try:
        made = compile_text(context)
    except DiagnosticError as error:
        return "\n\n".join(render_diagnostic(diagnostic) for diagnostic in error.diagnostics) + "\n"
    parts = []
    for image in made.images:
        parts.append(render(image.state.marshal(platform=image.platform)))
        parts.append(json.dumps(image.config, indent=1, ensure_ascii=False) + "\n")
    return "\n".join(parts)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases(path: Path, make_context: Callable[..., Any], text: SnapshotAssertion) -> None:
    context = make_context(path.read_bytes(), options={"filename": path.name}, images=IMAGES)
    assert shown(context) == text


def test_every_code_has_a_case(make_context: Callable[..., Any]) -> None:
    """What no file alone can hold wrong is tried below: a target, an epoch, an ignore file."""
    seen: set[str] = set()
    contexts = [make_context(path.read_bytes(), images=IMAGES) for path in CASES]
    contexts += [
        make_context("FROM scratch\n#" + "x" * 70_000),
        make_context("FROM scratch\n" * 10_001),
        make_context("FROM scratch", options={"target": "nowhere"}),
        make_context("FROM scratch\nCOPY a /\n", files={".dockerignore": b"!\n"}),
        make_context("FROM scratch", options={"build_args": {"SOURCE_DATE_EPOCH": "yesterday"}}),
        make_context("FROM base", named={"base": NamedContext(name="base", kind="stage", value="nowhere")}),
    ]
    for context in contexts:
        try:
            compile_text(context)
        except DiagnosticError as error:
            seen |= {diagnostic.code for diagnostic in error.diagnostics}
    source = Path(errors.__file__).read_text()
    known = {part[:6] for part in source.split('"')[1::2] if part.startswith("DF00") and len(part) == 6}
    assert known <= seen


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(
        st.sampled_from(
            [
                "FROM scratch",
                "FROM busybox AS a",
                "FROM a",
                "COPY --from=a /x /y",
                "COPY --from=1 x y",
                "COPY --from=busybox . .",
                "ARG A=${B:-c}",
                "ENV A=$A:b",
                "ENV ${A}=x",
                "RUN echo $A ${A:?no}",
                "WORKDIR $A/b",
                "EXPOSE $A 80",
                "LABEL x=${A%b} ${A}=y",
                "USER $A",
                "ONBUILD RUN x",
                "CMD x",
            ]
        ),
        max_size=14,
    ).map("\n".join)
)
def test_random_files_compile_or_say_why_not(make_context: Callable[..., Any], text: str) -> None:
    assert shown(make_context("ARG A\n" + text))
