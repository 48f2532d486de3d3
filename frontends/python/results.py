# SPDX-License-Identifier: Apache-2.0
"""What targets return: a tree, or an `Image`: a tree and what its containers run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.llb.state import State

if TYPE_CHECKING:
    from ladle.llb.state import ExecState


class Image:
    """A tree with an image config. What is not given here is the base image's, as in a Dockerfile."""

    def __init__(
        self,
        state: State | ExecState,
        *,
        entrypoint: Sequence[str] | None = None,
        cmd: Sequence[str] | None = None,
        user: str | None = None,
        workdir: str | None = None,
        env: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        ports: Sequence[str | int] = (),
        volumes: Sequence[str] = (),
        stop_signal: str = "",
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.state: State = state if isinstance(state, State) else state.root
        self.env = dict(env or {})
        self.labels = dict(labels or {})
        given: dict[str, Any] = {
            "Entrypoint": None if entrypoint is None else list(entrypoint),
            "Cmd": None if cmd is None else list(cmd),
            "User": user,
            "WorkingDir": workdir,
            "StopSignal": stop_signal or None,
            "ExposedPorts": {_port(port): {} for port in ports} or None,
            "Volumes": {path: {} for path in volumes} or None,
        }
        self.given = {name: value for name, value in given.items() if value is not None} | dict(config or {})


def sh(command: str) -> list[str]:
    """Return the arguments of a run that gives `command` to the shell."""
    return ["/bin/sh", "-c", command]


def _port(port: str | int) -> str:
    text = str(port)
    return text if "/" in text else f"{text}/tcp"
