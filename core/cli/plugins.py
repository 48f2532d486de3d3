# SPDX-License-Identifier: Apache-2.0
"""`ladle plugins`: every plugin, where it comes from, and what is wrong with those that cannot be used."""

from __future__ import annotations

import json

import click

from ladle.core.api.errors import UsageError
from ladle.core.inventory import OK, Plugin, plugins

_HEAD = ("kind", "name", "version", "from", "state")


def run_plugins(form: str) -> int:
    """Print the plugins and return 0, whatever their states."""
    from ladle.core.cli.setup import make_registry

    if form not in ("text", "json"):
        raise UsageError(f"--format {form!r} is unknown", code="LA0185", help="text or json")
    found = plugins(make_registry())
    if form == "json":
        click.echo(json.dumps([_plain(plugin) for plugin in found], indent=2))
        return 0
    rows = [_HEAD, *((each.kind, each.name, each.version, str(each.origin), each.state) for each in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    reasons = ("", *(each.reason for each in found))
    for row, reason in zip(rows, reasons, strict=True):
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
        if reason:
            click.echo(f"    {reason}")
    return 0


def _plain(plugin: Plugin) -> dict[str, object]:
    return {
        "kind": plugin.kind,
        "name": plugin.name,
        "version": plugin.version,
        "builtin": not plugin.origin.distribution,
        "distribution": plugin.origin.distribution,
        "distribution_version": plugin.origin.version,
        "target": plugin.target,
        "state": plugin.state,
        "usable": plugin.state == OK,
        "reason": plugin.reason,
    }
