# SPDX-License-Identifier: Apache-2.0
"""What stands around every command: signals, errors as a person reads them, exit codes. Needs no click."""

from __future__ import annotations

import os
import signal
import sys

from ladle.core.api.errors import BuildError, InternalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: everything ends as it does after Ctrl-C, but for the exit code (143, not 130)."""


def guarded(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; everything that a person sees of an error is printed here."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return command()
    except KeyboardInterrupt as error:
        return canceled(error)
    except BuildError as error:
        print(render_error(error), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        print(f"error[LA0160]: {error.strerror or error}{place}", file=sys.stderr)
        return 1
    except InternalError as error:
        import traceback

        from ladle.core.version import VERSION

        traceback.print_exc()
        print(f"internal error: {error}\nThis is a bug in ladle {VERSION}.", file=sys.stderr)
        return 70


def canceled(error: BaseException) -> int:
    """Say that a command was stopped by a signal; returns the exit code that tells which."""
    print("canceled", file=sys.stderr)
    return 128 + (signal.SIGTERM if isinstance(error, Terminated) else signal.SIGINT)


def _terminate(*_: object) -> None:
    raise Terminated


def render_error(error: BuildError) -> str:
    """Return an error as a person should read it."""
    from ladle.core.api.diagnostics import DiagnosticError
    from ladle.core.build.outcome import StepError

    if isinstance(error, StepError):
        return error.render()
    if isinstance(error, DiagnosticError):
        from ladle.core.api.snippets import render

        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        return "\n\n".join(render(diagnostic, colour=colour) for diagnostic in error.diagnostics)
    lines = [f"error[{error.code}]: {error.message}"]
    lines += [f"  note: {note}" for note in error.notes]
    if error.help:
        lines.append(f"  help: {error.help}")
    return "\n".join(lines)
