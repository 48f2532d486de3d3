# SPDX-License-Identifier: Apache-2.0
"""The error of a step whose process ended badly: what its exit code means."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError

if TYPE_CHECKING:
    from ladle.llb.ops.exec import Meta

_FROM_SIGNAL = 128
_MEANINGS = {
    signal.SIGILL: "illegal instruction",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "arithmetic error",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGPIPE: "broken pipe",
    signal.SIGTERM: "terminated",
    signal.SIGXCPU: "CPU time limit exceeded",
    signal.SIGXFSZ: "file size limit exceeded",
    signal.SIGSYS: "bad system call",
}
_HELP = {
    signal.SIGKILL: "memory may have run out: give the machine more, or run fewer steps at a time with -j",
    signal.SIGILL: "the program may have been made for another processor",
}


def failed_process(meta: Meta, done: Mapping[str, Any], notes: Sequence[str] = ()) -> BuildError:
    """Return: the process of a step ended with a bad exit code; `done` is the answer of the `exec` job."""
    code = int(done["exit_code"])
    message = f'process "{" ".join(meta.args)}" did not complete successfully: exit code: {code}'
    number = code - _FROM_SIGNAL
    meaning = next((text for known, text in _MEANINGS.items() if known == number), "")
    advice = next((text for known, text in _HELP.items() if known == number), "")
    if done.get("oom"):
        message += ": cannot allocate memory"
        notes = [*notes, "while it ran, the kernel killed a process because memory had run out"]
    elif meaning:
        message += f": {meaning} (signal {number})"
    return BuildError(message, code="LA0400", notes=notes, help=advice)
