# SPDX-License-Identifier: Apache-2.0
"""Steps that set what later ones and containers have: `env`, `workdir`, `user`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.nodes import Mapping
from ladle.frontends.yaml.work import Work, placed
from ladle.llb.paths import join

if TYPE_CHECKING:
    from ladle.frontends.yaml.nodes import Entry


def lower_env(work: Work, step: Mapping, entry: Entry) -> None:  # noqa: ARG001
    """Set variables."""
    values = work.stage.scope.pairs(entry.value)
    with placed(entry.span):
        work.state = work.state.with_environment(work.state.settings.environment.with_values(values))
    work.stage.scope.see_variables(values)
    for name, value in values.items():
        work.config.set_env(name, value)
        work.record(f"env: {name}={value}")


def lower_workdir(work: Work, step: Mapping, entry: Entry) -> None:
    """Set the directory, and make it if it is not there."""
    scope = work.stage.scope
    given = scope.text(entry.value)
    if not given:
        raise DiagnosticError([errors.empty_value("the directory", entry.value.span)])
    path = join(work.config.text("WorkingDir") or "/", given)
    work.config.config["WorkingDir"] = path
    work.state = work.state.dir(path)
    text = f"workdir: {path}"
    if path != "/":
        own = step.get("workdir") is entry.value and step.get("from") is None
        name = scope.optional(step, "name") if own and step.get("steps") is None else ""
        owner = work.config.text("User") or None
        options = work.options(name or text, entry.span)
        with placed(entry.span):
            work.state = work.state.mkdir(
                path, mode=0o755, parents=True, owner=owner, timestamp=work.build.timestamp, **options
            )
    work.record(text, layer=path != "/")


def lower_user(work: Work, step: Mapping, entry: Entry) -> None:  # noqa: ARG001
    """Set the user."""
    user = work.stage.scope.text(entry.value)
    work.config.config["User"] = user
    work.state = work.state.user(user)
    work.record(f"user: {user}")
