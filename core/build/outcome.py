# SPDX-License-Identifier: Apache-2.0
"""What a build hands back, and the error of a failed step with everything that a person needs to see."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.metadata import Location

_CONTEXT_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished build: what each exporter said, and the response keys for `--metadata-file` (FEATURES EX-17)."""

    summaries: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def write_whole(path: str, data: bytes) -> None:
    """Write a file by a temporary name and a rename; raises `BuildError` and leaves nothing where that fails.

    What is there and no regular file (`/dev/null`, a pipe) is written to, never replaced; a link is followed.
    """
    real = os.path.realpath(path)
    special = os.path.lexists(real) and not os.path.isfile(real)
    temporary = f"{real}.{os.getpid()}.tmp"
    try:
        if special:
            with open(real, "wb") as file:
                file.write(data)
            return
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, real)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise BuildError(f"cannot write {path!r}: {error.strerror}", code="LA0152") from error


class StepError(BuildError):
    """A step that failed: `step` is its name, `excerpt` its lines in the build file, `log` its last output."""

    def __init__(
        self, error: BuildError, *, step: str, excerpt: Sequence[str], log: Sequence[str], log_path: str
    ) -> None:
        super().__init__(error.message, code=error.code, notes=error.notes, help=error.help)
        self.step = step
        self.excerpt = tuple(excerpt)
        self.log = tuple(log)
        self.log_path = log_path

    def render(self) -> str:
        """Return the user's lines first, then the step, its last output, the message and where the whole log is."""
        lines = list(self.excerpt)
        if self.log:
            lines += [f"the last lines of {self.step}:", *(f"  | {line}" for line in self.log)]
        lines.append(f"error[{self.code}]: {self.step}: {self.message}")
        lines += [f"  note: {note}" for note in self.notes]
        if self.log_path:
            lines.append(f"  note: the whole log is in {self.log_path}")
        if self.help:
            lines.append(f"  help: {self.help}")
        return "\n".join(lines)


def excerpt(locations: Sequence[Location]) -> list[str]:
    """Return the lines that a step comes from, marked `>>>`, as BuildKit shows them (FEATURES DF-86)."""
    if not locations or not locations[0].ranges:
        return []
    source, spans = locations[0].source, locations[0].ranges
    text = source.data.decode(errors="replace").splitlines()
    first = min(span.start_line for span in spans)
    last = max(max(span.end_line, span.start_line) for span in spans)
    if not text or first < 1 or first > len(text):
        return [f"{source.filename}:{first}"]
    padding = _CONTEXT_LINES if first == last else _CONTEXT_LINES // 2
    start, end = max(1, first - padding // 2), min(len(text), last + padding // 2)
    rule = "-" * 20
    lines = [f"{source.filename}:{first}", rule]
    for number in range(start, end + 1):
        mark = ">>>" if first <= number <= last else "   "
        lines.append(f" {number:3d} | {mark} {text[number - 1]}")
    return [*lines, rule]
