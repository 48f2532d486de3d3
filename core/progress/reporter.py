# SPDX-License-Identifier: Apache-2.0
"""The reporter of a build: turns what solver, sources and exporters say into events, and spools every log to disk.

An event is a map with `v` (schema version 1), `type`, `time` (seconds since the build began) and, by type:
`started cached completed failed canceled`: `vertex` (digest), `name`; the last three also `duration` (seconds), failed
`error`. `status`: `vertex`, `name`, `text`, `current`, `total`. `log`: `vertex`, `name`, `stream` (1 or 2), `data`
(bytes). `warning`: `text`, `help`. `summary`: `seconds`, `steps`, `cached`, `slowest` ([[name, seconds], …]).
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ladle.core.progress.lines import printable
from ladle.core.progress.old_logs import remove_old_logs

Event = dict[str, Any]
Sink = Callable[[Event], None]
VERSION = 1
TAIL_LINES = 20
MAX_LOG_BYTES = 1 << 30
"""Bytes of one step's log on disk; what comes after is shown and not kept."""
_CUT = b"\n[the log ends here: it has reached its limit]\n"


class BuildReporter:
    """Implements the reporters of the solver and of `ladle.core.api.services`; safe to call from several threads."""

    def __init__(self, sink: Sink, *, log_dir: str = "") -> None:
        self._sink = sink
        self._observers: list[Sink] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._names: dict[str, str] = {}
        self._started: dict[str, float] = {}
        self._durations: list[tuple[float, str]] = []
        self._ended: dict[str, str] = {}
        self._tails: dict[str, deque[bytes]] = {}
        self._log_dir = log_dir
        self._logs: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self.failed_vertex = ""
        """The digest of the first vertex that failed."""

    def name(self, vertices: Iterable[tuple[str, str]]) -> None:
        """Say how vertices are called: pairs of digest and name."""
        self._names.update(vertices)

    def observe(self, observer: Sink) -> None:
        """Have a further sink told of every event, on the thread where it happens; it may report in its turn."""
        self._observers.append(observer)

    def started(self, digest: str) -> None:
        """Report that a vertex began to run."""
        self._started[digest] = time.monotonic()
        self._emit("started", digest)

    def cached(self, digest: str) -> None:
        """Report that a vertex need not run."""
        if digest not in self._ended:
            self._ended[digest] = "cached"
            self._emit("cached", digest)

    def completed(self, digest: str) -> None:
        """Report that a vertex has run."""
        self._end(digest, "completed")

    def failed(self, digest: str, error: BaseException) -> None:
        """Report that a vertex has failed."""
        self.failed_vertex = self.failed_vertex or digest
        self._end(digest, "failed", error=str(error))

    def canceled(self, digest: str) -> None:
        """Report that a vertex was stopped."""
        self._end(digest, "canceled")

    def status(self, id: str, text: str, *, current: int = 0, total: int = 0) -> None:
        """Report something going on within a vertex or an export."""
        self._emit("status", id, text=text, current=current, total=total)

    def log(self, id: str, stream: int, data: bytes) -> None:
        """Pass on output of a step: to its log file, whole, and to the sink."""
        with self._lock:
            self._spool(id, data)
            tail = self._tails.setdefault(id, deque(maxlen=TAIL_LINES + 1))
            _append_lines(tail, data)
        self._emit("log", id, stream=stream, data=data)

    def warning(self, text: str, *, help: str = "") -> None:
        """Report something the user should know."""
        self._emit("warning", "", text=text, help=help)

    def tail(self, digest: str) -> tuple[list[str], str]:
        """Return the last lines that a step printed, and the path of its whole log ("" if it printed nothing)."""
        lines = [printable(line) for line in self._tails.get(digest, ()) if line]
        return lines[-TAIL_LINES:], self._log_path(digest) if digest in self._logs else ""

    def summary(self) -> None:
        """Report the build's time, its cache hits and its slowest steps."""
        cached = sum(1 for how in self._ended.values() if how == "cached")
        slowest = [[name, seconds] for seconds, name in sorted(self._durations, reverse=True)[:5]]
        seconds = time.monotonic() - self._began
        self._emit("summary", "", seconds=seconds, steps=len(self._ended), cached=cached, slowest=slowest)

    def close(self) -> None:
        """Close the log files."""
        with self._lock:
            for descriptor in self._logs.values():
                if descriptor >= 0:
                    os.close(descriptor)
            self._logs = dict.fromkeys(self._logs, -1)

    def _end(self, digest: str, how: str, **fields: Any) -> None:
        now = time.monotonic()
        duration = now - self._started.get(digest, now)
        self._ended[digest] = how
        if how == "completed":
            self._durations.append((duration, self._names.get(digest, digest)))
        self._emit(how, digest, duration=duration, **fields)

    def _emit(self, kind: str, digest: str, **fields: Any) -> None:
        event: Event = {"v": VERSION, "type": kind, "time": time.monotonic() - self._began}
        if digest:
            event["vertex"] = digest
            event["name"] = self._names.get(digest, digest)
        event.update(fields)
        with self._lock:
            self._sink(event)
        for observer in self._observers:
            observer(event)

    def _log_path(self, digest: str) -> str:
        return f"{self._log_dir}/{digest.removeprefix('sha256:')[:16]}.log"

    def _spool(self, digest: str, data: bytes) -> None:
        if not self._log_dir:
            return
        descriptor = self._logs.get(digest, -1)
        if descriptor < 0:
            if not self._logs:
                remove_old_logs(os.path.dirname(self._log_dir))
            os.makedirs(self._log_dir, mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            descriptor = self._logs[digest] = os.open(self._log_path(digest), flags, 0o600)
        size = self._sizes.get(digest, 0)
        if size > MAX_LOG_BYTES:
            return
        if size + len(data) > MAX_LOG_BYTES:
            data = data[: MAX_LOG_BYTES - size] + _CUT
        self._sizes[digest] = size + len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


def _append_lines(tail: deque[bytes], data: bytes) -> None:
    parts = data.split(b"\n")
    if tail:
        tail[-1] += parts[0]
    else:
        tail.append(parts[0])
    if len(tail[-1]) > 4096:
        tail[-1] = tail[-1][-4096:]
    tail.extend(part[-4096:] for part in parts[1:])
