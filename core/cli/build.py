# SPDX-License-Identifier: Apache-2.0
"""`ladle build`: from parsed flags to the outcome on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any


def run_build(values: Mapping[str, Any], positional: list[str]) -> int:
    """Build and return 0; raises `BuildError` for what goes wrong."""
    if values["check"] or values["call"] not in ("", "build"):
        from ladle.core.cli.calls import run_call

        return run_call(values, positional)
    from ladle.core.build import memo
    from ladle.core.build.build import Build, log_directory, write_metadata
    from ladle.core.build.request import make_request
    from ladle.core.cli.setup import make_registry, source_schemes
    from ladle.core.progress.modes import make_renderer
    from ladle.core.progress.reporter import BuildReporter
    from ladle.core.store.store import Store

    request = make_request(values, positional, environ=os.environ, schemes=source_schemes)
    renderer = make_renderer("quiet" if values["quiet"] else values["progress"])
    store = Store.open(request.root or None)
    for warning in store.warnings:
        renderer({"type": "warning", "text": warning, "help": ""})
    reporter = BuildReporter(renderer, log_dir=log_directory(store.root))
    key = "" if request.llb else memo.identity(values, positional, os.environ)
    try:
        build = Build(request, registry=make_registry(), store=store, reporter=reporter, memo_key=key)
        outcome = build.run()
        write_metadata(outcome, values)
        reporter.summary()
    finally:
        reporter.close()
        renderer.close()
        store.close()
    loud = not values["quiet"] and values["progress"] not in ("quiet", "none", "rawjson")
    for summary in outcome.summaries if loud else ():
        print(summary, file=sys.stderr)
    if loud and not request.outputs:
        print("no output was asked for: the result is in the cache only (use -o)", file=sys.stderr)
    if values["quiet"] and "containerimage.digest" in outcome.metadata:
        print(outcome.metadata["containerimage.digest"])
    return 0
