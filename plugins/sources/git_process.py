# SPDX-License-Identifier: Apache-2.0
"""Running git within bounds of time and memory: what it prints is, in the end, what a server says."""

from __future__ import annotations

import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from ladle.core.api.errors import BuildError

if TYPE_CHECKING:
    from typing import Any

GIT_SECONDS = 600.0
"""How long one command of git may take."""
MAX_OUTPUT = 16 << 20
"""Bytes that one command of git may print."""
_PART = 64 << 10


def run_git(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end; raises `BuildError` where it is not there, takes too long or prints too much."""
    command = ["git", *arguments]
    try:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise BuildError("git is not installed", code="LA0234", help="install git to build from repositories") from None
    with process:
        try:
            out, said = _read(process)
            return subprocess.CompletedProcess(command, process.wait(), out, said)
        except BaseException:
            process.send_signal(signal.SIGTERM)  # it removes its own files then, and ends its helpers
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _read(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Return what a process prints until it has closed both of its outputs."""
    ends = time.monotonic() + GIT_SECONDS
    found: dict[Any, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as selector:
        for stream in found:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, ends - time.monotonic()))
            if time.monotonic() > ends:
                raise BuildError(
                    f"git did not end within {GIT_SECONDS:.0f} seconds", code="LA0233", help="look at the server"
                )
            for key, _ in ready:
                if not _take(key.fileobj, found[key.fileobj]):  # type: ignore[arg-type]
                    selector.unregister(key.fileobj)
            if sum(map(len, found.values())) > MAX_OUTPUT:
                raise BuildError(f"git printed more than {MAX_OUTPUT} bytes", code="LA0233", help="look at the server")
    return bytes(found[process.stdout]), bytes(found[process.stderr])


def _take(stream: IO[bytes], found: bytearray) -> bool:
    """Add what can be read now; says whether there may be more."""
    part = stream.read1(_PART)  # type: ignore[attr-defined]
    found += part
    return bool(part)
