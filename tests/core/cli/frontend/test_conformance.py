# SPDX-License-Identifier: Apache-2.0
"""The conformance suite can fail: each way to break the protocol is found by the case that looks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.cli.frontend import peer
from ladle.core.cli.frontend.conformance import CASES, FaultError, Sample, Suite, sample_of
from ladle.core.cli.frontend.peer import target_of
from tests.core.cli.frontend.conftest import Run

HEAD = (
    f"#!{sys.executable}\n"
    """
import os, socket, sys, time, msgpack
channel = socket.socket(fileno=int(os.environ["LADLE_FRONTEND_FD"]))
def receive():
    data = b""
    while len(data) < 4:
        more = channel.recv(4 - len(data))
        if not more: sys.exit(1)
        data += more
    size, body = int.from_bytes(data, "big"), b""
    while len(body) < size:
        more = channel.recv(size - len(body))
        if not more: sys.exit(1)
        body += more
    return msgpack.unpackb(body)
def send(message):
    body = msgpack.packb(message)
    channel.sendall(len(body).to_bytes(4, "big") + body)
def ask(question, **args):
    send({"id": 7, "ask": question, "args": args})
    return receive()
first = receive()
if first["ladle.frontend"] != 1: sys.exit(2)
if first["call"] != "compile":
    send({"failed": {"error": {"message": "only compile", "code": "X1", "notes": [], "help": ""}}})
    sys.exit(0)
images = [{"platform": name, "config": {"os": name.split("/")[0],
    "architecture": name.split("/")[1], "config": {}}} for name in first["options"]["platforms"]]
"""
)


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Suite]:
    """Return a function that makes the suite of a program with some end, with little patience."""
    monkeypatch.setattr(peer, "PATIENCE", 0.6)

    def make(end: str, head: str = HEAD) -> Suite:
        program = tmp_path / "program"
        program.write_text(head + end)
        program.chmod(0o755)
        return Suite(target_of([str(program)]), Sample())

    return make


GOOD = 'send({"failed": {"error": {"message": "nothing to do", "code": "X2", "notes": [], "help": ""}}})\n'


def test_a_program_that_keeps_the_protocol_passes(suite: Callable[..., Suite]) -> None:
    found = list(suite(GOOD).run())
    assert [verdict.note for verdict in found if not verdict.passed] == []
    assert [verdict.case for verdict in found] == list(CASES)


@pytest.mark.parametrize(
    ("end", "case", "note"),
    [
        ("sys.exit(0)", "compile", "it ended (exit code 0) without a last message"),
        ("print('sorry'); sys.exit(3)", "compile", "it wrote: sorry"),
        ("channel.sendall(b'\\xff\\xff\\xff\\xff')", "compile", "frame"),
        ("channel.sendall((5).to_bytes(4, 'big') + b'\\xc1' * 5)", "compile", "msgpack"),
        ("send([1])", "compile", "map"),
        ("send({'what': 1})", "compile", "neither a question nor a last message"),
        ("send({'id': 1, 'ask': 'read', 'args': {}, 'x': 1})", "compile", "a question has no key 'x'"),
        ("send({'done': {'images': 1}})", "compile", "`done` is malformed"),
        ("send({'failed': {}})", "compile", "failed"),
        (GOOD + "send({'more': 1})", "compile", "another message after the last one"),
        (GOOD + "time.sleep(60)", "compile", "no answer in time"),
        (
            "send({'failed': {'error': {'message': 'm', 'code': 'X', 'notes': [], 'help': ''}}, 'x': 1})",
            "compile",
            "keys",
        ),
        ("channel.close(); time.sleep(60)", "cancelled", "it does not end when ladle has gone"),
        (
            "if os.environ['PYTHONHASHSEED'] == '2': sys.exit(4)\n" + GOOD,
            "same again",
            "it ended (exit code 4)",
        ),
        (
            "answer = ask('read', path='a')\nassert 'error' not in answer\n" + GOOD,
            "errors as answers",
            "without a last message",
        ),
        ("if len(first['file'][1]) > 1000: sys.exit(5)\n" + GOOD, "big build file", "exit code 5"),
        ("first['file'][1].decode()\n" + GOOD, "not UTF-8", "UnicodeDecodeError"),
        ("assert 'later' not in first\n" + GOOD, "unknown keys", "AssertionError"),
    ],
)
def test_what_is_wrong_is_found(suite: Callable[..., Suite], end: str, case: str, note: str) -> None:
    with pytest.raises(FaultError) as fault:
        CASES[case](suite(end))
    assert note in str(fault.value)


GRAPH = """
def finish(op, wanted=images):
    platform = {"os": "linux", "architecture": "amd64"}
    results = [[image["platform"], 0, 0] for image in wanted]
    send({"done": {"graph": {"ops": [{"op": op, "platform": platform}], "results": results}, "images": wanted}})
