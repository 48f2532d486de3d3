# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend dev`: the graph of a build file, and what changes in it whenever a file beside it changes.

The compile is a build's: in the sandbox, with the store's cache of compiled results and resolved images.
"""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterator
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.cli.frontend import errors
from ladle.core.cli.frontend.testing import sample_beside
from ladle.core.cli.guard import render_error

_PAUSE_SECONDS = 0.2
_CONTEXT_LINES = 2


def run_dev(frontend: str, file: str, *, once: bool, root: str) -> int:
    """Print the graph, then its changes until Ctrl-C; with `once` only the graph. Returns 1 if it did not compile."""
    build_file = file or sample_beside(frontend)
    if not os.path.isfile(frontend):
        raise errors.no_program(frontend)
    if not os.path.isfile(build_file):
        raise errors.no_build_file(build_file or f"sample.{os.path.basename(frontend).removesuffix('.py')}")
    compiler = _Compiler(frontend, build_file, root)
    shown, code = compiler.shown()
    print(shown, flush=True)
    if once:
        return code
    try:
        for changed in compiler.changes():
            before, (shown, code) = shown, compiler.shown()
            print(f"\n{time.strftime('%H:%M:%S')} {', '.join(changed)} changed", flush=True)
            print("\n".join(difference(before, shown)) or "the same graph", flush=True)
    except KeyboardInterrupt:
        return 0
    return code


def difference(before: str, after: str) -> Iterator[str]:
    """Yield the lines that differ between two texts, each part with a few lines around it."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=_CONTEXT_LINES)
    return (line for line in lines if not line.startswith(("---", "+++", "@@")))


class _Compiler:
    """Compiles one build file by one frontend, again and again."""

    def __init__(self, frontend: str, build_file: str, root: str) -> None:
        self._frontend = os.path.abspath(frontend)
        self._file = os.path.abspath(build_file)
        self._root = root
        self._stamps = self._stamped()

    def shown(self) -> tuple[str, int]:
        """Return the graph as text and 0, or what is wrong and 1."""
        try:
            return self._compiled(), 0
        except BuildError as error:
            return render_error(error), error.exit_code

    def _compiled(self) -> str:
        from ladle.core.build.build import Build
        from ladle.core.build.request import make_request
        from ladle.core.cli.options import defaults
        from ladle.core.cli.setup import make_registry
        from ladle.core.progress.modes import Quiet
        from ladle.core.progress.reporter import BuildReporter
        from ladle.core.store.store import Store
        from ladle.llb.render import render

        values: dict[str, Any] = {**defaults(), "file": self._file, "syntax": self._frontend, "root": self._root}
        request = make_request(values, [os.path.dirname(self._file)], environ=os.environ)
        store = Store.open(request.root or None)
        try:
            build = Build(request, registry=make_registry(), store=store, reporter=BuildReporter(Quiet()))
            compiled = build.compile()
        finally:
            store.close()
        return "\n".join(
            [*(f"warning: {text}" for text in compiled.warnings), render(compiled.definition, "text")]
        ).rstrip()

    def changes(self) -> Iterator[list[str]]:
        """Yield the names of the files that have changed, whenever some have."""
        while True:
            time.sleep(_PAUSE_SECONDS)
            now = self._stamped()
            if now != self._stamps:
                paths = {path for path, stamp in now.items() ^ self._stamps.items()}
                self._stamps = now
                yield sorted(os.path.basename(path) for path in paths)

    def _stamped(self) -> dict[str, tuple[int, int]]:
        """Return the times and sizes of the files in the directories of the frontend and of the build file."""
        found = {}
        for directory in {os.path.dirname(self._frontend), os.path.dirname(self._file)}:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.is_file() and not entry.name.startswith("."):
                        try:
                            status = entry.stat()
                        except FileNotFoundError:
                            continue
                        found[entry.path] = (status.st_mtime_ns, status.st_size)
        return found
