# SPDX-License-Identifier: Apache-2.0
"""What holds for any graph: order does not matter, an op runs at most once, and nothing leaves an unusable cache."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ladle.core.api.errors import BuildError
from ladle.core.solver.drive import solve as drive

FIXTURES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def shapes(draw: st.DrawFn) -> list[tuple[list[int], list[int], bool]]:
    """Draw vertices as (inputs among the earlier ones, which of these are used by content, no-cache)."""
    shape = []
    for number in range(draw(st.integers(1, 12))):
        inputs = draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else []
        by_content = [index for index in range(len(inputs)) if draw(st.booleans())]
        shape.append((inputs, by_content, draw(st.integers(0, 9)) == 0))
    return shape


def build(fakes: Any, shape: Any, order: random.Random, **fields: Any) -> Any:
    """Return the graph with its vertices listed in any order."""
    ops = []
    for number, (inputs, by_content, no_cache) in enumerate(shape):
        edges = tuple((str(each), 0) for each in inputs)
        pin = None if inputs else (f"root {number % 3}", ())
        ops.append(
            fakes.Op(
                str(number),
                edges,
                pinned=pin,
                content_inputs=tuple(by_content),
                ignore_cache=no_cache,
                op=f"op {number % 3}",
                pause=order.random() / 500,
                **fields,
            )
        )
    order.shuffle(ops)
    return fakes.Graph(*ops)


def targets(shape: Any) -> list[str]:
    return [str(len(shape) - 1), str(len(shape) // 2)]


def values(done: dict[str, Any]) -> dict[str, Any]:
    return {digest: record.result for digest, record in done.items()}


@FIXTURES
@given(shapes(), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_and_runs_each_op_at_most_once(fakes: Any, shape: Any, order: random.Random) -> None:
    first, second = build(fakes, shape, order), build(fakes, shape, order)
    one, other = fakes.MemoryCache(), fakes.MemoryCache()
    results = values(fakes.solve(first, *targets(shape), cache=one))
    assert values(fakes.solve(second, *reversed(targets(shape)), cache=other)) == results
    assert max(first.runs().values()) == 1
    again = build(fakes, shape, order)
    assert values(fakes.solve(again, *targets(shape), cache=one)) == results
    if not any(no_cache for _, _, no_cache in shape):
        assert again.runs() == {}
        assert values(fakes.solve_cached(again, *targets(shape), cache=one)) == results


@FIXTURES
@given(shapes(), st.randoms(use_true_random=False), st.data())
def test_any_failure_or_cancel_leaves_a_usable_cache(fakes: Any, shape: Any, order: random.Random, data: Any) -> None:
    expected = values(fakes.solve(build(fakes, shape, order), *targets(shape), cache=fakes.MemoryCache()))
    cache = fakes.MemoryCache()
    broken = build(fakes, shape, order)
    broken[data.draw(st.sampled_from(sorted(broken)))].error = BuildError("broken")
    moment = data.draw(st.floats(0, 0.01))
    edges = [(digest, 0) for digest in targets(shape)]

    async def main() -> None:
        task = asyncio.create_task(drive(broken, edges, broken.__getitem__, cache, fakes.Told()))
        await asyncio.sleep(moment)
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert all(op.runs == op.ended for op in broken.values())
    assert values(fakes.solve(build(fakes, shape, order), *targets(shape), cache=cache)) == expected


@pytest.mark.parametrize("jobs", [1, 2])
def test_few_slots_never_block(fakes: Any, cache: Any, jobs: int) -> None:
    order = random.Random(7)
    shape: list[Any] = [([], [], False)] + [
        ([order.randrange(n), order.randrange(n)], [0], False) for n in range(1, 60)
    ]
    graph = build(fakes, shape, order, synchronous=False)
    fakes.solve(graph, *targets(shape), cache=cache, jobs=jobs)
    assert max(graph.runs().values()) == 1
