# SPDX-License-Identifier: Apache-2.0
"""ladle's side of the channel: one request to a frontend in its sandbox, and the answers to what it asks."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import Channel, ChannelClosedError, ChannelError
from ladle.core.api.diagnostics import DiagnosticError, Severity
from ladle.core.api.errors import BuildError
from ladle.core.build.foreign import errors

if TYPE_CHECKING:
    from ladle.core.build.foreign.answers import Answers
    from ladle.core.build.foreign.program import Program
    from ladle.core.build.worker_thread import EngineThread

SILENCE_SECONDS = 60.0
"""How long a frontend may take for its next message."""
ENDING_SECONDS = 10.0
"""How long it may take to end after its last message."""
MAX_QUESTIONS = 100_000
"""How many questions a frontend may ask in one compile."""


def converse(
    program: Program,
    *,
    call: str,
    file: tuple[str, bytes],
    answers: Answers,
    engine: EngineThread,
    log: Callable[[bytes], None],
) -> dict[str, Any]:
    """Return the `done` of a frontend's answer; raises what it failed with, or `BuildError` for one that misbehaved."""
    ours, theirs = socket.socketpair()
    written = bytearray()

    def heard(event: Mapping[str, Any]) -> None:
        if event.get("type") == "log":
            written.extend(event["data"])
            log(event["data"])

    try:
        running = engine.start(engine.worker.run("frontend", program.job(), fds=[theirs.fileno()], on_event=heard))
        channel = Channel(ours, timeout=SILENCE_SECONDS)
        keep_open = theirs
        trouble: ChannelError | None = None
        last: dict[str, Any] | None = None
        try:
            channel.send(program.start(call, file, answers.options))
            running.add_done_callback(lambda _: keep_open.close())
            last = _serve(channel, answers)
        except ChannelClosedError:
            last = None  # why it is gone is said by how it ended
        except ChannelError as error:
            trouble = error
            running.cancel()
        ended = _ended(running, program.name)
        if last is not None:
            return _done(last, program.name, answers.last_error)
        raise errors.broke_off(program.name, trouble, ended, bytes(written))
    except BaseException:
        running.cancel()
        raise
    finally:
        ours.close()
        theirs.close()


def _serve(channel: Channel, answers: Answers) -> dict[str, Any] | None:
    """Answer until the last message comes; None where the stream ends before it."""
    for _ in range(MAX_QUESTIONS):
        message = channel.receive()
        if message is None or "done" in message or "failed" in message:
            return message
        if not isinstance(message.get("ask"), str) or not isinstance(message.get("args", {}), dict):
            raise ChannelError("a message is neither a question nor the last one")
        channel.send({"id": message.get("id")} | answers.reply(message["ask"], message.get("args", {})))
    raise ChannelError(f"more than {MAX_QUESTIONS} questions")


def _ended(running: Any, name: str) -> Mapping[str, Any] | BuildError | None:
    from concurrent.futures import CancelledError

    try:
        result: Mapping[str, Any] = running.result(timeout=ENDING_SECONDS)
    except CancelledError:
        return None
    except TimeoutError:
        running.cancel()
        return errors.stayed(name)
    except BuildError as error:
        return error
    return result


def _done(last: Mapping[str, Any], name: str, answered: BuildError | None) -> dict[str, Any]:
    """Return what is done; raises what failed: an error that a question was answered with comes back as it was."""
    if "done" in last:
        done = last["done"]
        if not isinstance(done, dict):
            raise errors.nonsense(name, "`done` is not a map")
        return done
    failed = last["failed"]
    if isinstance(failed, dict) and isinstance(failed.get("error"), dict):
        error = wire.error_from_wire(failed["error"])
        same = answered is not None and (answered.code, answered.message) == (error.code, error.message)
        raise answered if same and answered is not None else error
    try:
        diagnostics = wire.diagnostics_from_wire(failed)
    except ChannelError as error:
        raise errors.nonsense(name, str(error)) from None
    if not any(each.severity is Severity.ERROR for each in diagnostics):
        raise errors.nonsense(name, "it failed without an error")
    raise DiagnosticError(diagnostics)
