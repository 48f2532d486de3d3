# SPDX-License-Identifier: Apache-2.0
"""The context without a world that other frontends are tested with, and build files as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.snippets import render as render_diagnostic
from ladle.frontends.yaml.frontend import YamlFrontend
from ladle.llb.render import render
from tests.frontends.dockerfile.conftest import AMD64, FakeContext, make_context

__all__ = ["make_context"]


@pytest.fixture
def shown(make_context: Callable[..., FakeContext]) -> Callable[..., str]:
    """Return a function that compiles a text and returns its graph and config, or what is wrong with it, as text."""

    def show(text: str | bytes, **fields: Any) -> str:
        options = {"filename": "ladle.yaml", **fields.pop("options", {})}
        return outcome(make_context(text, options=options, **fields))

    return show


def outcome(context: Any) -> str:
    """Return what the build file of a context becomes."""
    try:
        made = YamlFrontend().compile(context)
    except DiagnosticError as error:
        return "\n\n".join(render_diagnostic(diagnostic) for diagnostic in error.diagnostics) + "\n"
    parts = []
    for image in made.images:
        parts.append(render(image.state.marshal(platform=image.platform)))
        parts.append(json.dumps(image.config, indent=1, ensure_ascii=False) + "\n")
    return "\n".join(parts)


@pytest.fixture
def codes(shown: Callable[..., str]) -> Callable[..., list[str]]:
    """Return a function that compiles a text and returns the codes of its mistakes, and where they are."""

    def found(text: str | bytes, **fields: Any) -> list[str]:
        lines = shown(text, **fields).splitlines()
        heads = [line.partition("[")[2].partition("]")[0] for line in lines if line.startswith("error[")]
        places = [line.strip().removeprefix("--> ") for line in lines if line.strip().startswith("--> ")]
        return [f"{code} {place}" for code, place in zip(heads, places, strict=False)] or heads

    return found


def context_of(text: bytes) -> FakeContext:
    """Return a context for a build file, where no fixture can be."""
    from ladle.core.api.frontend import CompileOptions

    options = CompileOptions(filename="ladle.yaml", platforms=(AMD64,), build_platform=AMD64)
    return FakeContext(text, options)