def source(name):
    return {"source": {"identifier": "docker-image://docker.io/library/" + name}}
"""


def test_a_program_that_makes_a_graph_passes(suite: Callable[..., Suite]) -> None:
    found = list(suite(GRAPH + "finish(source('busybox:1'))").run())
    assert [verdict.note for verdict in found if not verdict.passed] == []
    assert found[0].note == "done: 1 op, 1 image"


@pytest.mark.parametrize(
    ("end", "case", "note"),
    [
        ("finish({'fly': {}})", "compile", "fly"),
        ("finish(source('a' + os.environ['PYTHONHASHSEED']))", "same again", "not the same graph"),
        ("finish(source('a'), images[:1])", "several platforms", "images for linux/amd64, not for linux/amd64, linux"),
    ],
)
def test_what_is_wrong_with_a_graph_is_found(suite: Callable[..., Suite], end: str, case: str, note: str) -> None:
    with pytest.raises(FaultError) as fault:
        CASES[case](suite(GRAPH + end))
    assert note in str(fault.value)


@pytest.mark.parametrize(
    ("right", "wrong", "case", "note"),
    [
        ("!= 1: sys.exit(2)", "== 0: sys.exit(2)", "unknown version", "answers a version that it cannot know"),
        ('!= "compile":', '== "lint":', "unknown call", "it has to fail with an error"),
        ("while len(body) < size:", "if len(body) < size:", "frames in pieces", "incomplete input"),
        ("if not more: sys.exit(1)", "if not more: time.sleep(60)", "closed at once", "does not end when ladle has"),
        (
            "first = receive()",
            "first = receive()\nask('read', path='a')['answer'].decode()",
            "absent files",
            "NoneType",
        ),
    ],
)
def test_a_fault_in_the_conversation_is_found(
    suite: Callable[..., Suite], right: str, wrong: str, case: str, note: str
) -> None:
    assert right in HEAD
    with pytest.raises(FaultError) as fault:
        CASES[case](suite(GRAPH + "finish(source('busybox:1'))", HEAD.replace(right, wrong)))
    assert note in str(fault.value)


def test_a_sample_has_to_compile(tmp_path: Path, suite: Callable[..., Suite]) -> None:
    suite(GOOD)
    sample = tmp_path / "sample"
    sample.write_bytes(b"x")
    given = Suite(target_of([str(tmp_path / "program")]), sample_of(str(sample)))
    with pytest.raises(FaultError, match="the build file does not compile: nothing to do"):
        CASES["compile"](given)


def test_the_table_and_its_exit_code(run: Run, place: Path) -> None:
    run("new", "steps")
    said = run("conformance", "./steps.py", "-f", "sample.steps").stdout.decode()
    assert f"{len(CASES)} of {len(CASES)} passed" in said
    assert "done: 2 ops, 1 image" in said
    (place / "bad.py").write_text("import os\nos._exit(1)\n")
    done = run("conformance", "./bad.py", check=False)
    assert done.returncode == 1
    assert "FAIL  compile" in done.stdout.decode()
    for words in (["conformance", "./absent"], ["conformance", "./steps.py", "-f", "absent"]):
        done = run(*words, check=False)
        assert done.returncode == 2
        assert "FE012" in done.stderr.decode()


def test_the_schema_is_printed_or_the_lack_of_it_said(run: Run, place: Path) -> None:
    run("new", "steps")
    done = run("schema", "steps.py", check=False)
    assert done.returncode == 1
    assert "FE0127" in done.stderr.decode()
    (place / "it.py").write_text(
        "from ladle.frontends.sdk import CallResult\n\n\nclass It:\n    NAME = 'it'\n    VERSION = '1'\n\n"
        "    def detect(self, path, head):\n        return False\n\n    def compile(self, context):\n        pass\n\n"
        "    def schema(self, context):\n        return CallResult(data={'type': 'object'}, text='')\n"
    )
    assert '"type": "object"' in run("schema", "it.py").stdout.decode()
