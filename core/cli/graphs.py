# SPDX-License-Identifier: Apache-2.0
"""`ladle compile` and `ladle inspect`: build files to graphs, graphs to something readable."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import BuildError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.llb.definition import Definition

FORMATS = ("text", "json", "mermaid", "dot")
COMPILED = ("llb", "pb", *FORMATS)
"""What `ladle compile` writes: ladle's own bytes, BuildKit's `pb.Definition`, or something readable."""


def run_compile(values: Mapping[str, Any], path: str, output: str, form: str = "llb") -> int:
    """Write the graph of a build file to a file or stdout, in one of `COMPILED`; returns 0."""
    from ladle.core.build.build import Build
    from ladle.core.build.outcome import write_whole
    from ladle.core.build.request import make_request
    from ladle.core.cli.options import defaults
    from ladle.core.cli.setup import make_registry, source_schemes
    from ladle.core.progress.modes import Quiet
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.store.store import Store

    request = make_request({**defaults(), **values}, [path], environ=os.environ, schemes=source_schemes)
    if form not in COMPILED:
        raise UsageError(f"unknown format {form!r}", code="LA0154", help=f"one of {', '.join(COMPILED)}")
    if output == "-" and form in COMPILED[:2] and sys.stdout.isatty():
        raise UsageError("a graph is binary and stdout is a terminal", code="LA0153", help="use -o FILE")
    store = Store.open(request.root or None)
    try:
        build = Build(request, registry=make_registry(), store=store, reporter=BuildReporter(Quiet()))
        data = _encoded(build.compile().definition, form)
    finally:
        store.close()
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    write_whole(output, data)
    return 0


def _encoded(definition: Definition, form: str) -> bytes:
    """Return a graph in a form; raises `BuildError` for one that BuildKit's cannot hold."""
    if form == "llb":
        return definition.to_bytes()
    if form in FORMATS:
        from ladle.llb.render import render

        return f"{render(definition, form).rstrip()}\n".encode()
    from ladle.llb.errors import LLBError
    from ladle.llb.protobuf import check_for_buildkit, to_protobuf, with_caps

    names = [name for name, _ in definition.results]
    if len(names) != 1:
        raise UsageError(
            f"a pb.Definition holds one result, this build has {', '.join(names)}",
            code="LA0192",
            help="choose one with --platform",
        )
    try:
        check_for_buildkit(definition)
        return to_protobuf(with_caps(definition), names[0])
    except LLBError as error:
        raise BuildError(
            f"the graph cannot be written for BuildKit: {error}", code="LA0193", help="use a base that BuildKit has"
        ) from error


def run_inspect(path: str, form: str) -> int:
    """Print a graph in a format; returns 0."""
    from ladle.core.build.build import read_graph
    from ladle.llb.render import render

    if form not in FORMATS:
        raise UsageError(f"unknown format {form!r}", code="LA0154", help=f"one of {', '.join(FORMATS)}")
    print(render(read_graph(path), form).rstrip("\n"))
    return 0
