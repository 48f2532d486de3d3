# SPDX-License-Identifier: Apache-2.0
"""What `--ssh` may say, and what it leads to."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError, UsageError
from ladle.core.build.agents.specs import AgentSpec, open_agent, parse_ssh
from ladle.core.build.agents.upstream import RawAgent, SocketAgent


@pytest.mark.row("DM-27")
@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("default", AgentSpec("default")),
        ("github", AgentSpec("github")),
        ("a=/run/s", AgentSpec("a", ("/run/s",))),
        ("a=/k1,/k2", AgentSpec("a", ("/k1", "/k2"))),
        ("a=/run/s,raw=true", AgentSpec("a", ("/run/s",), True)),
        ("a=/run/s,raw", AgentSpec("a", ("/run/s",), True)),
        ("a=/run/s,raw=false", AgentSpec("a", ("/run/s",))),
    ],
)
def test_flags(text: str, spec: AgentSpec) -> None:
    assert parse_ssh(text) == spec


@pytest.mark.parametrize("text", ["", "=x", "a=x,raw=maybe", "a=,", "a=x,y,raw", "a,b=x"])
def test_mistakes(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_ssh(text)
    assert caught.value.code == "LA0126"
    assert "ID=SOCKET" in caught.value.help


def listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    return listener


def test_a_socket_is_forwarded_and_a_raw_one_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with listening(tmp_path / "s"):
        assert isinstance(open_agent(AgentSpec("a", (path,)), {}), SocketAgent)
        assert isinstance(open_agent(AgentSpec("a"), {"SSH_AUTH_SOCK": path}), SocketAgent)
        assert isinstance(open_agent(AgentSpec("a", (path,), True), {}), RawAgent)


def test_no_agent_to_forward() -> None:
    with pytest.raises(BuildError, match="SSH_AUTH_SOCK is not set") as caught:
        open_agent(AgentSpec("default"), {})
    assert "--ssh default=PATH" in caught.value.help


def test_what_is_neither_socket_nor_key(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    key = tmp_path / "key"
    key.write_text("x")
    with pytest.raises(BuildError, match="No such file"):
        open_agent(AgentSpec("a", (path,)), {})
    with pytest.raises(BuildError, match="neither a socket nor a key"):
        open_agent(AgentSpec("a", (str(tmp_path),)), {})
    with pytest.raises(BuildError, match="raw takes a socket"):
        open_agent(AgentSpec("a", (str(key),), True), {})
    with listening(tmp_path / "s"), pytest.raises(BuildError, match="not both"):
        open_agent(AgentSpec("a", (path, str(key))), {})
