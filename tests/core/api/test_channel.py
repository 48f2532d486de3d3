# SPDX-License-Identifier: Apache-2.0
"""The channel to a frontend: whatever the other side sends, the reader ends soon and says what was wrong."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api import channel as channel_module
from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import MAX_CONTAINER, MAX_FRAME_BYTES, Channel, ChannelError
from ladle.core.api.diagnostics import Diagnostic, Severity
from ladle.frontends.process.trouble import MAX_NOTES, diagnose

Ends = tuple[Channel, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Return a channel and the bare socket of its other side."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours, timeout=5), theirs


def test_what_is_sent_is_received(ends: Ends) -> None:
    channel, other = ends
    Channel(other).send({"a": [1, b"\xff", None]})
    assert channel.receive() == {"a": [1, b"\xff", None]}
    other.shutdown(socket.SHUT_WR)
    assert channel.receive() is None


def test_frames_have_a_size(ends: Ends) -> None:
    channel, other = ends
    other.sendall(struct.pack(">I", MAX_FRAME_BYTES + 1))
    with pytest.raises(ChannelError, match="beyond the limit"):
        channel.receive()
    with pytest.raises(ChannelError, match="beyond the limit"):
        channel.send({"a": bytes(MAX_FRAME_BYTES)})


def test_lists_have_a_length(ends: Ends) -> None:
    channel, other = ends
    body = b"\x81\xa1a\xdd" + struct.pack(">I", MAX_CONTAINER + 1) + bytes(100)
    other.sendall(struct.pack(">I", len(body)) + body)
    with pytest.raises(ChannelError, match="not msgpack"):
        channel.receive()


def test_lists_and_maps_are_counted(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "MAX_CONTAINERS", 100)
    channel, other = ends
    for count, fine in ((98, True), (200, False)):
        body = b"\x81\xa1a\xdc" + struct.pack(">H", count) + b"\x90" * count
        other.sendall(struct.pack(">I", len(body)) + body)
        if fine:
            assert channel.receive() == {"a": [[]] * count}
    with pytest.raises(ChannelError, match="more than 100 lists and maps"):
        channel.receive()


def test_a_message_in_drops_ends_too() -> None:
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.01):
            theirs.send(b"\0")

    with ours, theirs:
        theirs.sendall(struct.pack(">I", 10_000))
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            with pytest.raises(ChannelError, match="no answer in time"):
                Channel(ours, timeout=0.1).receive()
        finally:
            stop.set()
            dripping.join()


def test_silence_ends() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ChannelError, match="no answer in time"):
        Channel(ours, timeout=0.02).receive()


@given(st.binary(max_size=200))
def test_any_bytes_are_maps_or_mistakes(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            message = Channel(ours, timeout=5).receive()
        except ChannelError:
            return
        assert message is None or isinstance(message, dict)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["sources", "diagnostics", "text", "status"]), PLAIN))
def test_any_map_is_findings_or_a_mistake(value: dict[str, object]) -> None:
    for reader in (wire.diagnostics_from_wire, wire.answer_from_wire):
        try:
            reader(value)
        except ChannelError:
            continue


def test_findings_have_a_number() -> None:
    many = [Diagnostic(code="X0001", severity=Severity.WARNING, message=str(number)) for number in range(1001)]
    assert len(wire.diagnostics_from_wire(wire.diagnostics_to_wire(many))) == wire.MAX_DIAGNOSTICS


def test_frames_of_a_program_have_a_number() -> None:
    source = "def down(n):\n    return down(n - 1) if n else 1 / 0\ndown(60)\n"
    try:
        exec(compile(source, "it.py", "exec"), {})
    except ZeroDivisionError as error:
        found = diagnose(error, "Dockerfile", b"# syntax=./it.py\n", {"name": "it.py", "source": source.encode()})
    assert "raised ZeroDivisionError" in found.message
    assert len(found.notes) == MAX_NOTES
