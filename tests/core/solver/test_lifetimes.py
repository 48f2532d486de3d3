# SPDX-License-Identifier: Apache-2.0
"""Results that grow too old (`cache-ttl`): passed over in the cache, and what stands on them goes by their records."""

from __future__ import annotations

from typing import Any


def ops(fakes: Any, *, since: float = 0.0) -> Any:
    """Return a root, a step on it whose results are good only from `since` on, and a step on that."""
    return fakes.Graph(
        fakes.root("root", "image"), fakes.op("aging", "root", fresh_since=since), fakes.op("above", "aging")
    )


def test_a_result_that_is_young_enough_is_a_hit(fakes: Any, cache: Any) -> None:
    cache.now = 100.0
    first = fakes.solve(ops(fakes, since=50.0), "above", "aging", cache=cache)
    graph = ops(fakes, since=100.0)
    assert fakes.solve_cached(graph, "above", "aging", cache=cache) == first
    assert graph.runs() == {}
    assert first["aging"].created == 100.0


def test_a_result_that_is_too_old_is_made_anew_with_what_stands_on_it(fakes: Any, cache: Any) -> None:
    cache.now = 100.0
    fakes.solve(ops(fakes, since=50.0), "above", cache=cache)
    graph = ops(fakes, since=150.0)
    assert fakes.solve_cached(graph, "above", cache=cache) is None
    cache.now = 160.0
    second = fakes.solve(graph, "above", cache=cache)
    assert graph.runs() == {"aging": 1, "above": 1}
    third = ops(fakes, since=155.0)
    assert fakes.solve(third, "above", cache=cache) == second
    assert third.runs() == {}


def test_what_stands_on_it_and_counts_content_only_hits_when_the_same_came_out(fakes: Any, cache: Any) -> None:
    for since, ran in ((50.0, ["aging", "above"]), (150.0, ["aging"])):
        cache.now = since + 50.0
        graph = fakes.Graph(
            fakes.root("root", "image", tree="tree"),
            fakes.op("aging", "root", fresh_since=since),
            fakes.op("above", "aging", content_inputs=(0,)),
        )
        fakes.solve(graph, "above", cache=cache)
        assert graph.runs() == dict.fromkeys(ran, 1)


def test_age_counts_only_where_it_was_asked_for(fakes: Any, cache: Any) -> None:
    cache.now = 100.0
    fakes.solve(ops(fakes, since=50.0), "above", cache=cache)
    graph = ops(fakes)
    fakes.solve(graph, "above", cache=cache)
    assert graph.runs() == {}
