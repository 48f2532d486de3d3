# SPDX-License-Identifier: Apache-2.0
"""The workloads: what is built, what is made ready before each run, and what BuildKit took for it.

A workload is told apart from its tool: it names a `Build`, and ladle and buildctl each spell that as a command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import inputs


@dataclass(frozen=True, slots=True)
class Build:
    """One build: a context with its Dockerfile, and an output as `-o` spells it ("" = none).

    `command`: `build`, `compile` (to a graph, nothing runs) or `version` (nothing is done at all).
    """

    context: Path
    output: str = ""
    command: str = "build"


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured. `state` says what the store holds before a run: `empty`, `base` or `built`."""

    name: str
    shown: str
    buildkit: float
    """Seconds that buildctl took when its figures were recorded (PERF.md section 1)."""
    buildkit_cpu: float
    """Seconds of CPU that its client, daemon and runc took."""
    goal: float
    """The wanted ratio of the time on the clock: the better end of what was estimated."""
    state: str
    make: Callable[[Path], Path]
    """Makes the context in a directory that does not exist yet; made once for all workloads that share it."""
    output: str = ""
    change: Callable[[Path, int], None] | None = None
    """Changes the context before each run."""
    command: str = "build"
    """See `Build`; what is none is measured for ladle alone."""
    runs: int = 5

    @property
    def repeatable(self) -> bool:
        """Say whether a run leaves everything as it was: then hyperfine can repeat it."""
        if self.command == "version":
            return True
        return self.command == "build" and self.state == "built" and not self.output and self.change is None


def _dockerfile(text: str) -> Callable[[Path], Path]:
    def make(directory: Path) -> Path:
        return inputs.context(directory, text)

    return make


_noop = _dockerfile(inputs.NOOP)
_deep = _dockerfile(inputs.DEEP)
_wide = _dockerfile(inputs.wide())
_long = _dockerfile(inputs.long(2000))
_short = _dockerfile("FROM busybox\n")
_usual = _dockerfile(inputs.USUAL)
_parallel = _dockerfile(inputs.PARALLEL)

WORKLOADS = (
    Workload("version", "`--version`", 0.008, 0.008, 3.9, "built", _short, command="version", runs=21),
    Workload("noop", "4 stages, all cached", 0.084, 0.07, 0.8, "built", _noop, runs=21),
    Workload(
        "noop-oci", "the same, to an OCI tar", 0.102, 0.09, 0.8, "built", _noop, "type=oci,dest={out}.tar", runs=11
    ),
    Workload("cold", "the same with only the base there", 0.474, 0.4, 0.5, "base", _noop, runs=7),
    Workload("cold-oci", "the same, to an OCI tar", 0.580, 0.48, 0.5, "base", _noop, "type=oci,dest={out}.tar", runs=7),
    Workload("parallel", "8 stages of `sleep 1`", 1.441, 0.66, 0.78, "base", _parallel),
    Workload("deep", "100 times `RUN true`", 7.06, 6.1, 0.18, "base", _deep),
    Workload("deep-cached", "the same, cached", 0.166, 0.19, 0.6, "built", _deep, runs=9),
    Workload("wide", "300 stages of a RUN, 310 COPY", 14.4, 19.1, 0.2, "base", _wide, runs=3),
    Workload("wide-cached", "the same, cached", 0.382, 0.43, 0.4, "built", _wide, runs=9),
    Workload("ctx50k-first", "COPY of 50,000 files", 9.89, 14.0, 0.2, "base", inputs.tree),
    Workload("ctx50k-same", "nothing changed", 1.29, 2.2, 0.4, "built", inputs.tree),
    Workload("ctx50k-one", "one file changed", 7.29, 9.3, 0.15, "built", inputs.tree, change=inputs.change_one),
    Workload("big", "COPY of 1 GiB", 3.62, 5.9, 0.2, "base", inputs.big, runs=3),
    Workload("big-gzip", "to OCI, gzip", 20.1, 20.3, 0.12, "base", inputs.big, "type=oci,dest={out}.tar", runs=3),
    Workload(
        "big-zstd",
        "to OCI, zstd",
        11.8,
        13.8,
        0.2,
        "base",
        inputs.big,
        "type=oci,dest={out}.tar,compression=zstd",
        runs=3,
    ),
    Workload(
        "big-plain",
        "to OCI, uncompressed",
        14.9,
        15.1,
        0.1,
        "base",
        inputs.big,
        "type=oci,dest={out}.tar,compression=uncompressed",
        runs=3,
    ),
    Workload("local50k", "50,000 files to a directory", 4.77, 8.4, 0.3, "built", inputs.tree, "type=local,dest={out}"),
    Workload("tar50k", "50,000 files to a tar", 3.49, 6.3, 0.25, "built", inputs.tree, "type=tar,dest={out}.tar"),
    Workload("compile-2000", "2,000 instructions to LLB", 0.918, 1.31, 0.2, "base", _long, command="compile", runs=7),
    Workload(
        "compile-30", "30 instructions in 4 stages", 0.015, 0.015, 2.7, "base", _usual, command="compile", runs=11
    ),
    Workload("compile-1", "1 instruction to LLB", 0.012, 0.012, 3.0, "base", _short, command="compile", runs=11),
)
