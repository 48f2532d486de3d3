# SPDX-License-Identifier: Apache-2.0
"""The commands of `ladle frontend`; what they do is imported when one is run."""

from __future__ import annotations

import click

_SAMPLE = click.option("-f", "--file", "file", default="", metavar="PATH", help="Build file that it has to compile")


@click.group(name="frontend")
def frontend_group() -> None:
    """Write, try and test frontends."""


@frontend_group.command(name="new")
@click.argument("name", nargs=1)
def new_command(name: str) -> int:
    """Write a frontend NAME that works, in one file, with its test and a build file."""
    from ladle.core.cli.frontend.new import run_new

    return run_new(name)


@frontend_group.command(name="test")
@_SAMPLE
@click.argument("frontend", nargs=1, required=False, default="")
def test_command(frontend: str, file: str) -> int:
    """Run the tests of a frontend, the conformance suite, and the check for determinism."""
    from ladle.core.cli.frontend.testing import run_test

    return run_test(frontend, file)


@frontend_group.command(name="dev")
@click.option("--once", is_flag=True, help="Compile once, print the graph and end")
@click.option("--root", default="", metavar="DIR", help="The store (default: $LADLE_ROOT)")
@click.argument("frontend", nargs=1)
@click.argument("file", nargs=1, required=False, default="")
def dev_command(frontend: str, file: str, once: bool, root: str) -> int:
    """Compile FILE by FRONTEND whenever one of them changes, and print what changes in the graph."""
    from ladle.core.cli.frontend.dev import run_dev

    return run_dev(frontend, file, once=once, root=root)


@frontend_group.command(name="schema")
@click.argument("frontend", nargs=1)
def schema_command(frontend: str) -> int:
    """Print the schema of FRONTEND's build files, for editors."""
    from ladle.core.cli.frontend.schema import run_schema

    return run_schema(frontend)


@frontend_group.command(name="conformance", context_settings={"ignore_unknown_options": True})
@_SAMPLE
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def conformance_command(command: tuple[str, ...], file: str) -> int:
    """Try a frontend (a Python file, or a command with its arguments) against the protocol."""
    from ladle.core.cli.frontend.table import run_conformance

    return run_conformance(command, file)
