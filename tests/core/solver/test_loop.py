# SPDX-License-Identifier: Apache-2.0
"""The plain driver: says at once whether everything is there, and never runs anything."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ladle.core.api.errors import InternalError


def build(fakes: Any, context: str = "c1", **copy: Any) -> Any:
    return fakes.Graph(
        fakes.root("base", "image"),
        fakes.root("context", context, tree="same tree"),
        fakes.op("copy", "base", "context", content_inputs=(1,), **copy),
        fakes.op("b", "copy"),
    )


def test_empty_cache_has_no_answer_and_runs_nothing(fakes: Any, cache: Any, told: Any) -> None:
    graph = build(fakes)
    assert fakes.solve_cached(graph, "b", cache=cache, reporter=told) is None
    assert (graph.runs(), told.events) == ({}, [])


def test_tree_at_hand_is_reported_by_the_driver_that_met_it(fakes: Any, cache: Any, told: Any) -> None:
    graph = fakes.Graph(fakes.root("context", "c", tree="t"), fakes.op("b", "context"))
    assert fakes.solve_cached(graph, "b", cache=cache, reporter=told) is None
    assert told.events == [("started", "context"), ("completed", "context")]


def test_unchanged_build_is_one_look_up_and_writes_nothing(fakes: Any, cache: Any, told: Any) -> None:
    done = fakes.solve(build(fakes), "b", cache=cache)
    cache.lookups = cache.aliases = 0
    assert fakes.solve_cached(build(fakes), "b", cache=cache, reporter=told) == done
    assert (cache.lookups, cache.aliases) == (1, 0)
    assert told.events == [("cached", digest) for digest in ("base", "context", "copy", "b")]


def test_unrelated_file_needs_no_run_where_its_digest_is_at_hand(fakes: Any, cache: Any, told: Any) -> None:
    done = fakes.solve(build(fakes), "b", cache=cache)
    assert fakes.solve_cached(build(fakes, "c2"), "b", cache=cache, reporter=told) == done
    assert told.of("completed") == ["context"]
    assert told.of("cached") == ["base", "copy", "b"]


def test_unknown_digest_is_left_to_the_other_driver(fakes: Any, cache: Any) -> None:
    done = fakes.solve(build(fakes), "b", cache=cache)
    later = build(fakes, "c2", synchronous=False)
    assert fakes.solve_cached(later, "b", cache=cache) is None
    assert fakes.solve(later, "b", cache=cache) == done
    assert later.runs() == {}


def test_given_tree_is_the_one_of_this_build(fakes: Any, cache: Any) -> None:
    fakes.solve(build(fakes), "b", cache=cache)
    moved = fakes.Graph(fakes.root("context", "c1", tree="the same tree elsewhere"))
    done = fakes.solve_cached(moved, "context", cache=cache)
    assert done["context"].result == {"value": "the same tree elsewhere"}


def test_record_of_a_given_tree_is_no_result(fakes: Any, cache: Any) -> None:
    fakes.solve_cached(fakes.Graph(fakes.root("context", "c1", tree="t")), "context", cache=cache)
    fetched = fakes.Graph(fakes.root("context", "c1"))
    done = fakes.solve(fetched, "context", cache=cache)
    assert (fetched["context"].runs, done["context"].result) == (1, {"value": "context()"})


def test_no_cache_has_no_answer(fakes: Any, cache: Any) -> None:
    fakes.solve(build(fakes), "b", cache=cache)
    assert fakes.solve_cached(build(fakes, ignore_cache=True), "b", cache=cache) is None


def test_deep_chain_that_hits_at_its_foot_only(fakes: Any, cache: Any) -> None:
    ops = [fakes.root("0", "r", tree="v")] + [fakes.op(str(n), str(n - 1)) for n in range(1, 5000)]
    graph = fakes.Graph(*ops)
    assert fakes.solve_cached(graph, "4999", cache=cache) is None


def test_used_records_are_touched(fakes: Any, cache: Any) -> None:
    done = fakes.solve(build(fakes), "b", cache=cache)
    cache.touched.clear()
    fakes.solve_cached(build(fakes), "b", cache=cache)
    assert cache.touched == [done["b"].id]


def test_no_targets_is_an_answer(fakes: Any, cache: Any) -> None:
    assert fakes.solve_cached(build(fakes), cache=cache) == {}


def test_cycle_is_refused(fakes: Any, cache: Any) -> None:
    graph = fakes.Graph(fakes.op("x", "y"), fakes.op("y", "x"))
    with pytest.raises(InternalError, match="cycle"):
        fakes.solve_cached(graph, "x", cache=cache)


def test_dangling_input_is_refused(fakes: Any, cache: Any) -> None:
    with pytest.raises(InternalError, match="no vertex gone"):
        fakes.solve_cached(fakes.Graph(fakes.op("x", "gone")), "x", cache=cache)


def test_imports_no_asyncio_and_nothing_slow() -> None:
    code = (
        "import sys, ladle.core.solver.loop, ladle.core.store.store\n"
        "slow = ('asyncio', 'typing', 'dataclasses', 'msgpack', 'threading', 'ctypes')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
