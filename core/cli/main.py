# SPDX-License-Identifier: Apache-2.0
"""The entry point: the fast path first, then the full command line (DESIGN section 12)."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run `ladle` and return its exit code: 0, 1 (the build failed) or 2 (a bad request)."""
    try:
        return _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        print("canceled", file=sys.stderr)
        return 130


def _run(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        from ladle.core.version import VERSION

        print(f"ladle {VERSION}")
        return 0
    if arguments and arguments[0] == "build":
        from ladle.core.cli.fast import try_cached

        code = try_cached(arguments[1:])
        if code is not None:
            return code
    return _full(arguments)


def _full(arguments: list[str]) -> int:
    import gc

    gc.set_threshold(50_000)  # next to all that is imported stays: looking for garbage in it is a tenth of the start
    from ladle.core.cli.plain import run_plain

    code = run_plain(arguments)
    if code is not None:
        return code
    from ladle.core.cli.app import run

    return run(arguments)
