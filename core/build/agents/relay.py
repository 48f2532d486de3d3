# SPDX-License-Identifier: Apache-2.0
"""From the sockets of a step to the user's agents.

The step's job makes each socket inside its own file system and passes the listening end to us: who connects in the
step speaks with this process, which speaks with the agent. The worker never sees an agent, nor a step anything of it
but the answers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ladle.core.api.services import Agent

MAX_CONNECTIONS = 64
"""Connections of a step to one agent at a time; more wait until one ends."""


@asynccontextmanager
async def relay(agents: Sequence[tuple[str, Agent]], warn: Callable[[str], None]) -> AsyncIterator[list[int]]:
    """Serve agents, pairs of id and agent, for as long as a job runs; gives the descriptor that is the job's.

    On it the job sends, for each socket that it has made, the agent's number and the listening end.
    """
    if not agents:
        yield []
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    serving = asyncio.ensure_future(_serve(ours, agents, warn))
    try:
        with theirs:
            yield [theirs.fileno()]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        ours.close()


async def _serve(channel: socket.socket, agents: Sequence[tuple[str, Agent]], warn: Callable[[str], None]) -> None:
    """Take listening sockets as they come, and whoever connects to them."""
    tasks: set[asyncio.Task[None]] = set()
    try:
        for _ in agents:
            await _readable(channel)
            message, descriptors, _, _ = socket.recv_fds(channel, 16, 1)
            if not message or not descriptors:
                return
            listener = socket.socket(fileno=descriptors[0])
            tasks.add(asyncio.ensure_future(_accept(listener, *agents[int(message)], warn)))
        await asyncio.gather(*tasks)
    finally:
        await _end(tasks)


async def _readable(channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(channel, wake)
    try:
        await ready
    finally:
        loop.remove_reader(channel)


async def _accept(listener: socket.socket, id: str, agent: Agent, warn: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    free = asyncio.Semaphore(MAX_CONNECTIONS)
    tasks: set[asyncio.Task[None]] = set()
    listener.setblocking(False)
    try:
        with listener:
            while True:
                await free.acquire()
                connection, _ = await loop.sock_accept(listener)
                task = asyncio.ensure_future(_speak(connection, id, agent, warn))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                task.add_done_callback(lambda _: free.release())
    finally:
        await _end(tasks)


async def _speak(connection: socket.socket, id: str, agent: Agent, warn: Callable[[str], None]) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    try:
        await agent.serve(reader, writer)
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            warn(f"ssh agent {id}: {error.strerror or error}")
    finally:
        writer.close()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
