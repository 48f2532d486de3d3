# SPDX-License-Identifier: Apache-2.0
"""Measure what a frontend that comes with a build costs: `python benchmarks/frontends.py [--runs N]`.

Each round builds three times by the whole path (`--metadata-file`), with one step that makes a file: by a frontend in
one file that has just changed, by the same one compiled already, and by a Dockerfile that has just changed. The first
minus the second is the frontend's cold start: its process, the sandbox, the interpreter, its imports, the conversation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import measure

PROGRAM = '''"""Each line is a file."""
from ladle.frontends.sdk import frontend, lines, llb


@frontend
def compile(context):
    state = llb.scratch()
    for line in lines(context):
        state = state.mkfile(f"/{line.words[0]}", line.text)
    return state
'''
GOAL = 0.150
"""Seconds that the cold start may take (README.md)."""


def main() -> None:
    """Print the medians as a table; exits with 1 where the cold start takes longer than the goal."""
    parser = argparse.ArgumentParser(description="Measure frontends that come with a build.")
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="ladle-benchmark-") as place:
        rows = _measured(Path(place), runs)
    start = rows["file frontend, changed"].wall - rows["file frontend, compiled already"].wall
    print("| build | s | CPU s | x `python -c pass` |", "|---|---|---|---|", sep="\n")
    for name, row in rows.items():
        print(f"| {name} | {row.wall:.3f} | {row.cpu:.3f} | {row.wall / rows['`python -c pass`'].wall:.1f} |")
    print(f"\nCold start of the file frontend: {start * 1000:.0f} ms; the goal is {GOAL * 1000:.0f} ms.")
    sys.exit(start > GOAL)


def _measured(place: Path, runs: int) -> dict[str, measure.Sample]:
    for name in ("file", "dockerfile"):
        (place / name).mkdir()
    (place / "file" / "Dockerfile").write_text("# syntax=./it.py\nhello\n")
    samples: dict[str, list[measure.Sample]] = {}
    for number in range(runs + 1):
        (place / "file" / "it.py").write_text(f"{PROGRAM}# {number}\n")
        (place / "dockerfile" / "Dockerfile").write_text(f"# {number}\nFROM scratch\nCOPY Dockerfile /hello\n")
        taken = {
            "`python -c pass`": measure.python_start(),
            "file frontend, changed": _build(place, "file"),
            "file frontend, compiled already": _build(place, "file"),
            "Dockerfile, changed": _build(place, "dockerfile"),
        }
        for name, sample in taken.items() if number else ():  # the first round fills caches
            samples.setdefault(name, []).append(sample)
    return {name: measure.middle(each) for name, each in samples.items()}


def _build(place: Path, context: str) -> measure.Sample:
    command = [str(Path(sys.executable).parent / "ladle"), "build", "--metadata-file", str(place / "metadata.json")]
    return measure.run([*command, str(place / context)], {"LADLE_ROOT": str(place / "store")})


if __name__ == "__main__":
    main()
