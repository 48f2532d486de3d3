# SPDX-License-Identifier: Apache-2.0
"""The ways to show progress: plain lines, NDJSON, or only what goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ladle.core.api.errors import UsageError
from ladle.core.progress.lines import write_line

if TYPE_CHECKING:
    from ladle.core.progress.reporter import Event

MODES = ("auto", "plain", "quiet", "rawjson")


class Renderer(Protocol):
    """A sink of events that is closed at the end."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Release what it holds."""


class Quiet:
    """Shows warnings only."""

    def __call__(self, event: Event) -> None:
        """Show a warning; let everything else pass."""
        if event["type"] == "warning":
            write_line(sys.stderr, f"warning: {event['text']}")

    def close(self) -> None:
        """Do nothing."""


class RawJson:
    """Writes each event as one line of JSON; log data as UTF-8 text with replacement characters."""

    def __call__(self, event: Event) -> None:
        """Write one event."""
        import json

        shown = {
            key: value.decode(errors="replace") if isinstance(value, bytes) else value for key, value in event.items()
        }
        write_line(sys.stderr, json.dumps(shown, ensure_ascii=False))

    def close(self) -> None:
        """Do nothing."""


def make_renderer(mode: str) -> Renderer:
    """Return the renderer of a mode; raises `UsageError` for an unknown one."""
    from ladle.core.progress.plain import PlainProgress

    kinds: dict[str, Callable[[], Renderer]] = {
        "": PlainProgress,
        "auto": PlainProgress,
        "plain": PlainProgress,
        "tty": PlainProgress,
        "quiet": Quiet,
        "none": Quiet,
        "rawjson": RawJson,
    }
    if mode not in kinds:
        raise UsageError(f"unknown progress mode {mode!r}", code="LA0102", help=f"one of {', '.join(MODES)}")
    return kinds[mode]()
