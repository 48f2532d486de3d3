# SPDX-License-Identifier: Apache-2.0
"""Frames, control messages with descriptors, and errors across the wire."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from ladle.core.api.errors import BuildError, InternalError, UsageError
from ladle.core.worker import wire


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_frame_carries_bytes_text_and_undecodable_names(pair: tuple[socket.socket, socket.socket]) -> None:
    message = {"name": os.fsdecode(b"caf\xe9"), "data": b"\0\xff", "list": [1, None, True, {"a": "ü"}]}
    wire.send_frame(pair[0], message)
    assert wire.receive_frame(pair[1]) == message


def test_the_end_between_frames_is_none_and_within_one_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(wire.frame({"a": 1}) + wire.frame({"b": 2})[:-1])
    pair[0].shutdown(socket.SHUT_WR)
    assert wire.receive_frame(pair[1]) == {"a": 1}
    with pytest.raises(wire.WireError, match="middle of a frame"):
        wire.receive_frame(pair[1])
    assert wire.receive_frame(pair[1]) is None


def test_an_announced_giant_is_refused_before_it_is_read(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall((wire.MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(wire.WireError, match="exceeds the limit"):
        wire.receive_frame(pair[1])


@pytest.mark.parametrize("body", [b"\xc1", b"\x93\x01", b"\x01", b"\x81\xa1a\x01\x02"])
def test_what_is_not_one_map_is_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack(body)


def test_the_decoder_finds_frames_in_chunks_of_any_size() -> None:
    messages = [{"n": number, "data": b"x" * number} for number in range(40)]
    stream = b"".join(wire.frame(message) for message in messages)
    for size in (1, 3, 7, 64, len(stream)):
        decoder = wire.Decoder()
        found = []
        for start in range(0, len(stream), size):
            decoder.feed(stream[start : start + size])
            found += list(decoder.messages())
        assert found == messages


def test_the_decoder_keeps_what_was_not_taken() -> None:
    decoder = wire.Decoder()
    decoder.feed(wire.frame({"a": 1}) + wire.frame({"b": 2}))
    assert next(decoder.messages()) == {"a": 1}
    assert list(decoder.messages()) == [{"b": 2}]


def test_control_messages_bring_descriptors_that_are_not_inherited() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        reader, writer = os.pipe()
        wire.send_control(ours, {"job": "x"}, [writer])
        os.close(writer)
        received = wire.receive_control(theirs)
        assert received is not None
        message, (fd,) = received
        assert message == {"job": "x"}
        assert not os.get_inheritable(fd)
        os.write(fd, b"through")
        os.close(fd)
        assert os.read(reader, 100) == b"through"
        os.close(reader)
        ours.close()
        assert wire.receive_control(theirs) is None


def test_too_many_descriptors_and_too_large_control_messages_are_our_own_fault() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        with pytest.raises(InternalError, match="file descriptors"):
            wire.send_control(ours, {}, [0] * (wire.MAX_FDS + 1))
        with pytest.raises(InternalError, match="control message"):
            wire.send_control(ours, {"x": b"x" * wire.MAX_CONTROL})


@pytest.mark.parametrize("cls", [BuildError, UsageError])
def test_errors_of_users_cross_whole(cls: type[BuildError]) -> None:
    fields = wire.error_message(cls("what", code="XX0001", notes=["a"], help="b"))["error"]
    error = wire.error_from(fields)
    assert type(error) is cls
    assert isinstance(error, BuildError)
    assert (error.message, error.code, error.notes, error.help) == ("what", "XX0001", ("a",), "b")


def test_bugs_cross_with_their_traceback() -> None:
    try:
        raise KeyError("lost")
    except KeyError as error:
        made = wire.error_from(wire.error_message(error)["error"])
    assert type(made) is InternalError
    assert str(made) == "KeyError: 'lost'"
    assert any("test_wire.py" in note for note in made.__notes__)
