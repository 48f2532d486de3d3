# SPDX-License-Identifier: Apache-2.0
"""The program of a frontend's process: takes one request from ladle, loads the frontend, answers, ends.

Standard output and error are a log; the channel has a descriptor of its own, named by `LADLE_FRONTEND_FD`.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from ladle.core.api import frontend_wire as wire
from ladle.core.api.channel import Channel, ChannelError
from ladle.core.api.diagnostics import DiagnosticError
from ladle.core.api.errors import BuildError
from ladle.frontends.process.remote import RemoteContext

if TYPE_CHECKING:
    from collections.abc import Mapping

DESCRIPTOR = "LADLE_FRONTEND_FD"


def main() -> None:
    """Serve the one request; the exit code says only whether there was one that could be understood."""
    channel = Channel(socket.socket(fileno=int(os.environ.pop(DESCRIPTOR))))
    start = channel.receive()
    if start is None or start.get("ladle.frontend") != wire.PROTOCOL:
        sys.exit(2)
    try:
        channel.send(answer(channel, start))
    except ChannelError as error:
        sys.exit(f"the last message cannot be sent: {error}")


def answer(channel: Channel, start: Mapping[str, Any]) -> dict[str, Any]:
    """Return the last message: `done` with a result, or `failed` with what went wrong and where."""
    name, data = start["file"]
    context = RemoteContext(channel, wire.options_from_wire(start["options"]), (name, data))
    try:
        return {"done": _call(start, context)}
    except DiagnosticError as error:
        return {"failed": wire.diagnostics_to_wire(error.diagnostics)}
    except BuildError as error:
        return {"failed": {"error": wire.error_to_wire(error)}}
    except BaseException as error:  # whatever a stranger's program raises is told where it stands
        from ladle.frontends.process.trouble import diagnose

        return {"failed": wire.diagnostics_to_wire([diagnose(error, name, data, start["program"])])}


def _call(start: Mapping[str, Any], context: RemoteContext) -> dict[str, Any]:
    from ladle.frontends.process.load import load_program

    frontend = load_program(start["program"], context)
    call = start["call"]
    method = getattr(frontend, call, None)
    if method is None:
        raise BuildError(
            f"the frontend {start['program']['name']!r} does not answer the call {call!r}",
            code="FE0003",
            help=f"write a function for it under @….answers({call!r}), or a method {call}; or build without --call",
        )
    result = method(context)
    return wire.result_to_wire(result) if call == "compile" else wire.answer_to_wire(result)


if __name__ == "__main__":
    main()
