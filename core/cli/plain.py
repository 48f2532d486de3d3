# SPDX-License-Identifier: Apache-2.0
"""`ladle build` and `ladle compile` where their arguments are plain: as click would run them, without click's 10 ms."""

from __future__ import annotations

from ladle.core.cli.options import BUILD_FLAGS, Flag, NotPlainError, parse_plain

_DECIDING = ("file", "target", "build_args", "labels", "contexts", "platforms", "network", "add_hosts", "ulimits")
_COMPILE_KEYS = frozenset((*_DECIDING, "offline", "pull", "syntax", "root", "allow"))
COMPILE_FLAGS = tuple(flag for flag in BUILD_FLAGS if flag[0] in _COMPILE_KEYS)
"""The flags that decide what a build file compiles to."""
_GRAPH: Flag = ("output", ("-o", "--output"), "one", "FILE", "Where the graph goes")
_FORM: Flag = ("form", ("--format",), "one", "FORMAT", "How it is written")


def run_plain(argv: list[str]) -> int | None:
    """Run the command and return its exit code, None if it is for click: other commands, help, mistakes."""
    try:
        if argv[:1] == ["build"]:
            return _build(argv[1:])
        if argv[:1] == ["compile"]:
            return _compile(argv[1:])
    except NotPlainError:
        pass
    return None


def _build(argv: list[str]) -> int:
    values, positional = parse_plain(argv)
    from ladle.core.cli.build import run_build
    from ladle.core.cli.guard import guarded

    return guarded(lambda: run_build(values, positional))


def _compile(argv: list[str]) -> int:
    values, positional = parse_plain(argv, (*COMPILE_FLAGS, _GRAPH, _FORM))
    if len(positional) != 1:
        raise NotPlainError
    from ladle.core.cli.graphs import run_compile
    from ladle.core.cli.guard import guarded

    output = str(values.pop("output")) or "-"
    form = str(values.pop("form")) or "llb"
    return guarded(lambda: run_compile(values, positional[0], output, form))
