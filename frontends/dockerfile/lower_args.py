# SPDX-License-Identifier: Apache-2.0
"""Variables: ARG and ENV. They share one list; the later line wins (DF-74)."""

from __future__ import annotations

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.dockerfile import ast, errors
from ladle.frontends.dockerfile.lower_metadata import record
from ladle.frontends.dockerfile.work import Work

_NOT_VARIABLES = ("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE")


def lower_arg(work: Work, node: ast.Arg) -> None:
    """ARG: the value given for the build, else the default, else that of the global ARG of the same name."""
    given, shared = work.build.options.build_args, work.global_values
    shown = []
    for pair in node.pairs:
        name = pair.name.text
        value: str | None
        if name in given:
            value = given[name]
        elif pair.value is not None:
            value = work.expand(pair.value)
        else:
            value = shared.get(name)
        if value is not None and name not in _NOT_VARIABLES:
            work.set_variable(name, value)
        work.arguments[name] = value or ""
        shown.append(name if value is None else f"{name}={value}")
    record(work, " ".join(["ARG", *shown]))


def lower_env(work: Work, node: ast.Env) -> None:
    """ENV: variables of the steps that follow and of the container. All values see the variables before the line."""
    values = []
    for pair in node.pairs:
        name = work.expand(pair.name)
        if not name or "=" in name:
            raise DiagnosticError([errors.blank_name("ENV", pair.name.span)])
        values.append((name, work.expand(pair.value) if pair.value else ""))
    for name, value in values:
        work.set_variable(name, value)
        work.config.set_env(name, value)
    record(work, " ".join(["ENV", *(f"{name}={value}" for name, value in values)]))
