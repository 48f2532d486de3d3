# SPDX-License-Identifier: Apache-2.0
"""The full command line, on click; imported only when the fast path does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ladle.core.cli.frontend.commands import frontend_group
from ladle.core.cli.guard import canceled, guarded
from ladle.core.cli.options import BUILD_FLAGS, Flag, NotPlainError, parse_plain
from ladle.core.cli.plain import COMPILE_FLAGS
from ladle.core.version import VERSION


def run(argv: list[str]) -> int:
    """Run a command and return its exit code."""
    return guarded(lambda: _run(argv))


def _run(argv: list[str]) -> int:
    try:
        code = app.main(args=argv, prog_name="ladle", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort as error:
        return canceled(error.__cause__ or error)


def flags(table: tuple[Flag, ...]) -> Callable[[Any], Any]:
    """Return a decorator that gives a command the flags of a table."""

    def decorate(function: Any) -> Any:
        for key, names, kind, metavar, text in reversed(table):
            options: dict[str, Any] = {"help": text}
            if kind == "bool":
                options["is_flag"] = True
            else:
                options |= {"metavar": metavar, "multiple": kind == "many", "default": () if kind == "many" else ""}
            function = click.option(*names, key, **options)(function)
        return function

    return decorate


class BuildCommand(click.Command):
    """Reads what is plain as the fast path reads it (`--no-cache=false` too); click sees to help and mistakes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the parameters; returns what is left over."""
        try:
            values, positional = parse_plain(args)
        except NotPlainError:
            return super().parse_args(ctx, args)
        ctx.params.update(values, path=tuple(positional))
        return []


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="ladle %(version)s")
def app() -> None:
    """Build images and files from any build file."""


@app.command(name="build", cls=BuildCommand)
@flags(BUILD_FLAGS)
@click.argument("path", nargs=-1)
def build_command(path: tuple[str, ...], **values: Any) -> int:
    """Build PATH, and write the result where -o says."""
    from ladle.core.cli.build import run_build

    return run_build(values, list(path))


@app.command(name="compile")
@flags(COMPILE_FLAGS)
@click.option("-o", "--output", "output", default="-", metavar="FILE", help="Where the graph goes (default: stdout)")
@click.option(
    "--format", "form", default="llb", metavar="FORMAT", help="llb, pb (BuildKit's), text, json, mermaid, dot"
)
@click.argument("path", nargs=1)
def compile_command(path: str, output: str, form: str, **values: Any) -> int:
    """Compile PATH to a serialized build graph."""
    from ladle.core.cli.graphs import run_compile

    return run_compile(values, path, output, form)


@app.command(name="check")
@flags(COMPILE_FLAGS)
@click.option("--fix", is_flag=True, help="Mend in the build file what can be mended, and show the change")
@click.option("--format", "form", default="text", metavar="FORMAT", help="text or json")
@click.argument("path", nargs=1)
def check_command(path: str, fix: bool, form: str, **values: Any) -> int:
    """Check the build file of PATH."""
    from ladle.core.cli.calls import run_check

    return run_check(values, path, fix=fix, form=form)


@app.command(name="inspect")
@click.option("--format", "form", default="text", metavar="FORMAT", help="text, json, mermaid or dot")
@click.argument("file", nargs=1)
def inspect_command(file: str, form: str) -> int:
    """Print a serialized build graph (`-`: stdin)."""
    from ladle.core.cli.graphs import run_inspect

    return run_inspect(file, form)


@app.command(name="plugins")
@click.option("--format", "form", default="text", metavar="FORMAT", help="text or json")
def plugins_command(form: str) -> int:
    """List the plugins: where each comes from, and what is wrong with those that cannot be used."""
    from ladle.core.cli.plugins import run_plugins

    return run_plugins(form)


@app.command(name="doctor")
@click.option("--root", default="", metavar="DIR", help="The store (default: $LADLE_ROOT)")
def doctor_command(root: str) -> int:
    """Try how this machine can run steps, and say what is missing."""
    from ladle.core.cli.doctor import run_doctor

    return run_doctor(root)


@app.command(name="du")
@click.option("--root", default="", metavar="DIR", help="The store (default: $LADLE_ROOT)")
@click.option("--filter", "filters", multiple=True, metavar="FILTER", help="Such as type==regular, id~=^ab, inuse")
@click.option("--verbose", is_flag=True, help="All that is known of each item")
@click.option("--format", "form", default="text", metavar="FORMAT", help="text or json")
def du_command(root: str, filters: tuple[str, ...], verbose: bool, form: str) -> int:
    """Show what the store takes on the disk."""
    from ladle.core.cli.disk import run_du

    return run_du(root, filters, verbose=verbose, form=form)


@app.command(name="prune")
@click.option("--root", default="", metavar="DIR", help="The store (default: $LADLE_ROOT)")
@click.option("--filter", "filters", multiple=True, metavar="FILTER", help="Only such as type==regular, id~=^ab")
@click.option("-a", "--all", "everything", is_flag=True, help="Also what ladle keeps for itself")
@click.option("--keep-duration", "keep", default="", metavar="TIME", help="Keep what was used within 48h, 30d, …")
@click.option("--reserved-space", "reserved", default="", metavar="SIZE", help="Keep so much in any case")
@click.option("--max-used-space", "max_used", default="", metavar="SIZE", help="Remove only until no more is taken")
@click.option("--min-free-space", "min_free", default="", metavar="SIZE", help="Remove only until so much is free")
@click.option("--dry-run", is_flag=True, help="Only say what would go, and why")
@click.option("--format", "form", default="text", metavar="FORMAT", help="text or json")
def prune_command(root: str, filters: tuple[str, ...], dry_run: bool, form: str, **values: Any) -> int:
    """Remove from the store what no build uses, and say why each item goes or stays."""
    from ladle.core.cli.disk import PruneFlags, run_prune

    everything = values.pop("everything")
    return run_prune(root, PruneFlags(filters, **values, all=everything), dry_run=dry_run, form=form)


@app.group(name="store")
def store_group() -> None:
    """Look after the store."""


@store_group.command(name="check")
@click.option("--root", default="", metavar="DIR", help="The store (default: $LADLE_ROOT)")
def store_check_command(root: str) -> int:
    """Look whether everything in the store is there and whole; nothing is changed."""
    from ladle.core.cli.store import run_check

    return run_check(root)


app.add_command(frontend_group)
