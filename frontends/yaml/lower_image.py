# SPDX-License-Identifier: Apache-2.0
"""The image's configuration: `image`."""

from __future__ import annotations

import re
from typing import Any

from ladle.core.api.diagnostics import DiagnosticError
from ladle.frontends.yaml import errors
from ladle.frontends.yaml.nodes import Mapping, Node, Scalar, items
from ladle.frontends.yaml.work import Work
from ladle.llb.paths import join

_SHELL = ["/bin/sh", "-c"]
_LAST_PORT = 65535
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?(ns|us|µs|ms|s|m|h)", re.ASCII)
_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(tcp|udp|sctp))?", re.ASCII)


def lower_image(work: Work, node: Mapping) -> None:
    """Put the image's configuration into the result."""
    scope, config = work.stage.scope, work.config.config
    entrypoint, cmd = node.get("entrypoint"), node.get("cmd")
    if entrypoint is not None:
        config["Entrypoint"] = _words(work, entrypoint)
        config.pop("Cmd", None)
    if cmd is not None:
        config["Cmd"] = _words(work, cmd)
        config["ArgsEscaped"] = True
    for name, value in scope.pairs(node.get("env")).items():
        work.config.set_env(name, value)
    if workdir := scope.optional(node, "workdir"):
        config["WorkingDir"] = join(work.config.text("WorkingDir") or "/", workdir)
    if (user := node.get("user")) is not None:
        config["User"] = scope.text(user)
    ports: dict[str, Any] = {port: {} for item in items(node.get("ports")) for port in _ports(work, item)}
    _add(config, "ExposedPorts", ports)
    _add(config, "Labels", scope.pairs(node.get("labels")))
    _add(config, "Volumes", {path: {} for path in scope.texts(node.get("volumes"))})
    if (check := node.get("healthcheck")) is not None:
        config["Healthcheck"] = _healthcheck(work, check)
    if signal := scope.optional(node, "stop-signal"):
        config["StopSignal"] = signal
    work.config.author = scope.optional(node, "author", work.config.author)
    keys = ", ".join(entry.key.text for entry in node)
    work.record(f"image: {keys}")


def _add(config: dict[str, Any], key: str, values: dict[str, Any]) -> None:
    if values:
        config.setdefault(key, {}).update(values)


def _words(work: Work, node: Node) -> list[str]:
    scope = work.stage.scope
    if isinstance(node, Scalar):
        return [*(work.config.words("Shell") or _SHELL), scope.text(node)]
    return scope.texts(node)


def _ports(work: Work, node: Node) -> list[str]:
    text = work.stage.scope.text(node)
    match = _PORT.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2] or match[1]) if match else 0
    if match is None or not 0 < first <= last <= _LAST_PORT:
        raise DiagnosticError([errors.bad_form(text[:80], _PORT.pattern, "a port from 1 to 65535", node.span)])
    return [f"{port}/{match[3] or 'tcp'}" for port in range(first, last + 1)]


def _healthcheck(work: Work, node: Node) -> dict[str, Any]:
    scope = work.stage.scope
    if not isinstance(node, Mapping):
        return {"Test": ["NONE"]}
    command = node.get("command")
    test = ["CMD-SHELL" if isinstance(command, Scalar) else "CMD", *scope.texts(command)]
    found: dict[str, Any] = {"Test": test}
    for key, name in (
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start-period", "StartPeriod"),
        ("start-interval", "StartInterval"),
    ):
        if (value := node.get(key)) is not None:
            found[name] = _nanoseconds(scope.text(value), value)
    if retries := scope.number(node, "retries", 0):
        found["Retries"] = retries
    return found


def _nanoseconds(text: str, node: Node) -> int:
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise DiagnosticError([errors.bad_form(text[:80], _DURATION.pattern, "a time such as `1m30s`", node.span)])
    total = 0
    for part in parts:
        unit = _UNITS[part[3]]
        fraction = part[2] or ""
        total += int(part[1]) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
    return total
