# SPDX-License-Identifier: Apache-2.0
"""Running a command and saying what it took."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds on the clock, and of CPU in the process and all that it has waited for."""

    wall: float
    cpu: float


class CommandFailedError(Exception):
    """A measured command ended with an error: its figure would mean nothing."""


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Sample:
    """Run a command with its output thrown away."""
    variables = _variables(environment)
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables)
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    if process.returncode:
        raise CommandFailedError(f"{' '.join(command)}\n{said.decode(errors='replace')[-2000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def _variables(environment: Mapping[str, str] | None) -> dict[str, str]:
    variables = {**os.environ, **(environment or {})}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed ladle has its bytecode
    return variables


def hyperfine_at_hand() -> bool:
    """Say whether hyperfine is installed: it starts commands with less noise than we do."""
    return shutil.which("hyperfine") is not None


def hyperfine(command: Sequence[str], environment: Mapping[str, str], runs: int) -> list[Sample]:
    """Let hyperfine repeat a command that leaves everything as it was; of CPU it tells the mean only."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        words = ["hyperfine", "-N", "--style", "none", "--warmup", "2", "--runs", str(max(runs, 2))]
        words += ["--export-json", report.name, shlex.join(command)]
        run(words, environment)
        (result,) = json.loads(report.read())["results"]
    return [Sample(wall, result["user"] + result["system"]) for wall in result["times"]]


def python_start() -> Sample:
    """Start Python and let it do nothing: the measure of this machine, and of this moment."""
    return run([sys.executable, "-c", "pass"])


def middle(samples: Sequence[Sample]) -> Sample:
    """Return the medians of some samples."""
    return Sample(median(each.wall for each in samples), median(each.cpu for each in samples))
