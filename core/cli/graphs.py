# SPDX-License-Identifier: Apache-2.0
"""`ladle compile` and `ladle inspect`: build files to graphs, graphs to something readable."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import UsageError

FORMATS = ("text", "json", "mermaid", "dot")


def run_compile(values: Mapping[str, Any], path: str, output: str) -> int:
    """Write the graph of a build file to a file or stdout; returns 0."""
    from ladle.core.build.build import Build
    from ladle.core.build.outcome import write_whole
    from ladle.core.build.request import make_request
    from ladle.core.cli.options import defaults
    from ladle.core.cli.setup import make_registry, source_schemes
    from ladle.core.progress.modes import Quiet
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.store.store import Store

    request = make_request({**defaults(), **values}, [path], environ=os.environ, schemes=source_schemes)
    if output == "-" and sys.stdout.isatty():
        raise UsageError("a graph is binary and stdout is a terminal", code="LA0153", help="use -o FILE")
    store = Store.open(request.root or None)
    try:
        build = Build(request, registry=make_registry(), store=store, reporter=BuildReporter(Quiet()))
        data = build.compile().definition.to_bytes()
    finally:
        store.close()
    if output == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    write_whole(output, data)
    return 0


def run_inspect(path: str, form: str) -> int:
    """Print a graph in a format; returns 0."""
    from ladle.core.build.build import read_graph
    from ladle.llb.render import render

    if form not in FORMATS:
        raise UsageError(f"unknown format {form!r}", code="LA0154", help=f"one of {', '.join(FORMATS)}")
    print(render(read_graph(path), form).rstrip("\n"))
    return 0
