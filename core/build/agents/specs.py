# SPDX-License-Identifier: Apache-2.0
"""Agents as `--ssh` names them (DM-02): the user's own agent, the socket of another, or private keys in files."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError, UsageError

if TYPE_CHECKING:
    from ladle.core.api.services import Agent

DEFAULT = "default"
_VARIABLE = "SSH_AUTH_SOCK"
_HELP = "write it as default, ID, ID=SOCKET[,raw=true] or ID=KEYFILE[,KEYFILE…]"
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One `--ssh`: `paths` are absolute, none means the agent of the environment."""

    id: str
    paths: tuple[str, ...] = ()
    raw: bool = False


def parse_ssh(text: str) -> AgentSpec:
    """Return what one `--ssh` names; raises `UsageError`. Nothing is opened."""
    import csv

    name, equals, rest = text.partition("=")
    if not name or "," in name:
        raise UsageError(f"bad --ssh {text!r}: it has no id", code="LA0126", help=_HELP)
    paths, raw = [], False
    for part in next(csv.reader([rest]), []) if equals else []:
        key, has_value, value = part.partition("=")
        if key == "raw" and (not has_value or value in (*_TRUE, *_FALSE)):
            raw = not has_value or value in _TRUE
        elif not part or key == "raw":
            raise UsageError(f"bad --ssh {text!r}: {part!r} is no path", code="LA0126", help=_HELP)
        else:
            paths.append(os.path.abspath(part))
    if raw and len(paths) > 1:
        raise UsageError(f"bad --ssh {text!r}: raw takes exactly one socket", code="LA0126", help=_HELP)
    return AgentSpec(name, tuple(paths), raw)


def open_agent(spec: AgentSpec, environ: Mapping[str, str]) -> Agent:
    """Return the agent of a `--ssh`; keys are read now, sockets when a step connects. Raises `BuildError`."""
    paths = spec.paths
    if not paths:
        if not environ.get(_VARIABLE):
            raise BuildError(
                f"--ssh {spec.id}: there is no agent to forward, as {_VARIABLE} is not set",
                code="LA0127",
                help=f"start ssh-agent, or name a socket or key: --ssh {spec.id}=PATH",
            )
        paths = (os.path.abspath(environ[_VARIABLE]),)
    sockets = [path for path in paths if _is_socket(spec, path)]
    if not sockets:
        if spec.raw:
            raise BuildError(f"--ssh {spec.id}: raw takes a socket, {paths[0]!r} is none", code="LA0127", help=_HELP)
        from ladle.core.build.agents.keys import KeyAgent, read_key

        return KeyAgent([read_key(spec.id, path) for path in paths])
    if len(paths) > 1:
        raise BuildError(f"--ssh {spec.id}: one socket or any number of keys, not both", code="LA0127", help=_HELP)
    from ladle.core.build.agents.upstream import RawAgent, SocketAgent

    return RawAgent(paths[0]) if spec.raw else SocketAgent(paths[0])


def _is_socket(spec: AgentSpec, path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise BuildError(
            f"--ssh {spec.id}: cannot open {path!r}: {error.strerror}", code="LA0127", help=_HELP
        ) from error
    if not stat.S_ISSOCK(mode) and not stat.S_ISREG(mode):
        raise BuildError(f"--ssh {spec.id}: {path!r} is neither a socket nor a key file", code="LA0127", help=_HELP)
    return stat.S_ISSOCK(mode)
