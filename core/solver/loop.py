# SPDX-License-Identifier: Apache-2.0
"""The plain driver: finds out whether everything wanted is in the cache, without running anything or importing asyncio.

It looks at the targets first and goes down only where it must: an unchanged build is one look-up for each target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.core.solver.decide import Ask, Digest, Hit, Need, decide
from ladle.core.solver.plan import Hits, Plan, touch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.records import Record
    from ladle.core.solver.api import CacheIndex, Edge, Reporter, RunnerFactory, VertexView
    from ladle.core.solver.state import VertexState

    Records = Mapping[int, Record]


def solve_cached(
    graph: Mapping[str, VertexView],
    targets: Iterable[Edge],
    factory: RunnerFactory,
    cache: CacheIndex,
    reporter: Reporter,
) -> dict[Edge, Record] | None:
    """Return the records of the targets, None if anything has to run. Hits are reported only with an answer."""
    return walk(Plan(graph, targets, factory, reporter), cache)


def walk(plan: Plan, cache: CacheIndex) -> dict[Edge, Record] | None:
    """Do the same for a plan; what was found out stays in it for the other driver."""
    plan.prepare()
    done: dict[str, Records] = {}
    given: set[str] = set()
    stack = [digest for digest, _ in reversed(plan.targets)]
    while stack:
        digest = stack[-1]
        if digest in done:
            stack.pop()
            continue
        state = plan.state(digest)
        decision = decide(state.known)
        if isinstance(decision, Hit):
            done[digest] = decision.records
        elif isinstance(decision, Ask):
            state.ask(decision.by, cache)
        elif isinstance(decision, Need):
            stack.extend(_below(state, decision, done))
        elif isinstance(decision, Digest):
            if not _digests_known(state, decision):
                return None
        else:
            records = state.keep_given(cache)
            if records is None:
                return None
            done[digest] = records
            given.add(digest)
            plan.reporter.started(digest)
            plan.reporter.completed(digest)
    _report(plan, done, given)
    touch(cache, done)
    return plan.result(done)


def _below(state: VertexState, need: Need, done: Mapping[str, Records]) -> list[str]:
    """Fill in the inputs that are done; return the others."""
    missing = []
    for index in need.inputs:
        digest, output = state.vertex.inputs[index]
        if digest in done:
            state.known.records[index] = done[digest][output]
        else:
            missing.append(digest)
    missing.reverse()
    return missing


def _digests_known(state: VertexState, decision: Digest) -> bool:
    for index in decision.inputs:
        record = state.known.records[index]
        content = None if record is None else state.runner.content_known(index, record.result)
        if content is None:
            return False
        state.known.contents[index] = content
    return True


def _report(plan: Plan, done: Mapping[str, Records], given: set[str]) -> None:
    hits = Hits(plan)
    for digest in done:
        hits.claim(digest)
    for digest in sorted(done, key=plan.position.__getitem__):
        if digest not in given:
            hits.hit(digest)
