# SPDX-License-Identifier: Apache-2.0
"""The two classes of error: what a user can mend, and what only we can."""

from __future__ import annotations

from collections.abc import Sequence


class BuildError(Exception):
    """Something a user can act on: shown without a traceback, exit code 1 (or 2 for `UsageError`).

    `code` is stable and meant for programs; `notes` are further facts, `help` says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, code: str = "LA0001", notes: Sequence[str] = (), help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.notes = tuple(notes)
        self.help = help

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.code, self.notes, self.help))


def _rebuild(cls: type[BuildError], message: str, code: str, notes: tuple[str, ...], help: str) -> BuildError:
    return cls(message, code=code, notes=notes, help=help)


class UsageError(BuildError):
    """A request that could not be understood: a bad flag, value or combination. Exit code 2."""

    exit_code = 2


class InternalError(Exception):
    """A broken invariant of ladle's own: a bug, shown as one."""
