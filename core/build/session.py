# SPDX-License-Identifier: Apache-2.0
"""The session of a build in this process: names to directories, layouts, secrets and agents (DESIGN section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError, InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ladle.core.api.services import Agent


class LocalSession:
    """Implements `ladle.core.api.services.Session` over plain dictionaries."""

    def __init__(self) -> None:
        self._locals: dict[str, str] = {}
        self._layouts: dict[str, str] = {}
        self._secrets: dict[str, bytes] = {}
        self._agents: dict[str, Agent] = {}

    def add_local(self, name: str, directory: str) -> None:
        """Let the graph reach an absolute directory under a name."""
        if not directory.startswith("/"):
            raise InternalError(f"local {name!r}: {directory!r} is not absolute")
        self._locals[name] = directory

    def add_layout(self, name: str, directory: str) -> None:
        """Let the graph reach an OCI layout directory under a name."""
        self._layouts[name] = directory

    def add_secret(self, id: str, data: bytes) -> None:
        """Let steps see a secret."""
        self._secrets[id] = data

    def add_agent(self, id: str, agent: Agent) -> None:
        """Let steps use an ssh agent."""
        self._agents[id] = agent

    def local(self, name: str) -> str:
        """Return the directory; raises `BuildError` for a name that this session does not have."""
        try:
            return self._locals[name]
        except KeyError:
            raise BuildError(
                f"the graph reads the local directory {name!r}, which this build does not have",
                code="LA0120",
                help=f"give it with --build-context {name}=DIR",
            ) from None

    def layout(self, name: str) -> str:
        """Return the layout's directory; raises `BuildError` for a name that this session does not have."""
        if name in self._layouts:
            return self._layouts[name]
        raise BuildError(
            f"the graph reads the OCI layout {name!r}, which this build does not have",
            code="LA0121",
            help=f"give it with --build-context {name}=oci-layout://DIR",
        )

    def secret(self, id: str) -> bytes | None:
        """Return the secret, None if it was not given."""
        return self._secrets.get(id)

    def secrets(self) -> Sequence[bytes]:
        """Return the values of all secrets."""
        return tuple(self._secrets.values())

    def agent(self, id: str) -> Agent | None:
        """Return the agent, None if it was not given."""
        return self._agents.get(id)
