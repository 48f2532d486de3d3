# SPDX-License-Identifier: Apache-2.0
"""Frontends that break the protocol: each is told with the place in the build file that asked for it."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ladle.core.api.errors import BuildError
from ladle.core.build.foreign.frontend import ForeignFrontend
from ladle.core.build.foreign.program import Program
from ladle.core.cli.frontend.peer import TestContext
from tests.support.command import Ladle

Write = Callable[..., Path]
HEAD = """# comment
import os, socket, sys, time, msgpack
channel = socket.socket(fileno=os.dup(next(
    int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2
    and os.path.exists(f"/proc/self/fd/{name}") and os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
)))
def send(message):
    body = msgpack.packb(message)
    channel.sendall(len(body).to_bytes(4, "big") + body)
    os._exit(0)
def graph(**more):
    made = {"ops": [], "results": [["linux/amd64"]], **more}
    return {"done": {"graph": made, "images": [{"platform": "linux/amd64"}]}}
"""


def op(name: str, inputs: str = "[]", fields: str = "{}") -> str:
    return f"{{'op': {{{name!r}: {fields}}}, 'inputs': {inputs}}}"


MERGE = "{'op': {'merge': {'inputs': [0, 1]}}, 'inputs': [[0, 0], [1, 0]]}"
SAID = """said = {'code': 'A1', 'severity': 'error', 'message': 'm', 'labels': [[0, -5, 99, '']], 'notes': []}
said |= {'help': '', 'rule': ''}
"""
BROKEN = {
    "a frame without an end": ("channel.sendall(b'\\0\\0\\1\\0x'); os._exit(0)", "FE0012"),
    "a frame that is too long": ("channel.sendall(b'\\xff' * 8); os._exit(0)", "FE0012"),
    "no msgpack": ("channel.sendall(b'\\0\\0\\0\\1\\xc1'); os._exit(0)", "FE0012"),
    "no map": ("send([])", "FE0012"),
    "neither a question nor an answer": ("send({'x': 1})", "FE0012"),
    "an unknown question": ("send({'id': 1, 'ask': 'shadow', 'args': {}})", "FE00"),
    "arguments of another type": ("send({'id': 1, 'ask': 'read', 'args': {'path': 3}})", "FE00"),
    "done without a graph": ("send({'done': {}})", "FE0012"),
    "done that is no map": ("send({'done': 1})", "FE0012"),
    "failed without a reason": ("send({'failed': {}})", "FE0012"),
    "offsets outside of the file": (SAID + "send({'failed': {'sources': [['x', 'ab']], 'diagnostics': [said]}})", ""),
    "an op that nobody knows": (f"send(graph(ops=[{op('dance')}]))", "FE0013"),
    "an input that comes later": (f"send(graph(ops=[{MERGE}], results=[['linux/amd64', 0, 0]]))", "FE0013"),
    "a result that is not there": ("send(graph(results=[['linux/amd64', 7, 0]]))", "FE0013"),
    "images for other platforms": ("send(graph(results=[['linux/s390x']]))", ""),
    "text that is not UTF-8": ("channel.sendall(b'\\0\\0\\0\\3\\x81\\xa1\\xff'); os._exit(0)", "FE0012"),
    "gone without a word": ("os._exit(0)", "FE0011"),
    "killed": ("os.abort()", "FE0011"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_the_protocol_is_located(name: str, ladle: Ladle, context: Write) -> None:
    body, code = BROKEN[name]
    directory = context({"Dockerfile": "# escape=`\n# syntax=./it.py\nx\n", "it.py": HEAD + body + "\n"})
    done = ladle("build", directory, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1, said
    assert "error[" + code in said
    assert "-->" in said
    assert "Traceback" not in said
    assert "this is a bug in ladle" not in said.lower()
    if code in ("FE0011", "FE0012", "FE0013"):
        assert "--> Dockerfile:2:1" in said
        assert "while this file was compiled" in said


MESSAGE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "ask", "args", "done", "failed", "graph", "images", "ops", "results", "error", "path"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


class Engine:
    """An engine whose frontend sends some bytes, whatever it is told, and ends."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.worker = self

    def run(self, job: str, args: object, *, fds: list[int], on_event: object) -> int:
        return os.dup(fds[0])

    def start(self, fd: int) -> Future[dict[str, Any]]:
        ended: Future[dict[str, Any]] = Future()
        with socket.socket(fileno=fd) as channel:
            channel.sendall(self.data)
            channel.shutdown(socket.SHUT_WR)
        ended.set_result({"exit_code": 0, "reason": ""})
        return ended


@settings(max_examples=150)
@given(message=MESSAGE, junk=st.binary(max_size=6), cut=st.integers(0, 8))
def test_no_message_is_more_than_an_error(message: Any, junk: bytes, cut: int) -> None:
    body = msgpack.packb(message)
    data = struct.pack(">I", len(body)) + body + junk
    engine: Any = Engine(data[: len(data) - cut] if cut else data)
    context = TestContext(b"# syntax=./it\n")
    frontend = ForeignFrontend(Program(name="./it", argv=("/it",)), engine, cast("Any", None), lambda _: None)
    try:
        result = frontend.compile(cast("Any", context))
    except BuildError as error:
        said = (error.code, error.message)
    else:
        said = ("done", type(result).__name__)
    assert all(said)
