# SPDX-License-Identifier: Apache-2.0
"""`ladle frontend conformance`: the verdicts as a table."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.core.cli.frontend.conformance import CASES, Sample, Suite, sample_of
from ladle.core.cli.frontend.peer import target_of

_WIDTH = max(map(len, CASES))


def run_conformance(command: Sequence[str], file: str) -> int:
    """Print a line a case; returns 1 if one failed."""
    suite = Suite(target_of(command), sample_of(file) if file else Sample())
    failed = 0
    for verdict in suite.run():
        failed += not verdict.passed
        first, *rest = verdict.note.splitlines() or [""]
        print(f"{'pass' if verdict.passed else 'FAIL'}  {verdict.case:{_WIDTH}}  {first}".rstrip(), flush=True)
        for line in rest if not verdict.passed else ():
            print(f"      {'':{_WIDTH}}  {line}")
    print(f"{len(CASES) - failed} of {len(CASES)} passed")
    return 1 if failed else 0
