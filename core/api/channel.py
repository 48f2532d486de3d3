# SPDX-License-Identifier: Apache-2.0
"""The channel between ladle and a frontend in a process of its own: msgpack maps in frames (docs/frontend-protocol.md).

A frame is a 4-byte big-endian length and that many bytes of msgpack: one map. Both sides read what the other sent as
untrusted: frames have a size, containers a count.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

MAX_FRAME_BYTES = 64 << 20
MAX_CONTAINER = 1_000_000
MAX_CONTAINERS = 2_000_000
"""Lists and maps of one message, counted together: an empty one is a byte in a frame, and many in memory."""
_LENGTH = struct.Struct(">I")


class ChannelError(Exception):
    """The other side broke off within a frame, went silent, or sent what is not a map."""


class ChannelClosedError(ChannelError):
    """The other side is gone, with a message half written or not read."""


class Channel:
    """One end of the stream. `timeout` is the seconds that a message of the other side may take, None for ever."""

    def __init__(self, sock: socket.socket, *, timeout: float | None = None) -> None:
        self._sock = sock
        self._timeout = timeout
        sock.settimeout(timeout)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one map; raises `ChannelError` for one that is too large or that nobody reads."""
        import msgpack

        body: bytes = msgpack.packb(message, use_bin_type=True)
        if len(body) > MAX_FRAME_BYTES:
            raise ChannelError(f"a message of {len(body)} bytes is beyond the limit of {MAX_FRAME_BYTES}")
        try:
            self._sock.settimeout(self._timeout)
            self._sock.sendall(_LENGTH.pack(len(body)) + body)
        except TimeoutError:
            raise ChannelError("the other side does not read") from None
        except OSError as error:
            raise ChannelClosedError(f"the channel is closed: {error.strerror}") from None

    def receive(self) -> dict[str, Any] | None:
        """Return the next map, None where the stream ends between frames; raises `ChannelError` for anything else."""
        import msgpack

        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        header = self._exactly(_LENGTH.size, deadline)
        if header is None:
            return None
        (length,) = _LENGTH.unpack(header)
        if length > MAX_FRAME_BYTES:
            raise ChannelError(f"a frame of {length} bytes is beyond the limit of {MAX_FRAME_BYTES}")
        body = self._exactly(length, deadline)
        if body is None:
            raise ChannelError("the stream ended within a frame")
        count = _Count()
        try:
            message = msgpack.unpackb(
                body,
                raw=False,
                strict_map_key=True,
                max_array_len=MAX_CONTAINER,
                max_map_len=MAX_CONTAINER,
                list_hook=count,
                object_hook=count,
            )
        except Exception as error:  # msgpack raises a dozen kinds, some of them plain ValueError and TypeError
            raise ChannelError(f"a frame is not msgpack: {error or type(error).__name__}") from None
        if type(message) is not dict:
            raise ChannelError(f"a message is a map, not {type(message).__name__}")
        return message

    def _exactly(self, size: int, deadline: float | None) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            if deadline is not None:
                self._sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = self._sock.recv(min(size - len(data), 1 << 20))
            except TimeoutError:
                raise ChannelError("no answer in time") from None
            except OSError as error:
                raise ChannelClosedError(f"the channel is closed: {error.strerror}") from None
            if not chunk:
                if not data:
                    return None
                raise ChannelError("the stream ended within a frame")
            data += chunk
        return bytes(data)


class _Count:
    """Counts the containers of a message while it is decoded, and stops at too many."""

    def __init__(self) -> None:
        self.left = MAX_CONTAINERS

    def __call__(self, container: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"more than {MAX_CONTAINERS:,} lists and maps")
        return container
