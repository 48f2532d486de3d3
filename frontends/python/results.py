# SPDX-License-Identifier: Apache-2.0
"""What targets return: a tree, or an `Image`: a tree and what its containers run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.llb.state import State
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.state import ExecState


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """How a container's health is asked for: a text for the shell or words; times in seconds."""

    command: str | Sequence[str]
    interval: float = 0
    timeout: float = 0
    start_period: float = 0
    start_interval: float = 0
    retries: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as image configs hold it."""
        words = ["CMD-SHELL", self.command] if isinstance(self.command, str) else ["CMD", *self.command]
        values = {
            "Interval": round(self.interval * 10**9),
            "Timeout": round(self.timeout * 10**9),
            "StartPeriod": round(self.start_period * 10**9),
            "StartInterval": round(self.start_interval * 10**9),
            "Retries": self.retries,
        }
        return {"Test": words} | {name: value for name, value in values.items() if value}


class Image:
    """A tree with an image config. What is not given here is the base image's, as in a Dockerfile.

    So an `entrypoint` without `cmd` forgets the base's `cmd`, whose arguments were for another.
    """

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
        healthcheck: Healthcheck | None = None,
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
            "ArgsEscaped": None if cmd is None else True,
            "StopSignal": stop_signal or None,
            "Healthcheck": None if healthcheck is None else healthcheck.to_dict(),
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
