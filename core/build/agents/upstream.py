# SPDX-License-Identifier: Apache-2.0
"""Agents behind a socket of the user's: one connection to it for each connection of a step."""

from __future__ import annotations

import asyncio
import contextlib

from ladle.core.build.agents.messages import FAILURE, allowed, receive, send

_CHUNK = 64 << 10


class SocketAgent:
    """Passes on requests to list and to sign, and their answers; everything else is answered as failed."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client to its end; raises `OSError` if the user's agent does not answer."""
        theirs, ours = await asyncio.open_unix_connection(self._path)
        try:
            while (message := await receive(reader)) is not None:
                answer: bytes | None = bytes([FAILURE])
                if allowed(message):
                    await send(ours, message)
                    answer = await receive(theirs)
                if answer is None:
                    raise ConnectionResetError("it closed the connection")
                await send(writer, answer)
        finally:
            ours.close()


class RawAgent:
    """Passes on every byte, both ways: a socket of whatever kind, not only an agent's."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client until both sides have ended; raises `OSError` if nobody listens."""
        theirs, ours = await asyncio.open_unix_connection(self._path)
        ways = [asyncio.ensure_future(_pump(reader, ours)), asyncio.ensure_future(_pump(theirs, writer))]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            ours.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
