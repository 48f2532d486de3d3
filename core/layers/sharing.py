# SPDX-License-Identifier: Apache-2.0
"""Work on many files shared by forked processes: per-file work gains from processes where threads lose.

The helpers hang on the life of the process that forked them, and hand their results back through a pipe.
"""

from __future__ import annotations

import marshal
import mmap
import os
import signal
import struct
from collections.abc import Callable
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.layers import errors
from ladle.core.worker import linux

_SLOT = struct.Struct("=Q")


class Counters:
    """A count for each process, which all of them see."""

    def __init__(self, shares: int) -> None:
        self._shares = shares
        self._memory = mmap.mmap(-1, shares * _SLOT.size)

    def put(self, share: int, count: int) -> None:
        """Say how far a process is."""
        _SLOT.pack_into(self._memory, share * _SLOT.size, count)

    def total(self) -> int:
        """Return how far all of them are."""
        return sum(_SLOT.unpack_from(self._memory, share * _SLOT.size)[0] for share in range(self._shares))


class Helper:
    """A forked process that runs a function and hands back what it returns, which must be plain values."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._read, write = os.pipe()
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid:
            os.close(write)
            return
        try:
            linux.die_with_parent(parent, signal.SIGKILL)
            os.close(self._read)
            _send(write, _outcome(function))
        finally:
            os._exit(0)

    def result(self) -> Any:
        """Wait for the function's result; raises its `BuildError`."""
        pieces = []
        while piece := os.read(self._read, 1 << 20):
            pieces.append(piece)
        self.end()
        try:
            what, value = marshal.loads(b"".join(pieces))
        except (EOFError, ValueError, TypeError):
            raise errors.helper_ended("it was killed") from None
        if what == "error":
            message, code = value
            raise BuildError(message, code=code) if code else errors.helper_ended(message)
        return value

    def end(self) -> None:
        """End the process, if it is not done, and forget it."""
        if self._pid:
            try:
                os.kill(self._pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.waitpid(self._pid, 0)
            os.close(self._read)
            self._pid = 0


def _outcome(function: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "result", function()
    except BuildError as error:
        return "error", (error.message, error.code)
    except Exception as error:
        return "error", (f"{type(error).__name__}: {error}", "")


def _send(fd: int, outcome: tuple[str, Any]) -> None:
    view = memoryview(marshal.dumps(outcome))
    while view:
        view = view[os.write(fd, view) :]
