# SPDX-License-Identifier: Apache-2.0
"""Plain progress: one line an event, with names instead of numbers, a heartbeat for long steps and a summary."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

from ladle.core.progress.lines import printable, write_line

if TYPE_CHECKING:
    from ladle.core.progress.reporter import Event

HEARTBEAT_SECONDS = 30.0
STATUS_SECONDS = 5.0
LINE_BYTES = 64 << 10
"""A line that is longer is shown in pieces."""
_RESULTS = {"cached": "CACHED", "completed": "DONE", "failed": "ERROR", "canceled": "CANCELED"}


class PlainProgress:
    """A sink that writes lines to a stream; `close` stops its heartbeat."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._running: dict[str, tuple[str, float]] = {}
        self._partial: dict[tuple[str, int], bytes] = {}
        self._shown: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._heart: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            for line in self._lines(event):
                self._write(line)
        if event["type"] == "started" and self._heart is None:
            self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._heart.start()

    def close(self) -> None:
        """Stop the heartbeat."""
        self._stop.set()
        if self._heart is not None:
            self._heart.join()

    def _lines(self, event: Event) -> list[str]:
        kind = event["type"]
        name = event.get("name", "")
        if kind == "started":
            self._running[event["vertex"]] = (name, time.monotonic())
            return [name]
        if kind in _RESULTS:
            self._running.pop(event["vertex"], None)
            lines = self._flush(event["vertex"], name)
            took = f" {event['duration']:.1f}s" if "duration" in event else ""
            return [*lines, f"{name} {_RESULTS[kind]}{took}"]
        if kind == "log":
            return self._log(event["vertex"], event["stream"], name, event["data"])
        if kind == "status":
            return self._status(event)
        if kind == "warning":
            return [f"warning: {event['text']}", *([f"  help: {event['help']}"] if event["help"] else [])]
        return _summary(event) if kind == "summary" else []

    def _status(self, event: Event) -> list[str]:
        """Show the first and the last of a count, and one every few seconds between."""
        key = (event.get("vertex", ""), event["text"])
        now = time.monotonic()
        ended = event["current"] >= event["total"]
        if not ended and now - self._shown.get(key, 0.0) < STATUS_SECONDS:
            return []
        self._shown[key] = now
        done = f" {event['current']}/{event['total']}" if event["total"] else ""
        return [f"{event.get('name', '')}: {event['text']}{done}"]

    def _log(self, vertex: str, stream: int, name: str, data: bytes) -> list[str]:
        whole = self._partial.pop((vertex, stream), b"") + data
        *lines, rest = whole.split(b"\n")
        if len(rest) > LINE_BYTES:
            lines.append(rest)
        elif rest:
            self._partial[(vertex, stream)] = rest
        return [f"{name} | {printable(line)}" for line in lines]

    def _flush(self, vertex: str, name: str) -> list[str]:
        rests = [self._partial.pop((vertex, stream), b"") for stream in (1, 2)]
        return [f"{name} | {printable(rest)}" for rest in rests if rest]

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            with self._lock:
                for name, since in self._running.values():
                    self._write(f"{name}: still running, {time.monotonic() - since:.0f}s")

    def _write(self, line: str) -> None:
        write_line(self._stream, line)


def _summary(event: Event) -> list[str]:
    lines = [f"{event['steps']} steps, {event['cached']} cached, {event['seconds']:.1f}s"]
    slow = [(name, seconds) for name, seconds in event["slowest"] if seconds >= 1]
    if slow:
        lines.append("slowest: " + ", ".join(f"{name} {seconds:.1f}s" for name, seconds in slow))
    return lines
