# SPDX-License-Identifier: Apache-2.0
"""The agent protocol as far as a step may speak it: list the keys, sign with one. Everything else fails.

Adding, removing and locking keys, and extensions, would change the user's agent or reach beyond it.
(https://datatracker.ietf.org/doc/html/draft-ietf-sshm-ssh-agent)
"""

from __future__ import annotations

import asyncio
import struct

MAX_MESSAGE = 256 << 10
"""Bytes of a message, in either direction; OpenSSH's own limit."""

FAILURE = 5
REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
_ALLOWED = (REQUEST_IDENTITIES, SIGN_REQUEST)
_LENGTH = struct.Struct(">I")


def allowed(message: bytes) -> bool:
    """Say whether a step may ask this of an agent."""
    return message[0] in _ALLOWED


async def receive(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next message, None at the end and for what is none: too long, empty or broken off."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if not 0 < length <= MAX_MESSAGE:
            return None
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def send(writer: asyncio.StreamWriter, message: bytes) -> None:
    """Send one message, and wait while the other side is slow."""
    writer.write(_LENGTH.pack(len(message)) + message)
    await writer.drain()


def text(data: bytes) -> bytes:
    """Return bytes as the protocol's `string`."""
    return _LENGTH.pack(len(data)) + data


def take_text(data: bytes) -> tuple[bytes, bytes]:
    """Return the `string` at the beginning and what follows; raises `ValueError`."""
    if len(data) < _LENGTH.size or len(data) - _LENGTH.size < _LENGTH.unpack_from(data)[0]:
        raise ValueError("a string that is cut off")
    end = _LENGTH.size + _LENGTH.unpack_from(data)[0]
    return data[_LENGTH.size : end], data[end:]
