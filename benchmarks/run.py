# SPDX-License-Identifier: Apache-2.0
"""Measure ladle: `python benchmarks/run.py [--on tmpfs|loop|plain] [--runs N] [--executor NAME] [workload…]`.

Prints a table in Markdown: medians of seconds and CPU, the ratio to `python -c pass` measured in turn, and the ratio
to BuildKit: measured in turn where buildctl reaches a buildkitd, else to its recorded figure scaled by how fast this
machine starts Python now (11 ms when that was recorded). The last column compares CPU with the recorded one, in the
same way: it says more on a machine that others use too.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import inputs, measure
from benchmarks.place import place
from benchmarks.tools import BuildKit, Ladle, Tool
from benchmarks.workloads import WORKLOADS, Build, Workload

RECORDED_PYTHON = 0.011
"""Seconds that `python -c pass` took on the machine and the day of BuildKit's recorded figures."""
BIG_MEMORY, SMALL_MEMORY = 8, 3
"""Gigabytes that workloads with and without the file of 1 GiB fill."""

HEAD = (
    "| workload | | s | CPU s | x `python -c pass` | BuildKit s | ratio | goal | CPU ratio |",
    "|---|---|---|---|---|---|---|---|---|",
)


class Bench:
    """Runs workloads in one place."""

    def __init__(self, directory: Path, tools: Sequence[Tool], runs: int) -> None:
        self._directory = directory
        self._tools = tools
        self._runs = runs
        self._contexts: dict[object, Path] = {}
        self._serial = 0

    def row(self, workload: Workload) -> str:
        """Measure a workload and return its line of the table."""
        context = self._context(workload)
        tools = self._tools[:1] if workload.command != "build" else self._tools
        runs = self._runs or workload.runs
        if workload.repeatable and measure.hyperfine_at_hand():
            samples = self._repeated(tools, workload, context, runs)
        else:
            samples = {"python": [], **{tool.name: [] for tool in tools}}
            for _ in range(runs):
                samples["python"].append(measure.python_start())
                for tool in tools:
                    samples[tool.name].append(self._once(tool, workload, context))
        python = measure.middle(samples["python"])
        ladle = measure.middle(samples["ladle"])
        peer = workload.buildkit * python.wall / RECORDED_PYTHON
        if "buildctl" in samples:
            peer = measure.middle(samples["buildctl"]).wall
        peer_cpu = workload.buildkit_cpu * python.cpu / RECORDED_PYTHON
        return (
            f"| {workload.name} | {workload.shown} | {ladle.wall:.3f} | {ladle.cpu:.3f} "
            f"| {ladle.wall / python.wall:.1f} | {peer:.3f} | {ladle.wall / peer:.2f} | {workload.goal} "
            f"| {ladle.cpu / peer_cpu:.2f} |"
        )

    def _repeated(
        self, tools: Sequence[Tool], workload: Workload, context: Path, runs: int
    ) -> dict[str, list[measure.Sample]]:
        """Measure by hyperfine what leaves everything as it was."""
        build = Build(context, workload.output, workload.command)
        samples = {"python": measure.hyperfine([sys.executable, "-c", "pass"], {}, runs)}
        for tool in tools:
            tool.reset(workload.state, build)
            samples[tool.name] = measure.hyperfine(tool.command(build), tool.environment(), runs)
        return samples

    def _context(self, workload: Workload) -> Path:
        if workload.make not in self._contexts:
            directory = self._directory / f"context{len(self._contexts)}"
            self._contexts[workload.make] = workload.make(directory)
        return self._contexts[workload.make]

    def _once(self, tool: Tool, workload: Workload, context: Path) -> measure.Sample:
        self._serial += 1
        out = self._directory / f"out{self._serial}"
        build = Build(context, workload.output.replace("{out}", str(out)), workload.command)
        tool.reset(workload.state, build)
        if workload.change is not None:
            workload.change(context, self._serial)
        try:
            return measure.run(tool.command(build), tool.environment())
        finally:
            out.with_suffix(".tar").unlink(missing_ok=True)
            shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description="Measure ladle.")
    parser.add_argument("--on", choices=["tmpfs", "loop", "plain"], default="tmpfs", help="where stores and files lie")
    parser.add_argument("--runs", type=int, default=0, help="runs of each workload (default: as each says)")
    parser.add_argument("--executor", default="auto", help="ladle's executor")
    parser.add_argument("workload", nargs="*", choices=[[], *(each.name for each in WORKLOADS)])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the mount is to be removed then, too
    chosen = [each for each in WORKLOADS if each.name in options.workload or not options.workload]
    gigabytes = BIG_MEMORY if any(each.make is inputs.big for each in chosen) else SMALL_MEMORY
    with place(options.on, gigabytes=gigabytes) as (directory, shown):
        base = inputs.base(directory / "base")
        tools: list[Tool] = [Ladle(directory, base, executor=options.executor)]
        if BuildKit.at_hand():
            tools.append(BuildKit(base))
        bench = Bench(directory, tools, options.runs)
        against = "buildctl, in turn" if len(tools) > 1 else "buildctl's recorded figures, scaled"
        print(f"State on {shown}; against {against}.\n", *HEAD, sep="\n", flush=True)
        for workload in chosen:
            print(bench.row(workload), flush=True)


if __name__ == "__main__":
    main()
