# SPDX-License-Identifier: Apache-2.0
"""Messages between ladle and its worker: msgpack maps, framed on streams, whole on the control socket.

A frame is a 4-byte big-endian length and that many bytes of msgpack. Strings may hold undecodable file names
(surrogateescape). The control socket is SOCK_SEQPACKET: one message each, with its file descriptors.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ladle.core.api.errors import BuildError, InternalError, UsageError

MAX_FRAME = 64 << 20
MAX_CONTROL = 128 << 10
MAX_FDS = 250

_LENGTH = struct.Struct(">I")
_INT_SIZE = array.array("i").itemsize
_KINDS: dict[str, type[BuildError]] = {"build": BuildError, "usage": UsageError}

Message = dict[str, Any]


class WireError(Exception):
    """The other side broke off in mid-frame, or sent what is not a frame."""


def pack(message: Mapping[str, Any]) -> bytes:
    """Encode a message as msgpack, without its length."""
    import msgpack

    body: bytes = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogateescape")
    if len(body) > MAX_FRAME:
        raise InternalError(f"a worker message of {len(body)} bytes exceeds the limit of {MAX_FRAME}")
    return body


def unpack(body: bytes | bytearray) -> Message:
    """Decode a message; raises `WireError` for anything but a map."""
    import msgpack

    try:
        message = msgpack.unpackb(body, raw=False, unicode_errors="surrogateescape", strict_map_key=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise WireError(f"not msgpack: {error}") from error
    if not isinstance(message, dict):
        raise WireError(f"a message is a map, not {type(message).__name__}")
    return message


def frame(message: Mapping[str, Any]) -> bytes:
    """Encode a message as a frame."""
    body = pack(message)
    return _LENGTH.pack(len(body)) + body


def send_frame(sock: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one frame on a blocking stream socket."""
    sock.sendall(frame(message), socket.MSG_NOSIGNAL)


def frame_length(header: bytes) -> int:
    """Return the body length that a frame's first four bytes announce; raises `WireError` above the limit."""
    (length,) = _LENGTH.unpack(header)
    if length > MAX_FRAME:
        raise WireError(f"a frame of {length} bytes exceeds the limit of {MAX_FRAME}")
    return int(length)


def receive_frame(sock: socket.socket) -> Message | None:
    """Receive one frame from a blocking stream socket; None where the stream ends between frames."""
    header = _receive_exactly(sock, _LENGTH.size, may_end=True)
    if header is None:
        return None
    body = _receive_exactly(sock, frame_length(header), may_end=False)
    return unpack(body or b"")


def _receive_exactly(sock: socket.socket, size: int, *, may_end: bool) -> bytes | None:
    data = bytearray(size)
    view = memoryview(data)
    done = 0
    while done < size:
        count = sock.recv_into(view[done:])
        if count == 0:
            if may_end and done == 0:
                return None
            raise WireError("the stream ended in the middle of a frame")
        done += count
    return bytes(data)


class Decoder:
    """Frames out of chunks, for a non-blocking reader."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Add what came in."""
        self._buffer += chunk

    def messages(self) -> Iterator[Message]:
        """Take out every whole message; raises `WireError` for what is not one."""
        position = 0
        buffer = self._buffer
        try:
            while len(buffer) - position >= _LENGTH.size:
                end = position + _LENGTH.size + frame_length(bytes(buffer[position : position + _LENGTH.size]))
                if len(buffer) < end:
                    return
                body = bytes(buffer[position + _LENGTH.size : end])
                position = end
                yield unpack(body)
        finally:
            del buffer[:position]


def send_control(sock: socket.socket, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message with file descriptors on a SOCK_SEQPACKET socket."""
    body = pack(message)
    if len(body) > MAX_CONTROL:
        raise InternalError(f"a control message of {len(body)} bytes exceeds the limit of {MAX_CONTROL}")
    if len(fds) > MAX_FDS:
        raise InternalError(f"{len(fds)} file descriptors for one job exceed the limit of {MAX_FDS}")
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([body], ancillary)


def receive_control(sock: socket.socket) -> tuple[Message, list[int]] | None:
    """Receive one control message and its descriptors (close-on-exec); None at the end of the connection."""
    space = socket.CMSG_SPACE(MAX_FDS * _INT_SIZE)
    body, ancillary, flags, _ = sock.recvmsg(MAX_CONTROL, space, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % _INT_SIZE])
    try:
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise WireError("a control message was cut")
        if not body:
            return None
        return unpack(body), list(fds)
    except WireError:
        for fd in fds:
            os.close(fd)
        raise


def error_message(error: BaseException) -> Message:
    """Return `{"error": …}` for an exception that ended a job; a traceback goes with what is our own fault."""
    if isinstance(error, BuildError):
        kind = "usage" if isinstance(error, UsageError) else "build"
        fields = {"message": error.message, "code": error.code, "notes": list(error.notes), "help": error.help}
        return {"error": {"kind": kind, **fields}}
    import traceback

    notes = "".join(traceback.format_exception(error)).splitlines()
    return {"error": {"kind": "internal", "message": f"{type(error).__name__}: {error}", "notes": notes[-40:]}}


def error_from(fields: Mapping[str, Any]) -> Exception:
    """Return the exception that an `{"error": …}` map stands for."""
    message = str(fields.get("message", ""))
    notes = [str(note) for note in fields.get("notes", ())]
    cls = _KINDS.get(str(fields.get("kind", "build")))
    if cls is None:
        error = InternalError(message)
        for note in notes:
            error.add_note(note)
        return error
    code = str(fields.get("code") or "LA0001")
    return cls(message, code=code, notes=notes, help=str(fields.get("help", "")))
