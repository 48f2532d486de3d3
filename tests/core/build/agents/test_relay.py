# SPDX-License-Identifier: Apache-2.0
"""From a socket to an agent and back: what passes, what does not, and how much of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ladle.core.build.agents import messages, relay
from ladle.core.build.agents.upstream import RawAgent, SocketAgent
from ladle.core.worker.exec_agents import offer

LIST, SIGN, REMOVE_ALL = b"\x0b", b"\x0d", b"\x13"
Client = Callable[[str, str], Awaitable[None]]


class Upstream:
    """The user's agent: answers everything with its own request."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.open = 0
        self.most = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        while (message := await messages.receive(reader)) is not None:
            self.seen.append(message)
            await messages.send(writer, message)
        self.open -= 1
        writer.close()


def through(
    tmp_path: Path, client: Callable[[str], Awaitable[None]], *, raw: bool = False, there: bool = True
) -> tuple[Upstream, list[str]]:
    """Run a client of a socket as a step has it; returns the agent behind it, and the warnings."""
    upstream, warnings, path = Upstream(), list[str](), str(tmp_path / "upstream")

    async def whole() -> None:
        agent = RawAgent(path) if raw else SocketAgent(path)
        server = await asyncio.start_unix_server(upstream, path) if there else None
        async with relay.relay([("mine", agent)], warnings.append) as fds:
            (tmp_path / "step").mkdir()
            place = offer(fds[0], str(tmp_path / "step"), number=0, dest="/s", uid=0, gid=0, mode=0o600)
            await asyncio.wait_for(client(place), 20)
        if server is not None:
            server.close()

    asyncio.run(whole())
    return upstream, warnings


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> bytes | None:
    await messages.send(writer, message)
    return await messages.receive(reader)


@pytest.mark.parametrize("raw", [False, True])
def test_listing_and_signing_pass_and_the_rest_only_raw(tmp_path: Path, raw: bool) -> None:
    answers = []

    async def client(path: str) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        for message in (LIST, SIGN + b"data", REMOVE_ALL, b"\x1bextension"):
            answers.append(await ask(reader, writer, message))
        writer.close()

    upstream, warnings = through(tmp_path, client, raw=raw)
    assert answers[:2] == [LIST, SIGN + b"data"]
    assert answers[2:] == ([REMOVE_ALL, b"\x1bextension"] if raw else [b"\x05", b"\x05"])
    assert len(upstream.seen) == (4 if raw else 2)
    assert warnings == []


def test_a_message_has_a_size(tmp_path: Path) -> None:
    answers = []

    async def client(path: str) -> None:
        for length in (messages.MAX_MESSAGE, messages.MAX_MESSAGE + 1, 0):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(
                struct.pack(">I", length) + SIGN + bytes(min(length, messages.MAX_MESSAGE) - 1 if length else 0)
            )
            answers.append(await messages.receive(reader))
            writer.close()

    upstream, _ = through(tmp_path, client)
    assert [answer and len(answer) for answer in answers] == [messages.MAX_MESSAGE, None, None]
    assert len(upstream.seen) == 1


def test_connections_have_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MAX_CONNECTIONS", 3)
    answers = []

    async def one(path: str) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        answers.append(await ask(reader, writer, LIST))
        await asyncio.sleep(0.02)
        writer.close()

    async def client(path: str) -> None:
        await asyncio.gather(*(one(path) for _ in range(10)))

    upstream, _ = through(tmp_path, client)
    assert answers == [LIST] * 10
    assert upstream.most == 3


def test_an_agent_that_is_gone_is_told(tmp_path: Path) -> None:
    async def client(path: str) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        assert await ask(reader, writer, LIST) is None
        writer.close()

    assert through(tmp_path, client, there=False)[1] == ["ssh agent mine: No such file or directory"]


def test_nothing_is_left_when_the_job_ends_before_its_clients(tmp_path: Path) -> None:
    clients: list[socket.socket] = []

    async def client(path: str) -> None:
        clients.append(socket.socket(socket.AF_UNIX))
        clients[0].connect(path)

    through(tmp_path, client)
    with clients[0], contextlib.suppress(ConnectionResetError):
        assert clients[0].recv(1) == b""
