# SPDX-License-Identifier: Apache-2.0
"""One conversation with a frontend under test: ladle's side, watched, with faults put in where asked."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import Channel, ChannelError
from ladle.core.build.foreign.answers import Answers, beside
from ladle.core.cli.frontend import errors
from ladle.frontends.testing.context import FakeContext
from ladle.llb.values import dataclass

PATIENCE = 10.0
"""Seconds that a frontend may take for a message, and after the last one."""
_RUNNER = "from ladle.frontends.process.serve import main; main()"
_LOG_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A program to be tried: its command, what it is told of itself, and where its files lie."""

    name: str
    argv: tuple[str, ...]
    source: bytes | None = None
    directory: str = ""


def target_of(words: Sequence[str]) -> Target:
    """Return the target of a Python file or a command; raises `UsageError` for what is neither."""
    first = words[0]
    if len(words) == 1 and first.endswith(".py"):
        try:
            with open(first, "rb") as file:
                source = file.read()
        except OSError:
            raise errors.no_program(first) from None
        argv = (sys.executable, "-c", _RUNNER)
        return Target(name=first, argv=argv, source=source, directory=os.path.dirname(os.path.abspath(first)))
    found = shutil.which(first)
    if found is None:
        raise errors.no_program(first)
    path = os.path.abspath(found)
    return Target(name=first, argv=(path, *words[1:]), directory=os.path.dirname(path))


class TestContext(FakeContext):
    """A context over a directory that the answers of a real build work on."""

    __test__ = False

    host_allowed = True
    """What stands in the way of a question about the machine is that the sample says nothing of it."""

    def recorded_file(self, path: str) -> bytes | None:
        """Return a file of the frontend's own."""
        if not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def allows(self, grant: str) -> bool:  # noqa: ARG002 — nothing is granted
        """Say that nothing was granted."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a conversation is about, and what goes wrong in it."""

    call: str = "compile"
    protocol: int = wire.PROTOCOL
    more: Mapping[str, Any] = field(default_factory=dict)
    """Keys that the first message has beside those of the protocol."""
    hash_seed: str = "0"
    refuse: bool = False
    """Answer every question with an error."""
    cut: int | None = None
    """Close the channel after so many messages of ladle's."""
    pieces: int = 0
    """Send in pieces of so many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of a conversation."""

    last: Mapping[str, Any] | None
    questions: tuple[str, ...]
    broke: str = ""
    """How it broke the protocol."""
    exit_code: int | None = None
    """None: it had to be killed."""
    log: str = ""


def converse(target: Target, context: TestContext, plan: Plan) -> Heard:
    """Start the program and talk to it to its end."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as log, ours:
        with theirs:
            process = _start(target, theirs, log, plan)
        talk = _Talk(Channel(ours, timeout=PATIENCE), ours, target, context, plan)
        try:
            last, broke = talk.whole()
            if plan.cut is not None:
                ours.shutdown(socket.SHUT_RDWR)
            code = _ended(process)
            broke = broke or (talk.rest() if last is not None else "")
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        said = log.read(_LOG_BYTES).decode(errors="replace").strip()
    return Heard(last=last, questions=tuple(talk.questions), broke=broke, exit_code=code, log=said)


def _start(target: Target, channel: socket.socket, log: Any, plan: Plan) -> subprocess.Popen[bytes]:
    number = channel.fileno()
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"LANG": "C.UTF-8", "PYTHONHASHSEED": plan.hash_seed, "LADLE_FRONTEND_FD": str(number)}
    null = subprocess.DEVNULL
    try:
        return subprocess.Popen(target.argv, env=environment, stdin=null, stdout=log, stderr=log, pass_fds=[number])
    except OSError as error:
        raise errors.no_program(f"{target.name} ({error.strerror})") from None


def _ended(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return None


class _Talk:
    """The messages of one conversation."""

    def __init__(self, channel: Channel, sock: socket.socket, target: Target, context: TestContext, plan: Plan) -> None:
        self.questions: list[str] = []
        self._channel = channel
        self._sock = sock
        self._plan = plan
        self._left = plan.cut
        self._answers = Answers(context, lambda path: beside(context, target.directory, path))  # type: ignore[arg-type]
        program: dict[str, Any] = {"name": target.name}
        if target.source is not None:
            program["source"] = target.source
        self._first = {
            "ladle.frontend": plan.protocol,
            "call": plan.call,
            "program": program,
            "file": list(context.build_file()),
            "options": wire.options_to_wire(context.options),
            **plan.more,
        }

    def whole(self) -> tuple[Mapping[str, Any] | None, str]:
        """Return the last message, None if none came, and how the protocol was broken."""
        try:
            if not self._send(self._first):
                return None, ""
            while True:
                message = self._channel.receive()
                if message is None or "done" in message or "failed" in message:
                    return message, _last_fault(message)
                if not self._send(self._answer(message)):
                    return None, ""
        except ChannelError as error:
            return None, str(error)

    def rest(self) -> str:
        """Return what is wrong after the last message, when nothing may follow."""
        try:
            after = self._channel.receive()
        except ChannelError as error:
            return f"after the last message: {error}"
        return "" if after is None else f"another message after the last one: {str(after)[:80]}"

    def _answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        question, args = message.get("ask"), message.get("args", {})
        if not isinstance(question, str) or not isinstance(args, dict):
            raise ChannelError(f"neither a question nor a last message: {str(message)[:80]}")
        if unknown := sorted(message.keys() - {"id", "ask", "args"}):
            raise ChannelError(f"a question has no key {unknown[0]!r}")
        self.questions.append(question)
        reply = self._answers.reply(question, args)
        if self._plan.refuse and question != "module":
            reply = {
                "error": {"message": "refused by the conformance suite", "code": "FE0199", "notes": [], "help": ""}
            }
        return {"id": message.get("id")} | reply

    def _send(self, message: Mapping[str, Any]) -> bool:
        """Send a message, unless it is time to be silent."""
        if self._left is not None:
            if self._left == 0:
                return False
            self._left -= 1
        if not self._plan.pieces:
            self._channel.send(message)
            return True
        data = _framed(message)
        try:
            for start in range(0, len(data), self._plan.pieces):
                self._sock.sendall(data[start : start + self._plan.pieces])
        except OSError as error:
            raise ChannelError(f"it does not read: {error.strerror}") from None
        return True


def _framed(message: Mapping[str, Any]) -> bytes:
    import msgpack

    body: bytes = msgpack.packb(message, use_bin_type=True)
    return len(body).to_bytes(4, "big") + body


def _last_fault(message: Mapping[str, Any] | None) -> str:
    if message is not None and len(message) != 1:
        return f"the last message has the keys {sorted(message)}, it has to have one"
    return ""
