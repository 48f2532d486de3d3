# SPDX-License-Identifier: Apache-2.0
"""docs/frontend-protocol.md is what is built: its bytes, its example, its questions and its numbers."""

from __future__ import annotations

import inspect
import json
import re
import socket
import struct
from base64 import b64decode
from typing import Any

import msgpack
import pytest

from ladle.core.api import channel, frontend_wire
from ladle.core.api.channel import Channel
from ladle.core.api.frontend import CompileOptions
from ladle.core.build.foreign import answers, frontend, serve
from ladle.core.build.foreign.program import Program
from ladle.core.worker import frontend_job
from ladle.frontends.testing import shown
from ladle.llb.errors import LLBError
from tests.support.repository import REPOSITORY

PAGE = (REPOSITORY / "docs" / "frontend-protocol.md").read_text(encoding="utf-8")
BYTES = [bytes.fromhex(block) for block in re.findall(r"```hex\n(.*?)```", PAGE, re.DOTALL)]
JSON = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
(TEXT,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def meant(value: Any) -> Any:
    """Return a value of the page with its bytes as bytes."""
    if isinstance(value, dict):
        return b64decode(value["base64"]) if value.keys() == {"base64"} else {k: meant(v) for k, v in value.items()}
    return [meant(item) for item in value] if isinstance(value, list) else value


def table(after: str) -> dict[str, str]:
    """Return the first two columns of the first table after a text."""
    lines = PAGE[PAGE.index(after) :].split("|---", 1)[1].splitlines()[1:]
    rows = {}
    for line in lines:
        if not line.startswith("|"):
            break
        name, value = line.split("|")[1:3]
        for each in name.split(","):
            rows[each.strip().strip("`")] = value.strip()
    return rows


def test_the_frames_are_those_of_the_channel() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for message, data in zip(
            ({"id": 1, "ask": "read", "args": {"path": "a"}}, {"id": 1, "answer": b"hi\n"}), BYTES, strict=True
        ):
            Channel(ours).send(message)
            assert theirs.recv(100) == data
            theirs.sendall(data)
            assert Channel(ours).receive() == message


def test_the_result_is_one_and_its_text_is_right() -> None:
    result = frontend_wire.result_from_wire(meant(JSON[1]))
    text = "\n".join(line for line in shown(result).splitlines() if not line.startswith("config "))
    assert text == TEXT.rstrip("\n")
    definition = result.images[0].state.marshal()
    (place,) = definition.locations[definition.vertices[-1].digest]
    assert (place.source.filename, place.source.data, place.ranges[0].start_line) == ("it.lines", b"make\n", 1)


def test_the_findings_are_findings() -> None:
    (found,) = frontend_wire.diagnostics_from_wire(JSON[0])
    span = found.labels[0].span
    assert (found.code, span.source.text[span.start : span.end], found.help) == ("LN0001", "!oops", "leave it out")


def test_every_question_is_there_with_its_arguments() -> None:
    rows = table("| question | arguments")
    methods = {
        name.removeprefix("answer_"): m for name, m in vars(answers.Answers).items() if name.startswith("answer_")
    }
    assert rows.keys() == methods.keys()
    for name, method in methods.items():
        wanted = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
        assert re.findall(r"`(\w+)`", rows[name].split(":")[0].replace("(`docker-image`)", "")) == wanted, name


def test_every_option_and_key_of_the_first_message_is_there() -> None:
    start = Program(name="x", source=b"").start("compile", ("f", b""), CompileOptions())
    assert table("### The first message").keys() == start.keys()
    assert table("| option | value").keys() == start["options"].keys()
    assert all(f"`{call}`" in table("### The first message")["call"] for call in (*frontend.CALLS, "compile"))
    assert start["ladle.frontend"] == frontend_wire.PROTOCOL == 1


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("at most 64 MiB", channel.MAX_FRAME_BYTES >> 20),
        ("1,000,000 entries", channel.MAX_CONTAINER),
        ("up to 100,000", serve.MAX_QUESTIONS),
        ("60 s from one message", int(serve.SILENCE_SECONDS)),
        ("1 GiB of memory", frontend_job.FRONTEND_MEMORY_BYTES >> 30),
        ("60 s of processor", frontend_job.FRONTEND_CPU_SECONDS),
        ("64 processes", frontend_job.FRONTEND_PROCESSES),
        ("64 MiB a file", frontend_job.FRONTEND_FILE_BYTES >> 20),
        ("1 MiB of log", frontend_job.FRONTEND_LOG_BYTES >> 20),
        ("1,000 findings", frontend_wire.MAX_DIAGNOSTICS),
        ("100,000 at most", answers.MAX_NAMES),
    ],
)
def test_numbers_are_those_of_the_code(words: str, value: int) -> None:
    assert words in PAGE
    assert int(next(filter(None, re.findall(r"[\d,]+", words))).replace(",", "")) == value


def test_what_the_page_says_of_graphs_holds() -> None:
    wire = meant(JSON[1])["graph"]
    unused = {**wire, "ops": [*wire["ops"], wire["ops"][0]]}
    plain = {name: wire[name] for name in ("results", "ops")}
    one, two, three = (
        frontend_wire.result_from_wire({**meant(JSON[1]), "graph": each}) for each in (wire, unused, plain)
    )
    assert (
        one.images[0].state.marshal().head == two.images[0].state.marshal().head == three.images[0].state.marshal().head
    )
    later = {**wire, "ops": [{**wire["ops"][1], "inputs": [[1, 0]]}, wire["ops"][0]]}
    with pytest.raises(LLBError, match="op 0: inputs: 1 is not the index of an earlier op"):
        frontend_wire.result_from_wire({**meant(JSON[1]), "graph": later})


def test_a_length_is_big_endian() -> None:
    (length,) = struct.unpack(">I", BYTES[0][:4])
    assert msgpack.unpackb(BYTES[0][4:]) == {"id": 1, "ask": "read", "args": {"path": "a"}}
    assert length == len(BYTES[0]) - 4
